"""Each thing that a person can do on the card changes the hashing within a second, and the card knows."""

import pytest

from harness.home import CLIMATE, HEATER_HASHRATE, POWER_LIMIT, ROOM_C, ROOM_HASHRATE, ROOM_POWER, number
from harness.program import now


def test_temperature_up_and_down(home):
    home.assert_hashing()
    home.echoed(lambda a: a["temperature"] == 16, "climate.set_temperature", temperature=16)
    home.wait(lambda a: a["hvac_action"] == "idle")
    home.assert_resting()
    home.echoed(lambda a: a["temperature"] == 22.5, "climate.set_temperature", temperature=22.5)
    home.wait(lambda a: a["hvac_action"] in ("preheating", "heating"))
    home.assert_hashing()


def test_hashing_follows_within_a_second(home):
    """By the pool's clock of shares when it ends, by Home Assistant's view of the watts when it begins."""
    home.assert_hashing()
    called = now()
    home.command("climate.turn_off")
    home.assert_resting()
    assert home.pool.accepted_at[-1] - called < 1.0
    for entity_id in (HEATER_HASHRATE, ROOM_HASHRATE):      # a mean over some seconds
        home.ha.wait_state(entity_id, lambda s: number(s) == 0)
    called = now()
    home.command("climate.turn_on")
    for entity_id in ("sensor.living_room_requested_power", "sensor.miner_commanded_power"):
        _, moment = home.ha.wait_state(entity_id, lambda s: number(s) > 0)
        assert moment - called < 1.0, entity_id
    assert home.pool.wait_share() - called < 10.0


def test_room_that_is_warm_enough_rests(home):
    home.assert_hashing()
    home.sensor.set(24.0)
    home.wait(lambda a: a["current_temperature"] == 24 and a["hvac_action"] == "idle")
    home.assert_resting()


def test_modes(home):
    home.assert_hashing()
    home.echoed(lambda a: a["state"] == "off", "climate.set_hvac_mode", hvac_mode="off")
    home.wait(lambda a: a["hvac_action"] == "off")
    home.assert_resting()
    home.echoed(lambda a: a["state"] == "auto", "climate.set_hvac_mode", hvac_mode="auto")
    home.assert_hashing()
    home.echoed(lambda a: a["state"] == "heat", "climate.set_hvac_mode", hvac_mode="heat")
    home.assert_hashing()


@pytest.mark.parametrize("preset, target", [("away", 16), ("eco", 19), ("sleep", 18), ("boost", 23)])
def test_presets(home, preset, target):
    home.echoed(lambda a: a["preset_mode"] == preset and a["temperature"] == target,
                "climate.set_preset_mode", preset_mode=preset)
    if target > ROOM_C:
        home.assert_hashing()
    else:
        home.wait(lambda a: a["hvac_action"] == "idle")
        home.assert_resting()


def test_own_temperature_ends_the_preset(home):
    home.echoed(lambda a: a["temperature"] == 22 and a["preset_mode"] == "none",
                "climate.set_temperature", temperature=22)


def test_turn_off_and_on(home):
    home.assert_hashing()
    home.echoed(lambda a: a["state"] == "off", "climate.turn_off")
    home.assert_resting()
    home.echoed(lambda a: a["state"] == "heat", "climate.turn_on")
    home.assert_hashing()


def test_turn_on_returns_to_the_mode_before(home):
    home.echoed(lambda a: a["state"] == "auto", "climate.set_hvac_mode", hvac_mode="auto")
    home.echoed(lambda a: a["state"] == "off", "climate.turn_off")
    home.echoed(lambda a: a["state"] == "auto", "climate.turn_on")


def test_mode_and_temperature_in_one_call(home):
    """Home Assistant sends the mode first and the temperature as a second message."""
    home.echoed(lambda a: a["state"] == "off", "climate.set_hvac_mode", hvac_mode="off")
    home.assert_resting()
    home.echoed(lambda a: a["state"] == "heat" and a["temperature"] == 22.5,
                "climate.set_temperature", temperature=22.5, hvac_mode="heat")
    home.assert_hashing()


def test_mode_keeps_the_temperature(home):
    home.echoed(lambda a: a["temperature"] == 22, "climate.set_temperature", temperature=22)
    home.echoed(lambda a: a["state"] == "off", "climate.set_hvac_mode", hvac_mode="off")
    home.echoed(lambda a: a["state"] == "heat" and a["temperature"] == 22, "climate.set_hvac_mode", hvac_mode="heat")


def test_temperature_is_rounded_to_the_step(home):
    home.echoed(lambda a: a["temperature"] == 22.5, "climate.set_temperature", temperature=22.3)


def test_power_limit(home):
    home.command("climate.set_preset_mode", preset_mode="boost")
    home.assert_hashing()
    home.ha.wait_state(ROOM_POWER, lambda s: number(s) > 200, 15)
    home.echoed(lambda a: float(a["state"]) == 100, "number.set_value", entity_id=POWER_LIMIT, value=100)
    home.ha.wait_state(ROOM_POWER, lambda s: 0 < number(s) <= 105, 15)
    home.ha.wait_state("sensor.living_room_requested_power", lambda s: 0 < number(s) <= 100)
    home.pool.wait_share()


def test_refused_command_snaps_back_with_a_reason(home):
    """What Home Assistant itself would let through: another client publishes nonsense."""
    home.watcher.topics.pop("heatbridge/living_room/error", None)
    home.watcher.publish("heatbridge/living_room/target/set", "warm")
    error = home.watcher.wait_topic("heatbridge/living_room/error")
    assert "warm" in error
    assert home.ha.state(CLIMATE)["attributes"]["temperature"] == 21


def test_retained_command_is_ignored(home):
    """A retained command would come back at every reconnect and switch the room by itself."""
    home.watcher.publish("heatbridge/living_room/mode/set", "off", retain=True)
    try:
        home.restart_bridge()
        home.ha.wait_state(CLIMATE, lambda s: s["state"] == "heat", 20)
        home.sensor.set(ROOM_C)
        home.assert_hashing()
        assert home.ha.state(CLIMATE)["state"] == "heat"
    finally:
        home.watcher.publish("heatbridge/living_room/mode/set", "", retain=True)


def test_interlock_is_shown_and_acknowledged(home):
    home.assert_hashing()
    heaters = home.bridge.config["heaters"]
    rule = {"topic": "test/outlet", "max": 60, "hold": "0 s", "stale_after": "0 s"}
    home.restart_bridge(heaters={"miner": {**heaters["miner"], "interlocks": {"outlet": rule}}})
    try:
        home.ha.wait_state("binary_sensor.miner_interlock", lambda s: s["state"] == "off")
        home.watcher.publish("test/outlet", "61")
        state, _ = home.ha.wait_state("binary_sensor.miner_interlock", lambda s: s["state"] == "on")
        assert state["attributes"]["device_class"] == "problem"
        assert state["attributes"]["text"] == "outlet: 61, expected at most 60"
        home.ha.wait_state("sensor.living_room_reason", lambda s: s["state"] == "interlock")
        home.assert_resting()
        home.watcher.publish("test/outlet", "40")
        home.watcher.wait_topic("test/outlet", lambda text: text == "40")
        home.ha.call("button.press", entity_id="button.miner_acknowledge")
        home.ha.wait_state("binary_sensor.miner_interlock", lambda s: s["state"] == "off")
        home.assert_hashing()
    finally:
        home.restart_bridge(heaters=heaters)
