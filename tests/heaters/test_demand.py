"""A power that another program asks for: over its topic, over the room's own, and what goes before it."""

import json
import pathlib
import re
import subprocess

import pytest
from conftest import HEATBRIDGE
from harness.waiting import wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def room(home):
    """A cold room with a heater that follows at once; its demand is set by the test."""
    def start(room_c=18.0, **demand):
        home.add("box", None, driver="simulated", rated_power="1000 W", settle="1 s", max_power="1000 W")
        config = home.config

        def with_demand():
            made = config()
            if demand:
                made["rooms"]["room"]["demand"] = demand
            return made
        home.config = with_demand
        home.start(room_c)
        home.watcher.wait_topic("heatbridge/room/state")
        return home
    return start


def state(home):
    return home.watcher.json("heatbridge/room/state") or {}


def wait_room(home, accept, what, timeout=30):
    wait_for(lambda: state(home) and accept(state(home)), f"{what}; it was {state(home)}", timeout)


def commanded(home, power_w):
    home.wait_heater("box", lambda s: s["commanded_w"] == power_w and s["outcome"] == "confirmed",
                     f"the heater holds {power_w} W")


def test_a_topic_of_another_program_in_watts(room):
    home = room(topic="evcc/heater", value="power", unit="W", stale_after="15 min")
    home.heat()
    commanded(home, 1000)  # by its own thermostat: the room is cold
    home.watcher.publish("evcc/heater", {"power": 450})
    commanded(home, 450)
    wait_room(home, lambda s: s["reason"] == "demand" and s["demand"] == 450 and s["demand_unit"] == "W", "demand")
    home.watcher.publish("evcc/heater", {"power": 0})
    commanded(home, 0)
    home.watcher.publish("evcc/heater", {"power": 700})
    commanded(home, 700)
    home.watcher.publish("evcc/heater", {"power": 2e6})  # nonsense is told once and changes nothing
    wait_for(lambda: "expected 0 to 1000000 W, got 2e+06" in home.bridge.tail(200), "the nonsense is told", 30)
    assert home.heater("box")["commanded_w"] == 700


def test_percent_with_a_lease_and_back_to_the_thermostat(room):
    home = room(unit="%", stale_after="20 s")
    home.heat()
    commanded(home, 1000)
    home.order("demand", 40)
    commanded(home, 400)
    # Nobody renews it: the cold room's own thermostat goes on.
    wait_room(home, lambda s: s["demand"] is None and s["reason"] == "heating", "the lease ends", 60)
    commanded(home, 1000)
    home.order("demand", 30)
    commanded(home, 300)
    home.order("demand", "none")
    commanded(home, 1000)
    home.order("demand", 130)
    home.watcher.wait_topic("heatbridge/room/error", lambda t: t ==
                            "demand: expected a number of percent from 0 to 100, or none, got '130'")


def test_off_and_limits_go_before_and_a_retained_demand_is_ignored(room):
    home = room(topic="plan/room", unit="W", stale_after="1 h")
    home.watcher.publish("plan/room", "900", retain=True)
    home.heat()
    home.watcher.publish("plan/room", "900")
    commanded(home, 900)
    home.order("power_limit", 300)
    commanded(home, 300)
    wait_room(home, lambda s: s["reason"] == "power_limit", "limited")
    home.off()
    commanded(home, 0)
    wait_room(home, lambda s: s["reason"] == "off" and s["demand"] == 900, "off, though asked for")
    # What the broker had kept is nobody's wish: after its return only a live message counts.
    home.bridge.stop()
    home.watcher.topics.pop("heatbridge/room/state")
    home.bridge.start()
    home.watcher.wait_topic("heatbridge/room/state")
    home.heat()
    wait_room(home, lambda s: s["mode"] == "heat" and s["reason"] != "starting", "heats")
    assert state(home)["demand"] is None


def test_a_room_without_the_key_says_what_is_missing(room):
    home = room()
    home.order("demand", 500)
    home.watcher.wait_topic("heatbridge/room/error", lambda t: "`stale_after` in the room's configuration" in t)


def number_of(home):
    text = home.watcher.wait_topic("homeassistant/device/heatbridge_room_room/config", lambda t: "demand" in t, 30)
    return json.loads(text)["cmps"]["demand_percent"]


def test_home_assistant_gets_a_number(room):
    number = number_of(room(unit="%", stale_after="10 min"))
    assert (number["p"], number["min"], number["max"], number["cmd_t"]) == \
        ("number", 0, 100, "heatbridge/room/demand/set")


def examples():
    """The YAML that docs/heaters.md prints for other programs: Versatile Thermostat's two, evcc's two."""
    text = (ROOT / "docs/heaters.md").read_text(encoding="utf-8")
    section = text.split("## A power that another program asks for")[1].split("\n## ")[0]
    blocks = re.findall(r"```yaml\n(.*?)```", section, re.S)
    assert len(blocks) == 4
    return blocks


def demand_in(block):
    """The `demand` of an example of ours."""
    return dict(re.findall(r"(\w+): \"?([^,}\"]+)\"?", re.search(r"demand: {(.*?)}", block)[1]))


@pytest.mark.parametrize("index", [0, 2])
def test_the_examples_are_valid(tmp_path, index):
    file = tmp_path / "heatbridge.yaml"
    file.write_text("mqtt: {url: mqtt://localhost}\nheaters: {ofen: {driver: simulated}}\n" + examples()[index],
                    encoding="utf-8")
    done = subprocess.run([HEATBRIDGE, "check", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"unit: {demand_in(examples()[index])['unit']}" in done.stdout.replace('"', "")


def test_the_example_for_versatile_thermostat_drives_the_heater(room):
    """`over_valve` takes a number from 0 to 100 and writes it when it changes; the automation renews it."""
    ours, automation = examples()[:2]
    home = room(**demand_in(ours))
    number = number_of(home)
    assert "action: number.set_value" in automation
    assert number["def_ent_id"].replace("room", "hallway") in automation
    # It needs a number from the beginning: none is 0.
    assert number["val_tpl"] == "{{ value_json.demand if value_json.demand is not none else 0 }}"
    home.heat()
    home.watcher.publish(number["cmd_t"], "55")
    commanded(home, 550)


def test_the_example_for_evcc_drives_the_heater(room):
    """Its `heatpump` charger writes whole watts, and its watchdog writes them again within half its time-out."""
    ours, evcc = examples()[2:]
    home = room(**demand_in(ours))
    timeout_s = int(re.search(r"timeout: (\d+)s", evcc)[1])
    assert "type: heatpump" in evcc and "source: watchdog" in evcc
    assert timeout_s < 60 * int(re.match(r"(\d+) min", demand_in(ours)["stale_after"])[1])
    topics = re.findall(r"topic: (\S+)", evcc)
    home.heat()
    home.watcher.publish(topics[0].replace("hallway", "room"), "690")
    commanded(home, 690)
    field = re.search(r"jq: \.(\w+)", evcc)[1]
    wait_for(lambda: home.watcher.json(topics[1].replace("hallway", "room"))[field] > 600, "evcc reads the power", 30)
