"""Heaters that are described by topics and payloads alone, over a real broker; and what wrong descriptions are told."""

import json
import pathlib
import re
import subprocess
import threading

import paho.mqtt.client as paho
import pytest
from conftest import HEATBRIDGE
from harness.waiting import wait_for


class Box:
    """Some heater over MQTT: `take` is given each command, `say` tells its state."""

    where = "box"

    def __init__(self, port, listens, take):
        self.port, self.take, self.will = port, take, ("box/online", "no")
        self.listens = listens
        self.commands, self.requests = [], []
        self.client = None

    def start(self):
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.client.will_set(*self.will, qos=1, retain=True)
        self.client.on_connect = self._on_connect
        self.client.on_message = self._on_message
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async("127.0.0.1", self.port)
        self.client.loop_start()
        return self

    def stop(self):
        client, self.client = self.client, None
        if client is not None:
            if client.socket() is not None:
                client.socket().shutdown(2)
            client.on_connect = None
            client.loop_stop()

    def _on_connect(self, client, *_):
        for topic in self.listens:
            client.subscribe(topic, qos=1)
        client.publish("box/online", "yes", qos=1, retain=True)
        self.take(self, "hello", "")

    def _on_message(self, _client, _userdata, message):
        self.commands.append((message.topic, message.payload.decode()))
        self.take(self, message.topic, message.payload.decode())

    def say(self, topic, payload, retain=False):
        self.client.publish(topic, payload if isinstance(payload, str) else json.dumps(payload), qos=1, retain=retain)


@pytest.fixture
def box(home):
    def start(listens, take, **config):
        made = Box(home.broker.port, listens, take)
        home.add("box", None, driver="mqtt", settle="1 s", lease="20 s", **config)
        home.emulators.append(made)
        home.start()
        made.start()
        return made
    return start


def confirmed(home, power_w, timeout=60):
    return home.wait_heater("box", lambda s: s["commanded_w"] == power_w and s["outcome"] == "confirmed",
                            f"{power_w} W are confirmed", timeout)


def test_watts_in_json_with_a_set_point(home, box):
    state = {"target": 0, "power": 2.0, "temperature": 40.5, "hashrate": 0.0}

    def take(self, topic, payload):
        if topic == "box/set":
            state.update(target=json.loads(payload)["watts"])
            state.update(power=state["target"] * 0.98 or 2.0, hashrate=state["target"] / 20)
        self.say("box/state", state)
    made = box(["box/set", "box/get"], take, command_topic="box/set", command='{"watts":{power}}', rated_power="1200 W",
               lowest_power="200 W", state_topic="box/state", power_value="power", applied_value="target",
               temperature_value="temperature", hashrate_value="hashrate", ask_topic="box/get", ask="?", ask_every="2 s")
    home.heat(700)
    found = confirmed(home, 700)
    assert (found["power_w"], found["power_source"], found["chip_c"]) == (686.0, "reported", 40.5)
    assert found["hashrate_ths"] == 35
    home.off()
    confirmed(home, 0)
    sets = [p for t, p in made.commands if t == "box/set"]
    assert sets == ['{"watts":700}', '{"watts":0}']  # once each, nothing between


def test_levels_with_their_words_and_a_will(home, box):
    level = {"now": "standby"}

    def take(self, topic, payload):
        if topic == "box/mode/set":
            level["now"] = payload
        self.say("box/mode", level["now"], retain=True)
    made = box(["box/mode/set"], take, command_topic="box/mode/set", command="{level}", off="standby",
               tiers=["300 W", "600 W", "900 W"], levels="eco, normal, turbo", applied_topic="box/mode",
               applied_unit="level", availability_topic="box/online", available="yes", unavailable="no")
    home.heat(650)
    confirmed(home, 600)
    assert [p for _, p in made.commands] == ["normal"]
    # It lost its power: its will says so, and what it had said before counts for nothing.
    level["now"] = "standby"
    made.stop()
    home.watcher.wait_topic("heatbridge/heater/box/availability", lambda t: t == "offline", 90)
    made.start()
    confirmed(home, 600)
    assert [p for _, p in made.commands] == ["normal", "normal"]


def test_on_and_off_is_enough(home, box):
    on = threading.Event()

    def take(self, topic, payload):
        if topic == "box/switch":
            (on.set if payload == "1" else on.clear)()
        self.say("box/watts", "850" if on.is_set() else "0")
    box(["box/switch", "box/ask"], take, command_topic="box/switch", command="1", off="0", rated_power="850 W",
        power_topic="box/watts", ask_topic="box/ask", ask_every="2 s")
    home.heat()
    assert confirmed(home, 850)["power_w"] == 850
    home.off()
    assert confirmed(home, 0)["power_w"] == 0


def test_heater_that_ignores_its_orders_is_not_shown_as_done(home, box):
    box(["box/ask"], lambda self, topic, payload: self.say("box/state", {"target": 0, "power": 3}),
        command_topic="box/set", rated_power="1000 W", state_topic="box/state", power_value="power",
        applied_value="target", ask_topic="box/ask", ask_every="2 s")
    home.heat()
    home.wait_heater("box", lambda s: s["outcome"] == "failed" and s["problem"] and s["power_w"] == 3,
                     "it is found out", 150)


def test_broker_restart_is_survived(home, box):
    state = {"target": 0}

    def take(self, topic, payload):
        if topic == "box/set":
            state["target"] = int(payload)
        self.say("box/state", state)
    box(["box/set", "box/ask"], take, command_topic="box/set", rated_power="1000 W", state_topic="box/state",
        applied_value="target", ask_topic="box/ask", ask_every="2 s")
    home.heat(400)
    confirmed(home, 400)
    home.broker.stop()
    home.watcher.forget()
    home.broker.start()
    home.watcher.wait_topic("heatbridge/heater/box/state", timeout=60)
    home.off()
    confirmed(home, 0, 90)
    wait_for(lambda: state["target"] == 0, "the heater is off", 30)


ROOM = "mqtt: {url: mqtt://localhost}\nrooms: {a: {temperature: {topic: t}, heaters: [m]}}\nheaters:\n  m:\n"


@pytest.mark.parametrize("lines, told", [
    (["driver: mqtt", "command_topic: box/set", "rated_power: 900 W"],
     "heaters.m.state_topic: expected a topic on which the heater tells its power, set-point, temperature or hash rate, "
     "got none; it would never be known to be there"),
    (["driver: mqtt", "command_topic: box/set", "command: ON", "rated_power: 900 W", "power_topic: p"],
     "heaters.m.off: expected what switches the heater off, or a switch_topic, got nothing"),
    (["driver: mqtt", "command_topic: box/set", "power_topic: p"],
     "heaters.m.rated_power: expected the heater's largest power, or tiers, got nothing"),
    (["driver: mqtt", "rated_power: 900 W"], "heaters.m.command_topic: expected an MQTT topic"),
    (["driver: mqtt", "command_topic: box/set", "tiers: [300 W, 600 W]", "levels: eco", "power_topic: p"],
     "heaters.m.levels: expected a word for each of the 2 tiers, separated by commas, got 1"),
    (["driver: plug", "kind: tasmota", "power: 400 W"],
     "heaters.m.topic: expected the plug's own topic, such as zigbee2mqtt/heater, got nothing"),
    (["driver: plug", "kind: custom", "power: 400 W", "command_topic: c", '"on": close', '"off": open'],
     "heaters.m.state_topic: expected a topic that tells the relay's state, got nothing"),
    (["driver: plug", "kind: shelly", "power: 400 W", "topic: s"], "heaters.m.kind: expected zigbee2mqtt, tasmota, shelly_gen2, shelly_gen1 or custom, got 'shelly'"),
    (["driver: plug", "kind: tasmota", "topic: s", "power: 20 W"],
     "heaters.m.safe_power: expected less than power, 20 W, got 30 W"),
    (["driver: plug", "kind: tasmota", "topic: s", "power: 400 W", "soft_stop: stop"],
     "heaters.m.soft_stop_topic: expected a topic for soft_stop and soft_start, got nothing"),
])
def test_what_does_not_go_together_is_refused_with_its_place(tmp_path, lines, told):
    file = tmp_path / "heatbridge.yaml"
    file.write_text(ROOM + "".join(f"    {line}\n" for line in lines), encoding="utf-8")
    done = subprocess.run([HEATBRIDGE, "check", file], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and told in done.stderr, done.stderr
    assert f"{file}:" in done.stderr


def documented():
    """The YAML that docs/heaters.md prints for plugs, heaters over MQTT, interlocks and circuits."""
    text = (pathlib.Path(__file__).resolve().parents[2] / "docs/heaters.md").read_text(encoding="utf-8")
    sections = text.split("## Any heater behind a metering plug")[1].split("## A power that")[0]
    blocks = re.findall(r"```yaml\n(.*?)```", sections, re.S)
    assert len(blocks) == 6
    return blocks


@pytest.mark.parametrize("index", range(6))
def test_what_is_documented_is_valid(tmp_path, index):
    file = tmp_path / "heatbridge.yaml"
    block = documented()[index]
    ids = re.findall(r"^  (\w+):$", block, re.M)
    file.write_text("mqtt: {url: mqtt://localhost}\nrooms: {a: {temperature: {topic: t}, "
                    f"heaters: [{', '.join(ids)}]}}}}\n{block}", encoding="utf-8")
    done = subprocess.run([HEATBRIDGE, "check", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
