"""Neighbours that hang or are hostile: they are shown so, and nobody else is polled later or left cold because of them."""

import pathlib
import re
import time

import pytest
from conftest import Home
from emulators.avalon import Avalon
from emulators.base import VICES, BlackHole
from emulators.mujina import Mujina
from harness.waiting import wait_for

POLLS = 10                                       # intervals that are measured
PERIOD_S = {"http": 5, "tcp": 10}                # as the drivers' tables say
ASKS = {"http": "GET /api/v0/miner", "tcp": "version"}  # what each poll begins with, and nothing else does

# What the owner is told of a vice, where it is more than "does not answer".
WORDS = {"http": {"redirect": "sends us to http://127.0.0.1:9/.*set url", "endless": "too long.*set url",
                  "long": "too long.*set url", "garbage": "expected the API of mujina", "corrupt": "expected the API of mujina"},
         "tcp": {"redirect": "expected cgminer", "garbage": "expected cgminer", "corrupt": "expected cgminer",
                 "endless": "longer than.*set url", "long": "longer than.*set url", "header": "longer than.*set url"}}


def build(transport, number):
    if transport == "http":
        return Mujina(), {"driver": "mujina", "power": "20 W"}
    return Avalon("q", mac=f"e0e1a93e2d{number:02x}"), {"driver": "avalon"}


def add_good(home):
    """One good heater of each transport."""
    good = {}
    for transport in PERIOD_S:
        emulator, config = build(transport, 0xa0)
        good[transport] = home.add(f"good_{transport}", emulator, **config)
    return good


def add_hostile(home, transport):
    """One neighbour of each vice, none of which it has yet; and one that was never there."""
    hostile = {}
    for number, vice in enumerate(VICES):
        emulator, config = build(transport, number)
        hostile[vice] = home.add(vice, emulator, **config)
    hole = BlackHole().start()
    home.emulators.append(hole)
    home.add("black_hole", None, **build(transport, 0xff)[1], url=f"{transport}://{hole.where}")
    return hostile


def intervals(emulator, transport, since):
    """Times between the beginnings of polls, as the device sees them."""
    with emulator.lock:
        times = [at for at, what in emulator.requests if at >= since and what == ASKS[transport]]
    return [later - earlier for earlier, later in zip(times, times[1:])]


def memory_kb(home, which):
    status = pathlib.Path(f"/proc/{home.bridge.process.pid}/status").read_text(encoding="utf-8")
    return int(re.search(rf"{which}:\s+(\d+) kB", status).group(1))


def is_there(state):
    return state.get("available") and state["power_w"] is not None


def is_gone(state):
    return state.get("available") is False and state["power_w"] is None


@pytest.fixture
def control():
    """The same house without hostile neighbours: what this machine, as busy as it is now, lets heatbridge do."""
    made = Home()
    yield made
    made.close()


@pytest.mark.parametrize("transport", PERIOD_S)
def test_hostile_neighbours_delay_nobody(home, control, transport):
    good, alone = add_good(home), add_good(control)
    hostile = add_hostile(home, transport)
    for each in (home, control):
        each.start()
        each.heat()
        for name in PERIOD_S:
            each.wait_heater(f"good_{name}", lambda s: is_there(s) and s["commanded_w"] > 0, "the good ones heat", 60)
    for vice in hostile:
        home.wait_heater(vice, is_there, "the neighbours before they turn bad", 60)
    quiet_kb = memory_kb(home, "VmRSS")

    for vice, emulator in hostile.items():
        emulator.vice = vice
    since = time.monotonic()
    before = {vice: emulator.served for vice, emulator in hostile.items()}
    for name in PERIOD_S:
        for emulator in (good[name], alone[name]):
            wait_for(lambda: len(intervals(emulator, name, since)) >= POLLS, f"{POLLS} polls", 30 * POLLS)
    for name, period_s in PERIOD_S.items():
        beside, reference = (sorted(intervals(e[name], name, since)) for e in (good, alone))
        # What a machine that stood still did to the house without them is not theirs.
        assert beside[-1] <= 1.1 * max(period_s, reference[-1]), (name, beside, reference)
        assert beside[len(beside) // 2] <= 1.02 * max(period_s, reference[len(reference) // 2]), (name, beside, reference)
        assert home.heater(f"good_{name}")["available"]

    # They were asked meanwhile, and each is unknown, with one sentence in the page and one line in the log.
    for vice, emulator in hostile.items():
        assert emulator.served > before[vice], vice
    for vice in (*hostile, "black_hole"):
        state = home.wait_heater(vice, is_gone, f"{vice} shown as gone", 60)
        assert state["hashrate_ths"] is None and state["chip_c"] is None and state["problem"]
        assert re.search(WORDS[transport].get(vice, "does not answer"), state["problem_text"]), (vice, state)
        lines = [line for line in home.bridge.lines if f" heater {vice}:" in line]
        assert len(lines) == 1 and lines[0].startswith("warn"), lines

    # Memory holds no more of them than one bounded answer each.
    assert memory_kb(home, "VmHWM") < quiet_kb + 10 * 1024

    # And the room goes on being heated by those that obey.
    home.off()
    for name in PERIOD_S:
        home.wait_heater(f"good_{name}", lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == 0, "off", 60)
    assert good["http"].paused and good["tcp"].off
