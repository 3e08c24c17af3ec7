"""Watts asked for are watts drawn, by a processor whose sensors are files."""

import json
import re
import subprocess

import pytest

from conftest import HEATBRIDGE
from harness.waiting import wait_for
from machine import Machine

pytestmark = pytest.mark.alone

WINDOW = 10.0


@pytest.fixture
def warm(one_site):
    """A cold room, and an engine that thinks of itself as a heater of 400 W without any idle power."""
    made = Machine(one_site.folder)
    config = one_site.config()
    config["mining"]["sysfs_root"] = str(made.root)
    config["heaters"]["miner"]["meter"] = "auto"
    one_site.extra.append(made)
    one_site.start(config)
    made.pid = one_site.bridge.process.pid
    one_site.machine = made
    return one_site


def test_a_plug_is_believed_and_learnt_from(one_site, figure):
    """No counters of its own, and a plug that tells every two seconds what the whole computer drew."""
    machine = Machine(one_site.folder, rapl=False)
    config = one_site.config()
    config["mining"]["sysfs_root"] = str(machine.root)
    config["heaters"]["miner"] |= {"meter": "auto", "power_meter": {"topic": "plug/miner", "value": "power"}}
    one_site.extra.append(machine)
    one_site.start(config)
    machine.pid = one_site.bridge.process.pid
    one_site.machine = machine
    ask(one_site, 45)
    drawn = []

    def is_met():
        drawn.append(machine.average_w(2))
        one_site.watcher.publish("plug/miner", {"power": drawn[-1]})
        return len(drawn) >= 5 and abs(sum(drawn[-5:]) / 5 - 45) < 0.03 * 45
    wait_for(is_met, f"45 W are drawn, got {drawn}", 180)
    figure(bench="exact_heat", meter="plug", requested_w=45, drawn_w=round(sum(drawn[-5:]) / 5, 2))
    wait_for(lambda: one_site.heater()["power_source"] == "metered", "the plug's word is passed on")
    one_site.watcher.publish("plug/miner", {"power": -3})
    one_site.bridge.wait_line("plug/miner: expected 0 W to 1e+06 W, got -3")


def ask(site, power_w):
    site.watcher.wait_topic("heatbridge/living_room/state")
    site.order("power_limit", str(power_w))
    site.order("mode", "heat")
    site.order("target", "22")
    wait_for(lambda: site.heater().get("commanded_w") == power_w, f"{power_w} W are commanded")


def settle(site, power_w, tolerance, timeout=90):
    """Waits until a whole window is as asked for; returns its average."""
    drawn = []

    def is_met():
        drawn.append(site.machine.average_w(WINDOW))
        return abs(drawn[-1] - power_w) <= tolerance * power_w
    wait_for(is_met, f"{power_w} W are drawn, got {drawn}", timeout)
    return drawn[-1]


def test_watts_asked_for_are_drawn(warm, figure):
    ask(warm, 30)
    figure(bench="exact_heat", requested_w=30, drawn_w=round(settle(warm, 30, 0.02), 2))
    wait_for(lambda: warm.heater().get("power_source") == "reported", "the source of the figure is told")
    wait_for(lambda: abs(warm.heater()["power_w"] - 30) < 1.5, "the power told is the power drawn")
    ask(warm, 45)
    figure(bench="exact_heat", requested_w=45, drawn_w=round(settle(warm, 45, 0.02), 2))


def test_other_programs_are_part_of_the_heat(warm):
    ask(warm, 40)
    settle(warm, 40, 0.03)
    warm.machine.others_w = 12
    settle(warm, 40, 0.03)


def test_what_was_learnt_survives_a_restart(warm):
    ask(warm, 30)
    settle(warm, 30, 0.03)
    ask(warm, 48)
    settle(warm, 48, 0.03)
    assert warm.bridge.stop() == 0
    warm.bridge.start()
    warm.machine.pid = warm.bridge.process.pid
    line = warm.bridge.wait_line("learnt before:")
    idle_w, full_w = (float(number) for number in re.findall(r"([\d.]+) W", line))
    load = (48 - warm.machine.idle_w) / warm.machine.swing_w
    # What it believes of itself before it learns is 24 W off here.
    assert abs(idle_w + load * (full_w - idle_w) - 48) < 10
    settle(warm, 48, 0.03)


def test_the_benches_print_their_figures():
    done = subprocess.run([HEATBRIDGE, "bench", "pacing", "neighbour", "--seconds", "0.4", "--json"],
                          capture_output=True, text=True, timeout=60, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    pacing = [row for row in rows if row["bench"] == "pacing"]
    assert [row["requested"] for row in pacing][:3] == [0.005, 0.01, 0.02] and len(pacing) == 12
    for row in pacing:  # how well they agree is for quiet machines to say
        assert 0 < row["delivered"] < 1.5 and row["full_mhs"] > 0.1, row
        assert abs(row["error"] - (row["delivered"] - row["requested"])) < 2e-5
    beside = {row["beside"]: row for row in rows if row["bench"] == "neighbour"}
    assert set(beside) == {"idle", "engine", "ordinary miner"}
    assert all(0 < row["late_p50_us"] <= row["late_p99_us"] <= row["late_worst_us"] for row in beside.values())


def test_a_hot_processor_makes_less_heat_and_says_why(warm):
    ask(warm, 60)
    settle(warm, 60, 0.05)
    warm.machine.set_temperature(88)
    text = wait_for(lambda: warm.heater().get("problem") and warm.heater().get("problem_text"), "the heater complains")
    assert "temperature limit" in text
    wait_for(lambda: warm.machine.average_w(1) < 35, "less is drawn", 30)
    warm.machine.set_temperature(96)
    wait_for(lambda: warm.machine.average_w(0.5) < 12.5, "nothing is drawn beside idle", 10)
    warm.machine.set_temperature(50)
    settle(warm, 60, 0.05)
    wait_for(lambda: warm.heater().get("problem") is False, "all is well again")


def test_a_lost_sensor_is_told(warm):
    ask(warm, 30)
    wait_for(lambda: warm.heater().get("chip_c") == 45, "the temperature is told")
    warm.machine.lose_sensor()
    wait_for(lambda: "cannot be read any more" in (warm.heater().get("problem_text") or ""), "the loss is told", 20)
    assert warm.machine.average_w(3) > 20  # little heat, not none
