"""Any of the three may go and come back: everything is as before, and nobody has to do anything."""

from harness.home import CLIMATE, HEATER_POWER, POWER_LIMIT, ROOM_HASHRATE, number
from harness.waiting import wait_for

ALL = (CLIMATE, POWER_LIMIT, HEATER_POWER, ROOM_HASHRATE)
# Home Assistant's own words about a broker that went away.
BROKER_LOST = [
    r"\[homeassistant\.components\.mqtt\.client\] Error returned from MQTT server: The connection was lost",
    r"\[homeassistant\.components\.mqtt\.client\] Disconnected from MQTT server 127\.0\.0\.1:\d+ \(7\)",
    r"\[paho\.mqtt\.client\] failed to receive on socket: \[Errno 104\] Connection reset by peer",
]


def _choose_something(home):
    home.command("climate.set_temperature", temperature=22.5)
    home.command("climate.set_hvac_mode", hvac_mode="auto")
    home.ha.call("number.set_value", entity_id=POWER_LIMIT, value=150)
    home.wait(lambda a: a["temperature"] == 22.5 and a["state"] == "auto")
    home.ha.wait_state(POWER_LIMIT, lambda s: number(s) == 150)


def _assert_still_chosen(home):
    home.wait(lambda a: a["temperature"] == 22.5 and a["state"] == "auto" and a["preset_mode"] == "none", 20)
    home.ha.wait_state(POWER_LIMIT, lambda s: number(s) == 150)


def _unavailable(home):
    for entity_id in ALL:
        home.ha.wait_state(entity_id, lambda s: s["state"] == "unavailable")


def _births(home):
    return home.watcher.count("homeassistant/status", "online")


def test_home_assistant_restarted(home):
    _choose_something(home)
    registry = home.ha.registry()
    births = _births(home)
    home.ha.stop()
    home.ha.start()
    home.ha.wait_available(*ALL, timeout=30)
    _assert_still_chosen(home)
    assert {e: r["unique_id"] for e, r in home.ha.registry().items()} == \
        {e: r["unique_id"] for e, r in registry.items()}
    home.assert_hashing()
    wait_for(lambda: _births(home) > births, "Home Assistant's birth message", 30)


def test_wiped_documents_return_with_home_assistant(home):
    """Somebody tidied the broker while Home Assistant was away: its birth message brings everything back."""
    documents = [t for t in home.watcher.names("homeassistant/") if t.endswith("/config")]
    assert documents
    home.ha.stop()
    for topic in documents:
        home.watcher.publish(topic, "", retain=True)
    births = _births(home)
    home.ha.start()
    home.ha.wait_available(*ALL, timeout=30)
    wait_for(lambda: set(documents) <= set(home.watcher.names("homeassistant/")), "the documents are back", 20)
    wait_for(lambda: _births(home) > births, "Home Assistant's birth message", 30)


def test_heatbridge_restarted(home):
    _choose_something(home)
    energy = home.number("sensor.living_room_energy")
    home.stop_bridge()
    _unavailable(home)
    home.start_bridge()
    home.ha.wait_available(*ALL)
    _assert_still_chosen(home)
    home.assert_hashing()
    assert home.number("sensor.living_room_energy") >= energy


def test_preset_survives_a_restart(home):
    home.command("climate.set_preset_mode", preset_mode="eco")
    home.wait(lambda a: a["preset_mode"] == "eco" and a["temperature"] == 19)
    home.restart_bridge()
    home.ha.wait_state(CLIMATE, lambda s: s["state"] == "heat", 20)
    home.wait(lambda a: a["preset_mode"] == "eco" and a["temperature"] == 19, 20)


def test_heatbridge_killed(home):
    """No farewell: the broker's will tells Home Assistant."""
    _choose_something(home)
    home.bridge.process.kill()
    home.watcher.wait_topic("heatbridge/status", lambda text: text == "offline")
    _unavailable(home)
    home.start_bridge()
    home.ha.wait_available(*ALL)
    _assert_still_chosen(home)


def test_broker_restarted(home, expected_complaints):
    """The broker forgets everything retained, so both sides have to say it all again."""
    expected_complaints.extend(BROKER_LOST)
    _choose_something(home)
    documents = [t for t in home.watcher.names("homeassistant/") if t.endswith("/config")]
    assert documents
    home.broker.stop()
    home.watcher.forget()
    _unavailable(home)
    home.broker.start()
    home.ha.wait_available(*ALL, timeout=60)
    _assert_still_chosen(home)
    home.assert_hashing()
    home.echoed(lambda a: a["temperature"] == 21.5, "climate.set_temperature", temperature=21.5)
    wait_for(lambda: set(documents) <= set(home.watcher.names("homeassistant/")),
             "the next Home Assistant to come along will find all documents again", 20)
