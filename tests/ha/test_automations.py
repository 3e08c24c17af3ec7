"""The YAML automations that Home Assistant loaded at its start: two drive the heater, one tells of a block."""

import json

from harness.home import ROOM_C
from harness.waiting import wait_for


def occupied(home, yes):
    home.ha.call(f"input_boolean.turn_{'on' if yes else 'off'}", entity_id="input_boolean.occupied")


def price(home, value):
    home.ha.call("input_number.set_value", entity_id="input_number.price", value=value)


def test_automations_are_loaded(home):
    for name in ("presence_drives_the_preset", "the_price_drives_mode_and_preset", "a_block_is_told"):
        assert home.ha.state("automation." + name)["state"] == "on"


def test_presence_drives_the_preset(home):
    home.assert_hashing()
    occupied(home, False)
    home.wait(lambda a: a["preset_mode"] == "away" and a["temperature"] == 16 < ROOM_C, 2)
    home.assert_resting()
    occupied(home, True)
    home.wait(lambda a: a["preset_mode"] == "home" and a["temperature"] == 21, 2)
    home.assert_hashing()


def test_price_drives_mode_and_preset(home):
    price(home, 1.5)
    home.wait(lambda a: a["preset_mode"] == "eco" and a["temperature"] == 19, 2)
    home.assert_resting()
    price(home, 4)
    home.wait(lambda a: a["state"] == "off", 2)
    price(home, 0.1)
    home.wait(lambda a: a["state"] == "heat" and a["preset_mode"] == "boost" and a["temperature"] == 23, 2)
    home.assert_hashing()


def test_a_block_is_told(home):
    """Each time, with what the event says; not for a block of old after a restart."""
    for height in (900001, 900002):
        block = {"event_type": "block_found", "hash": f"{height:064x}", "height": height}
        home.watcher.publish("heatbridge/heater/miner/event", json.dumps(block))
        wait_for(lambda title=f"Block {height} found": title in titles(home), "the notification")


def titles(home):
    return [n["title"] for n in home.ha.ws("persistent_notification/get")]
