"""A heater behind a metering plug: each kind of plug, two-phase off, relay cycles, and the plug's bad days."""

import json
import time

import pytest
from emulators import plug as plugs
from harness.waiting import wait_for


@pytest.fixture
def plugged(home):
    """A plug of a kind with a heater of 400 W behind it, and a cold room."""
    def start(kind="zigbee2mqtt", soft=False, heater=None, **more):
        make, topic = plugs.KINDS[kind]
        plug = make(home.broker.port, topic, heater, "box/command" if soft else None)
        config = {"driver": "plug", "kind": kind, "topic": topic, "power": "400 W", "rest": "0 s", "settle": "1 s",
                  "ask_every": "2 s", "lease": "20 s"}
        if soft:
            config |= {"soft_stop_topic": "box/command", "soft_stop": "stop", "soft_wait": "20 s"}
        home.add("box", None, **config, **more)
        home.emulators.append(plug)
        home.start()
        plug.start()
        return plug
    return start


def on(home, plug, timeout=40):
    home.heat()
    return home.wait_heater("box", lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == 400 and
                            (s["power_w"] or 0) > 300 and plug.closed, "the heater runs", timeout)


def off(home, plug, timeout=40):
    home.off()
    return home.wait_heater("box", lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == 0 and
                            s["power_w"] == 0 and not plug.closed, "the heater is off", timeout)


@pytest.mark.parametrize("kind", plugs.KINDS)
def test_each_kind_is_switched_metered_and_counted(home, plugged, kind):
    plug = plugged(kind)
    state = on(home, plug)
    assert (state["power_w"], state["power_source"], state["relay_cycles"]) == (400, "metered", 1)
    off(home, plug)
    # One command each: nothing is said twice, and nothing that is so already.
    words = [str(c).upper() for c in plug.commands]
    assert len(words) == 2 and "ON" in words[0] and "OFF" in words[1], plug.commands
    assert plug.closings == 1
    on(home, plug)
    home.wait_heater("box", lambda s: s["relay_cycles"] == s["relay_cycles_24h"] == 2, "two cycles are counted")


def test_with_the_other_mqtt_library(home, plugged):
    home.settings["mqtt"] = {"url": f"mqtt://127.0.0.1:{home.broker.port}", "client": "paho"}
    plug = plugged("tasmota")
    on(home, plug)
    off(home, plug)
    assert [c.upper() for c in plug.commands] == ["ON", "OFF"]


def test_off_stops_the_heater_before_the_relay_opens(home, plugged):
    plug = plugged("shelly_gen2", soft=True)
    on(home, plug)
    off(home, plug)
    assert plug.opened_at_w == [0.0]
    stop = next(at for at, what in plug.requests if what == "box/command stop")
    opened = next(at for at, what in plug.requests if what.endswith("/command/switch:0 off"))
    assert opened - stop >= plug.heater.stop_s


def test_heater_that_does_not_stop_is_cut_after_the_wait(home, plugged):
    heater = plugs.Heater()
    heater.ignores_stop = True
    plug = plugged("zigbee2mqtt", soft=True, heater=heater)
    home.heaters["box"]["soft_wait"] = "5 s"
    home.bridge.stop()
    home.bridge.start()
    on(home, plug)
    off(home, plug, 60)
    assert plug.opened_at_w == [400.0]
    assert "did not stop within 5 s; its relay opens all the same" in home.bridge.tail(300)


def test_heat_wanted_again_while_it_stops_starts_it_without_a_relay_cycle(home, plugged):
    plug = plugged("zigbee2mqtt", soft=True, heater=plugs.Heater(stop_s=3600), soft_start="start")
    on(home, plug)
    home.off()
    wait_for(lambda: [w for _, w in plug.requests if w == "box/command stop"], "the soft stop", 30)
    home.heat()
    wait_for(lambda: [w for _, w in plug.requests if w == "box/command start"], "the soft start", 60)
    home.wait_heater("box", lambda s: s["commanded_w"] == 400 and s["outcome"] == "confirmed", "it runs on", 60)
    assert plug.closings == 1 and not plug.opened_at_w


def test_plug_without_power_is_unavailable_and_told_again(home, plugged):
    plug = plugged("tasmota")
    on(home, plug)
    plug.stop()
    home.watcher.wait_topic("heatbridge/heater/box/availability", lambda t: t == "offline", 60)
    assert not home.heater("box")["available"]
    plug.start()  # comes back with its relay open
    home.wait_heater("box", lambda s: s["available"] and s["outcome"] == "confirmed" and s["power_w"] == 400,
                     "it is closed again", 60)
    assert plug.closings == 2


def test_broker_restart_is_survived(home, plugged):
    plug = plugged("zigbee2mqtt")
    on(home, plug)
    home.broker.stop()
    home.watcher.forget()
    home.broker.start()
    home.watcher.wait_topic("heatbridge/heater/box/state", timeout=60)
    off(home, plug, 90)
    assert len(plug.commands) == 2


def test_what_a_gone_plug_left_at_the_broker_is_no_sign_of_life(home, plugged):
    plug = plugged("shelly_gen1")
    on(home, plug)
    plug.stop()
    home.watcher.wait_topic("heatbridge/heater/box/availability", lambda t: t == "offline", 60)
    # The program starts anew and is handed "on" and "400.00", retained.
    home.bridge.stop()
    home.watcher.topics.pop("heatbridge/heater/box/state")
    home.bridge.start()
    home.watcher.wait_topic("heatbridge/heater/box/state", timeout=30)
    home.wait_heater("box", lambda s: s["reason"] == "heater_unreachable", "it is known to be gone", 60)
    assert home.heater("box")["power_w"] is None and not home.heater("box")["available"]


@pytest.mark.parametrize("vice", ["deaf", "welded"])
def test_relay_that_does_not_obey_is_told(home, plugged, vice):
    plug = plugged("shelly_gen2")
    on(home, plug)
    setattr(plug, vice, True)
    home.off()
    home.wait_heater("box", lambda s: s["outcome"] == "failed" and s["reason"] == "not_obeying" and s["problem"],
                     "it is found out", 150)
    setattr(plug, vice, False)
    off(home, plug, 120)


def test_relay_is_spared_also_after_a_restart(home, plugged):
    plug = plugged("zigbee2mqtt", max_cycles_per_day=1)
    on(home, plug)
    off(home, plug)
    home.heat()
    sentence = "the relay was closed 1 times within a day and is spared"
    wait_for(lambda: sentence in home.bridge.tail(300), "the second closing is refused", 60)
    assert plug.closings == 1
    home.bridge.stop()
    home.bridge.start()
    home.heat()
    home.wait_heater("box", lambda s: s["relay_cycles"] == 1 and s["relay_cycles_24h"] == 1, "it remembers", 30)
    wait_for(lambda: home.bridge.tail(300).count(sentence) > 1, "and is still spared", 60)
    assert plug.closings == 1


def test_power_that_is_no_number_is_unknown(home, plugged):
    plug = plugged("shelly_gen2")
    on(home, plug)
    plug.garbage = "lots"
    home.wait_heater("box", lambda s: s["power_w"] is None and s["link"] == "ok", "it is unknown, not zero", 120)


def test_the_heater_is_off_when_heatbridge_ends(home, plugged):
    plug = plugged("tasmota")
    on(home, plug)
    assert home.bridge.stop() == 0
    wait_for(lambda: not plug.closed, "the relay is open", 30)


def test_wrong_topic_is_explained(home, plugged):
    plugged("shelly_gen2")
    home.heaters["box"]["topic"] = "shelly-elsewhere"
    home.bridge.stop()
    home.bridge.start()
    home.wait_heater("box", lambda s: "nothing was heard on 'shelly-elsewhere/status/switch:0' yet; enable MQTT control"
                     in s["problem_text"], "what to do is told", 90)


def test_custom_plug(home):
    class Other(plugs.Plug):
        def listens(self):
            return ["cellar/relay/do", "cellar/relay/tell"]

        def take(self, topic, payload):
            if topic.endswith("/do"):
                self.switch(payload == "close", payload)
            else:
                self.tell()

        def tell(self):
            self.publish("cellar/relay/is", json.dumps({"contact": {"closed": self.closed}}))
            self.publish("cellar/meter", f"{self.power():.1f}")
    plug = Other(home.broker.port, "cellar")
    home.add("box", None, driver="plug", kind="custom", power="400 W", rest="0 s", settle="1 s", lease="20 s",
             command_topic="cellar/relay/do", on="close", off="open", state_topic="cellar/relay/is",
             state_value="contact.closed", state_on="true", state_off="false", power_topic="cellar/meter",
             ask_topic="cellar/relay/tell", ask="?")
    home.emulators.append(plug)
    home.start()
    plug.start()
    on(home, plug)
    off(home, plug)
    assert plug.commands == ["close", "open"]


def test_an_interlock_opens_the_relay_no_sooner_than_the_pump_has_cooled(home, plugged):
    least_s = 10
    plug = plugged(soft=True, soft_least=f"{least_s} s", min_on="1 h",
                   interlocks={"outlet": {"topic": "box/outlet", "max": 60, "hold": "0 s", "stale_after": "0 s"}})
    on(home, plug)
    home.watcher.publish("box/outlet", "75")
    wait_for(lambda: ("box/command", "stop") in home.watcher.messages, "the soft stop", 60)
    told_at = time.monotonic()
    wait_for(lambda: not plug.closed, "the relay opens", 120)
    assert time.monotonic() - told_at >= least_s - 1  # the message took a moment to be seen here
    state = home.wait_heater("box", lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == 0, "off", 60)
    assert state["reason"] == "interlock" and state["interlock_text"] == "outlet: 75, expected at most 60", state
