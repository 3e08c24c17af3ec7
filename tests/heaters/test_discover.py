"""heatbridge discover: emulators of all families on loopback, on the ports that the real ones have."""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import subprocess

import pytest

from conftest import HEATBRIDGE
from emulators.base import HttpEmulator
from emulators.mdns import MdnsResponder, Service
from families import FAMILIES, drivers, emulators, needs_real_ports
from harness.waiting import wait_for


@pytest.fixture(autouse=True)
def alone():
    """They share addresses and the machine's port for multicast DNS, so that they must not run side by side."""
    with open(__file__, encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# Not heaters that are found on a network, or found by nothing that a search could see.
NOT_FOUND = {"engine", "simulated", "stratum_proxy", "plug", "mqtt", "compute"}


def discover(*words, code=0):
    done = subprocess.run([HEATBRIDGE, "discover", *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return done


def found(*words):
    return [json.loads(line) for line in discover(*words, "--json").stdout.splitlines()]


class Axe(HttpEmulator):
    """As much of a Bitaxe as is needed to be one."""

    def answer(self, method, path, headers, body):
        if path == "/api/system/info":
            return self.json({"ASICModel": "BM1370", "boardVersion": "602", "hostname": "bitaxe", "version": "v2.14.0",
                              "macAddr": "AA:BB:CC:DD:EE:FF"})
        return 404, {}, b""


@contextlib.contextmanager
def running(*emulated):
    started = []
    try:
        for emulator in emulated:
            started.append(emulator.start())
        yield
    finally:
        for emulator in started:
            emulator.stop()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_is_known(family, tmp_path):
    needs_real_ports()
    address = f"127.10.1.{FAMILIES.index(family) + 1}"
    emulated = emulators(family, address, HEATBRIDGE)
    with running(*emulated):
        [heater] = found(address)
        assert heater["answers"] and heater["address"] == address
        assert heater["driver"] == family.driver
        assert heater["family"] == family.family
        assert heater["url"] == family.url.format(address)
        if family.model:
            assert heater["model"] == family.model
        if family.identity:
            assert heater["identity"] == family.identity
        assert not any(getattr(emulator, "overlaps", 0) for emulator in emulated)
        yaml = discover(address).stdout
    check(yaml, family, tmp_path)


def check(yaml, family, tmp_path):
    """What was printed is pasted into a configuration, and taken by `heatbridge check`."""
    heater_id = re.search(r"^  (\w+):$", yaml, re.MULTILINE).group(1)
    secrets = re.findall(r"!secret (\w+)", yaml)
    (tmp_path / "secrets.yaml").write_text("".join(f"{name}: secret\n" for name in secrets))
    (tmp_path / "secrets.yaml").chmod(0o600)
    # What only the owner can know stands there as a comment that says so.
    for name in re.findall(r"# add (\w+):", yaml):
        yaml = re.sub(rf"# add {name}:.*", f"{name}: {json.dumps(family.options[name])}", yaml)
    config = tmp_path / "heatbridge.yaml"
    config.write_text("mqtt: {url: mqtt://127.0.0.1}\nrooms:\n  room:\n    temperature: {topic: t}\n"
                      f"    heaters: [{heater_id}]\n" + yaml)
    done = subprocess.run([HEATBRIDGE, "check", config], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + yaml


def test_braiins_os_without_the_http_interface_is_told_so():
    if "braiins" not in drivers(HEATBRIDGE):
        pytest.skip("this heatbridge has no driver braiins")
    needs_real_ports()
    from emulators.braiins import BraiinsSocket, OldBraiins
    with running(OldBraiins(port=80, address="127.10.7.1"), BraiinsSocket.bosminer(port=4028, address="127.10.7.1")):
        assert discover("127.10.7.1").stdout == (
            "heaters:\n  # Braiins OS\n"
            "  # at http://127.10.7.1: its firmware is too old to be driven: update it on its web page\n")


def test_every_driver_of_a_device_has_a_row():
    missing = drivers(HEATBRIDGE) - NOT_FOUND - {family.driver for family in FAMILIES}
    assert not missing


def test_all_are_found_in_one_range():
    needs_real_ports()
    rows = [family for family in FAMILIES if family.driver in drivers(HEATBRIDGE)]
    emulated = [emulator for i, family in enumerate(rows) for emulator in emulators(family, f"127.10.2.{i + 1}", HEATBRIDGE)]
    with running(*emulated):
        heaters = sorted(found("127.10.2.0/26"), key=lambda heater: int(heater["address"].split(".")[-1]))
    assert [heater["driver"] for heater in heaters] == [family.driver for family in rows]


def test_equal_devices_get_ids_of_their_own():
    needs_real_ports()
    with running(Axe(80, "127.10.3.1"), Axe(80, "127.10.3.2")):
        yaml = discover("127.10.3.0/29").stdout
    assert re.search(r"# AxeOS, Bitaxe 602, v2.14.0, bitaxe\n(  # at .*127.10.3.1|  bitaxe_602:\n)", yaml)
    assert yaml.count("127.10.3.2") == 1


@pytest.mark.parametrize("word, sentence", [
    ("8.8.8.0/24", "only private networks are scanned, and '8.8.8.0/24' is not one"),
    ("10.0.0.0/16", "at most 4096 addresses (a /20) are scanned, and '10.0.0.0/16' has more"),
    ("home", "expected a network such as 192.168.1.0/24 or an address, got 'home'")])
def test_only_private_networks_and_few_addresses(word, sentence):
    assert discover(word, code=2).stderr == f"heatbridge discover: {sentence}\n"


def test_networks_are_counted_together():
    done = discover("10.0.0.0/20", "10.1.0.0/28", code=2)
    assert done.stderr == ("heatbridge discover: at most 4096 addresses (a /20) are scanned, "
                           "and these networks together have 4108\n")


def test_who_announces_itself_is_found_without_a_scan():
    axe, printer = Axe(address="127.0.0.1"), Axe(address="127.0.0.1")
    with running(axe, printer):
        bitaxe = Service("Bitaxe Gamma 602 (EEFF)", "127.0.0.1", axe.port, ["board=602", "asic=BM1370"], "_axeos")
        other = Service("LaserWriter", "127.0.0.1", printer.port, ["txtvers=1"])
        with MdnsResponder([bitaxe, other]) as responder:
            heaters = [heater for heater in found() if heater["address"] == "127.0.0.1"]
    assert (("_axeos", "_sub", "_http", "_tcp", "local"), 12) in responder.asked
    assert (("_http", "_tcp", "local"), 12) in responder.asked
    assert [(heater["url"], heater["identity"]) for heater in heaters] == [(axe.url, "aa:bb:cc:dd:ee:ff")]
    assert not printer.requests, "a web server that does not call itself a heater is left in peace"
    assert axe.overlaps == 0


def test_an_announced_address_outside_is_not_visited():
    with MdnsResponder([Service("Bitaxe Gamma", "203.0.113.1", 80, ["asic=BM1370"], "_axeos")]) as responder:
        assert not [heater for heater in found() if heater["address"] == "203.0.113.1"]
    assert responder.asked


def test_configured_heaters_are_left_in_peace(tmp_path):
    if "axeos" not in drivers(HEATBRIDGE):
        pytest.skip("this heatbridge has no driver axeos")
    needs_real_ports()
    config = tmp_path / "heatbridge.yaml"
    config.write_text("mqtt: {url: mqtt://127.0.0.1}\nrooms: {room: {temperature: {topic: t}, heaters: [axe]}}\n"
                      "heaters: {axe: {driver: axeos, url: http://127.10.4.1}}\n")
    known, new = Axe(80, "127.10.4.1"), Axe(80, "127.10.4.2")
    with running(known, new):
        heaters = found("127.10.4.0/29", "--config", config)
    assert [heater["address"] for heater in heaters] == ["127.10.4.2"]
    assert known.served == 0
    assert discover("--config", tmp_path / "none.yaml", code=2).stderr


@pytest.mark.parametrize("vice", ["silent", "dribble", "redirect", "endless", "long", "garbage", "refuse"])
def test_hostile_servers_hold_nobody_up(vice):
    needs_real_ports()
    bad, good = Axe(80, "127.10.5.1"), Axe(80, "127.10.5.2")
    bad.vice = vice
    with running(bad, good):
        heaters = found("127.10.5.1", "127.10.5.2")
    assert [heater["address"] for heater in heaters] == ["127.10.5.2"]


def test_a_terminal_sees_the_progress():
    leader, follower = pty.openpty()
    with subprocess.Popen([HEATBRIDGE, "discover", "127.10.6.0/28"], stdout=subprocess.PIPE, stderr=follower) as program:
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):      # how a terminal ends
            while piece := os.read(leader, 4096):
                shown += piece
        assert program.stdout.read() == b""
    os.close(leader)
    assert program.returncode == 0
    assert b"[##############################] 14 of 14 addresses, 0 found\r\x1b[K" in shown
    assert "of 14" not in discover("127.10.6.0/28").stderr, "not a terminal: no bar"


def test_an_interrupt_ends_it_with_what_was_found():
    needs_real_ports()
    good, slow = Axe(80, "127.10.8.1"), Axe(80, "127.10.8.2")
    slow.vice = "silent"
    with running(good, slow), subprocess.Popen([HEATBRIDGE, "discover", "127.10.8.0/29"], stdout=subprocess.PIPE,
                                               stderr=subprocess.PIPE, text=True) as program:
        wait_for(lambda: good.served and slow.served, "both are visited", 30)
        program.send_signal(signal.SIGINT)
        output, messages = program.communicate(timeout=60)
    assert program.returncode == 0, messages
    assert "127.10.8.1" in output
