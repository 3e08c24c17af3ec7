"""The announcement changes its form or its content: people's settings stay, and no ghost is left behind."""

import copy

import pytest

from harness.home import CLIMATE
from harness.waiting import wait_for

RENAMED = "sensor.living_room_heat"


@pytest.fixture
def restored(home):
    """Gives the house its own configuration back."""
    before = copy.deepcopy(home.bridge.config)
    yield home
    home.bridge.config = before
    home.restart_bridge()
    wait_for(lambda: set(home.ha.devices()) == {"Living room", "Miner"}, "only the usual devices are left", 30)
    home.ha.wait_available(CLIMATE, "sensor.miner_power")


def _config_topics(home):
    return [t for t in home.watcher.names("homeassistant/") if t.endswith("/config")]


def _is_device_form(topics):
    return len(topics) == 2 and all(t.startswith("homeassistant/device/") for t in topics)


def _is_single_form(topics):
    return len(topics) > 10 and not any(t.startswith("homeassistant/device/") for t in topics)


def _identity(registry):
    return {entity_id: (entry["id"], entry["unique_id"]) for entity_id, entry in registry.items()}


def test_migration_there_and_back(restored, expected_complaints):
    home = restored
    # Home Assistant's documented way back ends with an empty device topic, of which it then says this.
    expected_complaints.append(r"No device components to cleanup for heatbridge_(room_living_room|heater_miner)")
    if not home.lane.modern:
        pytest.skip("this version has no device discovery")
    home.ha.ws("config/entity_registry/update", entity_id="sensor.living_room_power", new_entity_id=RENAMED,
               name="Heat")
    home.ha.wait_available(RENAMED)
    identity = _identity(home.ha.registry())
    assert _is_device_form(_config_topics(home))
    try:
        for form, reached in (("single", _is_single_form), ("device", _is_device_form)):
            home.restart_bridge(homeassistant={"discovery": form})
            wait_for(lambda: reached(_config_topics(home)), f"the broker holds the {form} form only", 30)
            home.ha.wait_available(CLIMATE, RENAMED, "sensor.miner_power", "binary_sensor.miner_connection")
            assert _identity(home.ha.registry()) == identity
            assert home.ha.registry()[RENAMED]["name"] == "Heat"
    finally:
        home.ha.ws("config/entity_registry/update", entity_id=RENAMED,
                   new_entity_id="sensor.living_room_power", name=None)
    home.ha.wait_available("sensor.living_room_power")


def test_removed_room_and_heater_vanish(restored):
    home = restored
    config = copy.deepcopy(home.bridge.config)
    config["rooms"]["hall"] = {"name": "Hall", "temperature": {"topic": "test/hall"}, "heaters": ["stove"]}
    config["heaters"]["stove"] = {"driver": "simulated", "name": "Stove"}
    home.restart_bridge(**config)
    wait_for(lambda: set(home.ha.devices()) == {"Living room", "Miner", "Hall", "Stove"}, "two more devices", 30)
    home.watcher.publish("test/hall", "20.5")
    home.ha.wait_state("climate.hall", lambda s: s["state"] != "unavailable", 20)
    del config["rooms"]["hall"], config["heaters"]["stove"]
    home.restart_bridge(**config)
    wait_for(lambda: set(home.ha.devices()) == {"Living room", "Miner"}, "the two devices are gone", 30)
    assert not [e for e in home.ha.registry() if "hall" in e or "stove" in e]
    wait_for(lambda: not [t for t in home.watcher.names("homeassistant/") if "hall" in t or "stove" in t],
             "no discovery topic of theirs is left")


def test_a_circuit_is_a_device_with_an_alarm(restored):
    home = restored
    heaters = {"miner": {**home.bridge.config["heaters"]["miner"], "circuit": "fuse_3"}}
    meter = {"topic": "test/fuse_3", "value": "power"}
    home.restart_bridge(heaters=heaters, circuits={"fuse_3": {"name": "Fuse 3", "max_power": "2000 W", "meter": meter}})
    wait_for(lambda: set(home.ha.devices()) == {"Living room", "Miner", "Fuse 3"}, "one more device", 30)
    home.watcher.publish("test/fuse_3", {"power": 1200})
    home.ha.wait_state("sensor.fuse_3_power", lambda s: s["state"] == "1200", 30)
    home.ha.wait_state("binary_sensor.fuse_3_over_limit", lambda s: s["state"] == "off")
    assert home.ha.state("sensor.fuse_3_power_limit")["state"] == "2000"
    home.watcher.publish("test/fuse_3", {"power": 2400})
    state, _ = home.ha.wait_state("binary_sensor.fuse_3_over_limit", lambda s: s["state"] == "on", 30)
    assert state["attributes"]["device_class"] == "problem"
    # One word, soon after the heater's possible power fell: it counts when it has stood for half a minute.
    home.ha.wait_state("sensor.fuse_3_allowed_power", lambda s: float(s["state"]) < 2000, 60)


def test_discovery_off_removes_everything(restored):
    home = restored
    home.restart_bridge(homeassistant={"discovery": "off"})
    wait_for(lambda: not _config_topics(home), "no discovery topic is left", 30)
    wait_for(lambda: not home.ha.registry(), "no entity is left", 30)
