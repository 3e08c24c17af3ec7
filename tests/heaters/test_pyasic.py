"""pyasic, which shares no line with heatbridge, looks at the same emulated devices: both must see the same.

This guards against an emulator and a driver that share one misunderstanding. A row of families.py says what pyasic
makes of the device, which figures are compared, and why others are not.
"""

import json
import os
import pathlib
import subprocess

import pytest

from conftest import HEATBRIDGE, HERE
from families import FAMILIES, emulators, needs_real_ports
from harness.waiting import wait_for

CACHE = pathlib.Path(os.environ.get("HEATBRIDGE_CACHE")
                     or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "heatbridge")


@pytest.fixture(scope="session")
def ask():
    subprocess.run([HERE.parent / "ha/setup", "pyasic"], check=True, capture_output=True)

    def ask_pyasic(address):
        done = subprocess.run([CACHE / "pyasic/bin/python", "-B", HERE / "ask_pyasic.py", address],
                              check=True, capture_output=True, text=True, timeout=120)
        return json.loads(done.stdout.splitlines()[-1])
    return ask_pyasic


def highest(values):
    known = [value for value in values if value is not None]
    return max(known) if known else None


def turns(speed):
    return None if speed is None else int(speed > 0)


# Figure: what heatbridge publishes of it, what pyasic says, and how far they may be apart (part of it, and absolute).
FIGURES = {
    "hashrate": (lambda ours: ours["hashrate_ths"], lambda theirs: theirs["hashrate_ths"], 0.01, 0),
    "power": (lambda ours: ours["power_w"], lambda theirs: theirs["power_w"], 0.01, 1),
    "chip": (lambda ours: ours["chip_c"], lambda theirs: highest(board["chip_c"] for board in theirs["boards"]), 0, 1),
    "board": (lambda ours: ours["board_c"], lambda theirs: highest(board["board_c"] for board in theirs["boards"]), 0, 1),
    "inlet": (lambda ours: ours["inlet_c"], lambda theirs: theirs["env_c"], 0, 1),
    # One publishes a part of full speed, the other turns a minute: both know whether they turn.
    "fan": (lambda ours: turns(ours["fan"]), lambda theirs: turns(highest(theirs["fans_rpm"])), 0, 0),
}


def difference(figure, ours, theirs):
    """What is different about a figure, "" if nothing; what one of them does not know is different too."""
    read_ours, read_theirs, part, absolute = FIGURES[figure]
    one, other = read_ours(ours), read_theirs(theirs)
    if one is not None and other is not None and abs(one - other) <= part * abs(other) + absolute:
        return ""
    return f"{figure}: heatbridge {one}, pyasic {other}"


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.pyasic], ids=lambda family: family.name)
def test_pyasic_sees_the_same(family, home, ask):
    needs_real_ports()
    assert set(family.figures) | set(family.unlike) == set(FIGURES), "each figure is compared, or it is said why not"
    address = f"127.11.1.{FAMILIES.index(family) + 1}"
    for emulator in emulators(family, address, HEATBRIDGE):
        home.emulators.append(emulator.start())
    home.add("heater", None, driver=family.driver, url=family.url.format(address), min_on="0 s",
             min_off="0 s", **family.options)
    home.start()
    home.heat()
    home.wait_heater("heater", lambda state: state["link"] == "ok", "heatbridge reads it")
    seen = {}

    def agree():
        seen["theirs"] = ask(address)
        seen["ours"] = home.heater("heater")
        if seen["theirs"]["class"] is None:
            seen["different"] = ["it is restarting"]
            return False
        seen["different"] = [text for text in (difference(figure, seen["ours"], seen["theirs"])
                                               for figure in family.figures) if text]
        works = "hashrate" not in family.figures or seen["theirs"]["hashrate_ths"] > 0
        return not seen["different"] and works and seen["theirs"]["class"] == family.pyasic
    try:
        wait_for(agree, "both see the same", 60)
    except AssertionError:
        raise AssertionError(f"{seen['different']}, pyasic: {seen['theirs']}") from None
    if family.identity and seen["theirs"]["mac"]:
        assert seen["theirs"]["mac"].lower() == family.identity


def test_who_is_not_compared_has_a_reason():
    for family in FAMILIES:
        assert bool(family.pyasic) != bool(family.not_pyasic), family.name
