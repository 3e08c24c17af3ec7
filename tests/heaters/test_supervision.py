"""What is published of a heater's supervision, over a real broker: outcomes, writes, health."""

import json

from emulators.braiins import Braiins
from harness.waiting import wait_for


def simulated(home, **config):
    home.add("ofen", None, driver="simulated", rated_power="1000 W", settle="1 s", **config)
    return home.start()


def on(state):
    return state["outcome"] == "confirmed" and state["commanded_w"] > 0


def test_writes_are_counted_over_a_restart(home):
    simulated(home, max_writes_per_day=50)
    home.heat(600)
    state = home.wait_heater("ofen", on, "heat to be confirmed")
    assert state["writes_today"] >= 1
    assert state["flash_writes_today"] == state["writes_today"] == state["flash_writes"]
    assert state["max_writes_per_day"] == 50
    assert state["writes_left"] == 50 - state["flash_writes_today"]
    home.off()
    before = home.wait_heater("ofen", lambda s: s["commanded_w"] == 0 and s["outcome"] == "confirmed", "off")
    home.bridge.stop()
    home.bridge.start()
    after = home.wait_heater("ofen", lambda s: s["link"] == "ok" and s["age_s"] is not None and
                             s["flash_writes"] >= before["flash_writes"], "the heater after the restart")
    assert after["writes_today"] >= before["writes_today"]
    assert after["writes_left"] <= before["writes_left"]


def test_disobedience_has_a_reason_and_a_health(home):
    simulated(home, fails="ignore")
    home.heat(600)
    state = home.wait_heater("ofen", lambda s: s["health"] == "not_obeying", "the disobedience to be found", 120)
    assert state["outcome"] == "failed"
    assert state["outcome_text"].startswith("expected "), state["outcome_text"]
    assert state["problem"] and state["problem_text"]


def test_home_assistant_is_told_what_the_device_is(home):
    """The family until it was reached; then its own words, also while it is unplugged after a restart."""
    document = "homeassistant/device/heatbridge_heater_garage/config"
    miner = home.add("garage", Braiins(), driver="braiins", password="root")
    miner.stop()
    home.start()

    def device(accept):
        return json.loads(home.watcher.wait_topic(document, lambda text: accept(json.loads(text)["dev"]), 60))["dev"]
    unknown = device(lambda dev: True)
    assert (unknown["mdl"], unknown["mf"]) == ("braiins", "heatbridge") and "sw" not in unknown
    miner.start()
    known = device(lambda dev: dev["mf"] == "braiins")
    state = home.wait_heater("garage", lambda s: s["link"] == "ok", "contact")
    assert (known["mdl"], known["sw"]) == (state["model"], state["firmware"]) and known["sw"], known
    home.bridge.stop()
    miner.stop()
    home.watcher.publish(document, "", retain=True)
    home.bridge.start()
    assert device(lambda dev: dev["mf"] == "braiins") == known


def test_every_figure_has_an_entity(home):
    simulated(home, max_writes_per_day=50, power_meter={"topic": "plug/power"})
    home.watcher.wait_topic("heatbridge/heater/ofen/state")

    def components():
        document = home.watcher.json("homeassistant/device/heatbridge_heater_ofen/config")
        return document and document["cmps"]

    found = wait_for(components, "the heater's discovery document", 60)
    for key in ["writes_today", "writes_left", "flash_writes", "min_write_time", "health", "command", "bad_fields",
                "calibration"]:
        assert found[key]["p"] == "sensor", json.dumps(found.get(key))
        assert found[key]["ent_cat"] == "diagnostic"
    assert "wrong_device" in found["health"]["ops"]
