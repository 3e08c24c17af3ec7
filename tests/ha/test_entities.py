"""What appears in Home Assistant after a start: every entity with its attributes, units, device and area."""

import json
import pathlib

import pytest

from harness.home import CLIMATE, ROOM_C, number

POWER = {"device_class": "power", "unit_of_measurement": "W", "state_class": "measurement"}
ENERGY = {"device_class": "energy", "unit_of_measurement": "kWh", "state_class": "total_increasing"}
HASHRATE = {"device_class": None, "unit_of_measurement": "TH/s", "state_class": "measurement"}
CELSIUS = {"device_class": "temperature", "unit_of_measurement": "°C", "state_class": "measurement"}
COUNT = {"device_class": None, "unit_of_measurement": None, "state_class": "total_increasing"}
CONNECTION = {"device_class": "connectivity"}

ROOM_ENTITIES = {
    "sensor.living_room_requested_power": POWER,
    "sensor.living_room_power": POWER,
    "sensor.living_room_energy": ENERGY,
    "sensor.living_room_hashrate": HASHRATE,
    "sensor.living_room_reason": {"device_class": "enum", "unit_of_measurement": None, "state_class": None},
    "number.living_room_power_limit": {"device_class": "power", "unit_of_measurement": "W"},
    "binary_sensor.living_room_window": {"device_class": "window"},
}
HEATER_ENTITIES = {
    "sensor.miner_power": POWER,
    "sensor.miner_energy": ENERGY,
    "sensor.miner_hashrate": HASHRATE,
    "sensor.miner_commanded_power": POWER,
    "sensor.miner_chip_temperature": CELSIUS,
    "sensor.miner_board_temperature": CELSIUS,
    "sensor.miner_inlet_temperature": CELSIUS,
    "sensor.miner_shares_accepted": COUNT,
    "sensor.miner_shares_rejected": COUNT,
    "sensor.miner_writes_today": COUNT,
    "sensor.miner_flash_writes": COUNT,
    "sensor.miner_min_write_time": {"device_class": "duration", "unit_of_measurement": "s"},
    "sensor.miner_health": {"device_class": "enum", "unit_of_measurement": None, "state_class": None},
    "sensor.miner_command": {"device_class": "enum", "unit_of_measurement": None, "state_class": None},
    "sensor.miner_bad_fields": COUNT,
    "sensor.miner_best_difficulty": {"device_class": None, "unit_of_measurement": None, "state_class": "measurement"},
    "event.miner_block_found": {"device_class": None, "event_types": ["block_found"]},
    "sensor.miner_share_hashrate": HASHRATE,
    "sensor.miner_expected_revenue": {"device_class": None, "unit_of_measurement": "sat/h", "state_class": "measurement"},
    "sensor.miner_expected_revenue_per_kwh": {"device_class": None, "unit_of_measurement": "sat/kWh",
                                              "state_class": "measurement"},
    "sensor.miner_pool": {"device_class": None, "unit_of_measurement": None, "state_class": None},
    "binary_sensor.miner_problem": {"device_class": "problem"},
    "binary_sensor.miner_connection": CONNECTION,
    "binary_sensor.miner_pool_connection": CONNECTION,
}
# A plain computer may lack these sensors; nobody has told of the window yet, nor found a block.
MAYBE_UNKNOWN = {"sensor.miner_chip_temperature", "sensor.miner_board_temperature", "sensor.miner_inlet_temperature",
                 "binary_sensor.living_room_window", "event.miner_block_found"}
BLOCK_FOUND = pathlib.Path(__file__).parents[1] / "golden/mqtt_ha/event-block-found.json"


def test_climate(home):
    state, _ = home.wait(lambda a: a["current_temperature"] == ROOM_C)
    attributes = state["attributes"]
    assert state["state"] == "heat"
    assert attributes["hvac_modes"] == ["off", "heat", "auto"]
    assert attributes["preset_modes"] == ["none", "home", "away", "eco", "sleep", "boost"]
    assert attributes["preset_mode"] == "home"
    assert attributes["temperature"] == 21
    assert attributes["target_temp_step"] == 0.5
    assert 0 < attributes["min_temp"] <= 10
    assert 25 <= attributes["max_temp"] <= 35
    assert attributes["hvac_action"] in ("preheating", "heating")
    assert attributes["friendly_name"] == "Living room"


@pytest.mark.parametrize("entity_id, wanted", [*ROOM_ENTITIES.items(), *HEATER_ENTITIES.items()])
def test_figure(home, entity_id, wanted):
    state, _ = home.ha.wait_state(entity_id, lambda s: s["state"] != "unavailable")
    found = {key: state["attributes"].get(key) for key in wanted}
    assert found == wanted


def test_figures_are_known(home):
    home.assert_hashing()
    for entity_id in {*ROOM_ENTITIES, *HEATER_ENTITIES} - MAYBE_UNKNOWN:
        home.ha.wait_state(entity_id, lambda s: s["state"] not in ("unknown", "unavailable"), 15)
    assert home.ha.state("binary_sensor.miner_problem")["state"] == "off"
    for entity_id in ("binary_sensor.miner_connection", "binary_sensor.miner_pool_connection"):
        home.ha.wait_state(entity_id, lambda s: s["state"] == "on")


def test_shares_are_those_of_the_pool(home):
    """Between two rests, Home Assistant counts exactly the shares that the pool has accepted."""
    def counts():
        home.command("climate.turn_off")
        home.assert_resting()
        return home.number("sensor.miner_shares_accepted") - home.pool.accepted, home.pool.accepted

    difference, accepted = counts()
    home.command("climate.turn_on")
    home.assert_hashing()
    difference_later, accepted_later = counts()
    assert accepted_later > accepted
    assert difference_later == difference
    assert home.number("sensor.miner_shares_rejected") == home.pool.rejected


def test_expected_revenue_has_a_source(home):
    home.command("climate.turn_on")
    home.assert_hashing()
    for entity_id in ("sensor.miner_expected_revenue", "sensor.miner_expected_revenue_per_kwh"):
        state, _ = home.ha.wait_state(entity_id, lambda s: s["attributes"].get("source") == "job", 15)
        assert number(state) > 0


def test_a_found_block_is_an_event(home):
    """As the bridge tells it; no block is found in a test by luck."""
    block = json.loads(BLOCK_FOUND.read_text(encoding="utf-8"))
    before = home.ha.state("event.miner_block_found")["state"]
    home.watcher.publish("heatbridge/heater/miner/event", json.dumps(block))
    state, _ = home.ha.wait_state("event.miner_block_found", lambda s: s["state"] != before)
    assert state["attributes"]["event_type"] == "block_found"
    assert state["attributes"]["hash"] == block["hash"]
    assert state["attributes"]["height"] == block["height"]


def test_nothing_else_appears(home):
    """No `_2`, no forgotten left-over."""
    assert set(home.ha.registry()) == {CLIMATE, *ROOM_ENTITIES, *HEATER_ENTITIES}


def test_devices(home):
    devices, registry = home.ha.devices(), home.ha.registry()
    assert set(devices) == {"Living room", "Miner"}
    room, heater = devices["Living room"], devices["Miner"]
    assert room["manufacturer"] and room["sw_version"]
    assert heater["manufacturer"] and heater["sw_version"].startswith("heatbridge ")
    areas = {a["area_id"]: a["name"] for a in home.ha.ws("config/area_registry/list")}
    # Home Assistant has made a "Living Room" of its own; that its spelling differs must not make a second one.
    assert areas[room["area_id"]].lower() == "living room"
    assert heater["via_device_id"] == room["id"]
    for entity_id in (CLIMATE, *ROOM_ENTITIES):
        assert registry[entity_id]["device_id"] == room["id"], entity_id
    for entity_id in HEATER_ENTITIES:
        assert registry[entity_id]["device_id"] == heater["id"], entity_id


def test_categories(home):
    """The card's entity and the main figures stand first; settings and diagnostics are filed as such."""
    registry = home.ha.registry()
    assert registry[CLIMATE]["entity_category"] is None
    assert registry["sensor.living_room_power"]["entity_category"] is None
    assert registry["number.living_room_power_limit"]["entity_category"] == "config"
    assert registry["binary_sensor.miner_problem"]["entity_category"] == "diagnostic"
    assert registry["binary_sensor.miner_connection"]["entity_category"] == "diagnostic"


def test_unique_ids_are_independent_of_names(home):
    registry = home.ha.registry()
    unique_ids = [e["unique_id"] for e in registry.values()]
    assert len(set(unique_ids)) == len(unique_ids)
    assert all("living_room" in u or "miner" in u for u in unique_ids), unique_ids
