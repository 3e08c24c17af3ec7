"""Braiins OS of 2020 to 2022: one number in a file, over a real SSH."""

import os
import shutil
import threading

import pytest
from emulators import bosminer
from emulators.axeos import AxeOS
from emulators.bosminer import Bosminer
from harness.waiting import wait_for

FAST = {"min_write": "0 s", "settle": "1 s", "max_power": "1400 W"}


def add(home, emulator=None, **config):
    made = (emulator or Bosminer()).start()
    home.emulators.append(made)
    home.heaters["s9"] = {"driver": "bosminer", "url": f"tcp://{made.where}", **made.options, **FAST, **config}
    return made


def with_demand(home):
    """Another program says how many watts the room shall have; its topic."""
    config = home.config

    def made():
        whole = config()
        whole["rooms"]["room"]["demand"] = {"topic": "test/demand", "value": "power", "unit": "W", "stale_after": "15 min"}
        return whole
    home.config = made


def demand(home, power_w):
    home.watcher.wait_topic("heatbridge/room/state")  # it listens
    home.watcher.publish("test/demand", {"power": power_w})


def told(home, power_w, timeout=60):
    return home.wait_heater("s9", lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == power_w,
                            f"{power_w} W are confirmed", timeout)


def test_reads_what_the_device_tells(home):
    emulator = add(home)
    home.start()
    home.heat(900)
    told(home, 900)
    state = home.wait_heater("s9", lambda s: s["power_w"] == 900, "it holds 900 W")
    assert state["hashrate_ths"] == pytest.approx(emulator.mhs() / 1e6)
    assert (state["chip_c"], state["board_c"], state["fan"]) == (77, 64, 40)
    assert state["pool"] == "pool.example:3333"
    assert not emulator.writes, "it was at 900 W already"


def test_changes_one_number(home):
    emulator = add(home)
    before = emulator.file
    home.start()
    home.heat(1250)
    told(home, 1250)
    assert emulator.file == before.replace(b"power_target   =  900\t", b"power_target   =  1250\t")
    assert emulator.limit_w == 1250, "bosminer goes by it"
    assert emulator.services == ["reload"]
    assert not emulator.left_over and not emulator.bad_reads


def test_writes_the_older_name_and_keeps_line_ends(home):
    emulator = add(home, Bosminer(text=bosminer.OLD_FILE))
    before = emulator.file
    assert b"psu_power_limit =  900\t# W, of the wall\r\n" in before
    home.start()
    home.heat(610)
    told(home, 610)
    assert emulator.file == before.replace(b" 900\t", b" 610\t")


def test_off_and_on_never_touch_the_file(home):
    emulator = add(home)
    before = emulator.file
    home.start()
    home.heat(900)
    told(home, 900)
    for _ in range(2):
        home.off()
        told(home, 0)
        assert emulator.paused
        home.heat(900)
        told(home, 900)
        assert not emulator.paused
    assert emulator.file == before and not emulator.writes and not emulator.services
    assert home.heater("s9")["flash_writes"] == 0


def test_a_pause_that_it_does_not_tell_is_known_by_its_hash_rate(home):
    emulator = Bosminer()
    emulator.says_paused = False
    add(home, emulator)
    home.start()
    home.heat(900)
    told(home, 900)
    home.off()
    told(home, 0)
    home.bridge.stop()   # and over a restart of ours
    home.bridge.start()
    told(home, 0)
    assert emulator.pauses.count("pause") <= 2 and not emulator.services


def test_its_service_is_stopped_if_it_refuses_to_pause(home):
    emulator = add(home, Bosminer(pause="refused"))
    before = emulator.file
    home.start()
    home.heat(900)
    told(home, 900)
    home.off()
    told(home, 0)
    wait_for(lambda: not emulator.running, "bosminer does not run")
    state = home.wait_heater("s9", lambda s: s["power_source"] == "modelled", "a modelled power")
    assert state["hashrate_ths"] == 0 and state["available"]
    assert state["identity"] == bosminer.MAC
    home.heat(900)
    told(home, 900)
    wait_for(lambda: emulator.running, "bosminer runs again")
    assert emulator.services[-1] == "start" and emulator.file == before


def test_its_service_is_stopped_if_it_only_says_that_it_pauses(home):
    emulator = add(home, Bosminer(pause="ignored"))
    home.start()
    wait_for(lambda: emulator.services == ["stop"], "its service is stopped", 180)
    told(home, 0)
    assert emulator.pauses == ["pause"] and not emulator.writes


def test_another_program_may_serve_its_port(home):
    emulator = Bosminer(pause="refused")
    emulator.boser = True
    add(home, emulator)
    home.start()
    told(home, 0)
    assert not emulator.running
    home.heat(700)
    told(home, 700)
    assert emulator.watts == 700
    wait_for(lambda: emulator.running and emulator.limit_w == 700, "it runs at that power")
    home.wait_heater("s9", lambda s: s["hashrate_ths"] == emulator.mhs() / 1e6, "and says so")


def test_p2_legacy(home):
    """At most four changes a day, each of nothing but the power, however often another power is wanted."""
    emulator = add(home, Bosminer(stabilizing_s=2.0), settle="2 s")
    with_demand(home)
    seen = [emulator.file]
    home.start()
    home.heat(900)
    told(home, 900)
    demand(home, 900)
    wait_for(lambda: home.watcher.json("heatbridge/room/state")["demand"] == 900, "the demand is heard", 60)
    home.order("power_limit", 1400)
    for power_w in [1400, 500, 1300, 450]:
        demand(home, power_w)
        told(home, power_w)
        wait_for(lambda: emulator.tuner() == "Stable", "it is stable", 60)
        seen.append(emulator.file)
    for earlier, later in zip(seen, seen[1:]):
        assert earlier != later
        assert emulator_text(earlier) == emulator_text(later)
    demand(home, 1350)
    home.wait_heater("s9", lambda s: s["commanded_w"] == 1350, "another power is wanted")
    home.wait_heater("s9", lambda s: s["writes_left"] == 0, "all changes are spent")
    wait_for(lambda: len(emulator.asked(lambda r: "tunerstatus" in r)) > 0, "it is read")
    reads = len(emulator.requests)
    wait_for(lambda: len(emulator.requests) > reads + 15, "it is read three times more", 120)
    assert emulator.file == seen[-1] and len(emulator.writes) == 4
    assert home.heater("s9")["outcome"] == "pending"
    demand(home, 0)   # off is never held back
    told(home, 0)
    assert emulator.paused
    assert emulator.file == seen[-1] and not emulator.bad_reads


def emulator_text(text):
    """Without the number."""
    before, name, rest = text.partition(b"power_target   =  ")
    assert name
    return before + name + rest.lstrip(b"0123456789")


@pytest.mark.parametrize("applet", ["cat", "sync", "mv"])
def test_power_fails_before_the_new_file_has_the_name(home, applet):
    emulator = add(home)
    before = emulator.file
    # `cat` reads, too: only where a new file is being written.
    emulator.hook(applet, f"[ -e $ROOT/etc/bosminer.toml.heatbridge ] && : >$ROOT/run/cut && {bosminer.BUSYBOX} sleep 1000")
    home.start()
    home.heat(1250)
    emulator.wait_for_cut()
    assert emulator.file == before, "byte for byte"
    home.wait_heater("s9", lambda s: not s["available"], "it is missed", 90)
    emulator.hook(applet, "")
    emulator.start()
    told(home, 1250, 120)
    assert emulator.file == before.replace(b" 900\t", b" 1250\t")
    assert not emulator.bad_reads and not emulator.left_over


def test_power_fails_just_after_the_new_file_has_the_name(home):
    emulator = add(home)
    before = emulator.file
    emulator.hook("mv", "", f": >$ROOT/run/renamed; : >$ROOT/run/cut; {bosminer.BUSYBOX} sleep 1000")
    home.start()
    home.heat(1250)
    emulator.wait_for_cut()
    assert emulator.file == before.replace(b" 900\t", b" 1250\t"), "it was synced before it got the name"
    emulator.hook("mv", "")
    emulator.start()
    told(home, 1250, 120)
    assert not emulator.bad_reads and len(emulator.writes) == 1


def test_whoever_reads_finds_the_one_or_the_other(home):
    emulator = add(home)
    before = emulator.file
    after = before.replace(b" 900\t", b" 1250\t")
    found, ended = set(), threading.Event()

    def read():
        while not ended.is_set():
            found.add(emulator.file)
    reader = threading.Thread(target=read)
    reader.start()
    home.start()
    home.heat(1250)
    told(home, 1250)
    ended.set()
    reader.join()
    assert found == {before, after}


def test_a_full_flash_leaves_the_old_file(home):
    emulator = add(home)
    before = emulator.file
    (emulator.root / "etc/bosminer.toml.heatbridge").symlink_to("/dev/full")
    home.start()
    home.heat(1250)
    state = home.wait_heater("s9", lambda s: s["outcome"] == "failed", "it fails", 60)
    assert "its flash memory is full" in state["problem_text"]
    assert emulator.file == before and emulator.services == [] and not emulator.left_over


def test_a_read_only_file_system_is_told(home):
    emulator = add(home)
    before = emulator.file
    emulator.hook("cp", "echo \"cp: can't create '$3': Read-only file system\" >&2; exit 1")
    home.start()
    home.heat(1250)
    state = home.wait_heater("s9", lambda s: s["outcome"] == "failed", "it fails", 60)
    assert "its file system is read-only" in state["problem_text"]
    assert emulator.file == before and emulator.services == []


def test_what_somebody_else_wrote_meanwhile_is_kept(home):
    emulator = add(home)
    other = emulator.file.replace(b"pool.example:3333", b"other.example:4444")
    (emulator.root / "run/other").write_bytes(other)
    emulator.hook("sync", "[ -e $ROOT/run/other ] && mv $ROOT/run/other $ROOT/etc/bosminer.toml")
    home.start()
    home.heat(1250)
    told(home, 1250)
    assert emulator.file == other.replace(b" 900\t", b" 1250\t")
    assert len(emulator.writes) == 2, "the first was given up"
    assert not emulator.left_over


def test_a_file_that_came_out_otherwise_is_put_back(home):
    emulator = add(home)
    before = emulator.file
    emulator.hook("mv", "", f"[ -e $ROOT/run/spoilt ] || {bosminer.BUSYBOX} sed -i s/Failover/x/\\;s/80.0/81.0/ $ROOT/etc/bosminer.toml"
                            "; : >$ROOT/run/spoilt")
    home.start()
    home.heat(1250)
    state = home.wait_heater("s9", lambda s: s["outcome"] == "failed", "it fails", 60)
    assert "the old one was put back" in state["outcome_text"]
    assert emulator.file == before and emulator.services == []


def test_an_unknown_host_key_is_never_taken_on_trust(home):
    emulator = Bosminer().start()
    known, key = emulator.known_hosts, emulator.known_hosts.read_text()
    known.write_text("")
    home.emulators.append(emulator)
    home.heaters["s9"] = {"driver": "bosminer", "url": f"tcp://{emulator.where}", **emulator.options, **FAST}
    home.start()
    home.heat(1250)
    state = home.wait_heater("s9", lambda s: s["outcome"] == "failed", "it fails", 60)
    assert "its SSH host key is not known" in state["problem_text"] and "ssh-keyscan" in state["problem_text"]
    assert known.read_text() == "" and not emulator.commands
    home.off()   # it can be read and paused all the same
    told(home, 0)
    assert emulator.paused
    known.write_text(key)
    home.heat(1250)
    told(home, 1250, 120)
    home.wait_heater("s9", lambda s: not s["problem"], "nothing is wrong any more")


def test_another_host_key_is_another_device(home):
    emulator = add(home)
    home.start()
    home.heat(700)
    told(home, 700)
    emulator.change_host_key()
    commands = len(emulator.commands)
    home.heat(1250)
    state = home.wait_heater("s9", lambda s: s["outcome"] == "failed", "it fails", 60)
    assert "its SSH host key is another than the known one" in state["problem_text"]
    assert len(emulator.commands) == commands and emulator.watts == 700


def test_a_login_that_is_refused_is_told(home):
    emulator = Bosminer()
    add(home, emulator)
    emulator.let_in(False)
    home.start()
    home.heat(1250)
    state = home.wait_heater("s9", lambda s: s["outcome"] == "failed", "it fails", 60)
    assert "it refuses the SSH login of" in state["problem_text"]
    emulator.let_in(True)
    home.off()
    told(home, 0)
    home.heat(1250)
    told(home, 1250, 120)


def test_a_key_that_cannot_be_used_is_told(home, tmp_path):
    add(home, identity_file=str(tmp_path / "missing"))
    home.start()
    home.heat(1250)
    state = home.wait_heater("s9", lambda s: s["outcome"] == "failed", "it fails", 60)
    assert f"the key {tmp_path}/missing cannot be used" in state["problem_text"]


def test_a_machine_without_ssh_is_told(home, tmp_path, monkeypatch):
    emulator = add(home)
    for program in ["mosquitto", "sh"]:
        (tmp_path / program).symlink_to(shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin"))
    monkeypatch.setenv("PATH", str(tmp_path))
    home.start()
    home.heat(1250)
    state = home.wait_heater("s9", lambda s: s["outcome"] == "failed", "it fails", 60)
    assert "install the package openssh-client" in state["problem_text"]
    assert not emulator.writes


def test_one_that_hangs_after_the_login_is_left_and_delays_nobody(home):
    emulator = add(home)
    neighbour = home.add("axe", AxeOS(), driver="axeos", min_write="0 s")
    home.start()
    emulator.hang(True)
    home.heat()
    home.wait_heater("s9", lambda s: s["outcome"] == "failed" and "its SSH hangs" in s["problem_text"], "it fails", 180)
    polls = [at for at, what in neighbour.requests if what.startswith("GET /api/system/info")]
    assert max(later - earlier for earlier, later in zip(polls, polls[1:])) < 15
    home.off()   # needs no SSH
    told(home, 0, 90)
    assert emulator.paused
    emulator.hang(False)
    home.heat(1250)
    told(home, 1250, 120)


def test_off_does_not_wait_for_one_that_hangs(home):
    emulator = add(home)
    home.start()
    home.heat(900)
    told(home, 900)
    emulator.hang(True)
    commands = len(emulator.commands)
    home.heat(1250)
    wait_for(lambda: len(emulator.commands) > commands, "its file is asked for, in vain", 60)
    home.off()
    told(home, 0)
    assert emulator.paused and "its SSH hangs" not in home.bridge.tail(200)


@pytest.mark.parametrize("old, new, words", [
    (b"power_target   =", b"hashrate_target   =", "no power_target or psu_power_limit"),
    (b"enabled = true\npower", b"enabled = false\npower", "its autotuning is off"),
    (b"power_target   =", b"mode = 'hashrate_target'\npower_target   =", "does not go by power"),
    (b" 900\t", b" 900.5\t", "no whole number"),
    (b"[performance_scaling]", b"psu_power_limit = 900\n[performance_scaling]", "more than one power target"),
])
def test_a_file_that_cannot_be_patched_is_left_alone(home, old, new, words):
    emulator = Bosminer()
    assert old in emulator.file
    emulator.file = emulator.file.replace(old, new)
    add(home, emulator)
    before = emulator.file
    home.start()
    home.heat(1250)
    state = home.wait_heater("s9", lambda s: s["outcome"] == "failed", "it fails", 60)
    assert words in state["problem_text"]
    assert emulator.file == before and not emulator.writes and not emulator.services


@pytest.mark.parametrize("pause", ["works", "refused"])
def test_it_is_off_again_after_a_power_cut(home, pause):
    emulator = add(home, Bosminer(pause=pause))
    home.start()
    home.heat(900)
    told(home, 900)
    home.off()
    told(home, 0)
    emulator.cut_power()
    home.wait_heater("s9", lambda s: not s["available"], "it is missed", 90)
    emulator.start()   # it mines as soon as it has power
    wait_for(lambda: emulator.paused or not emulator.running, "it is off again", 60)
    told(home, 0)


def test_a_bad_field_is_unknown_and_the_rest_is_used(home):
    emulator = Bosminer()
    emulator.bad = True
    add(home, emulator)
    home.start()
    state = home.wait_heater("s9", lambda s: s["hashrate_ths"] is not None, "a reading")
    assert state["power_w"] is None and state["bad_fields"] >= 1
