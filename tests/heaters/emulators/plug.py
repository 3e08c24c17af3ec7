"""Metering plugs that speak MQTT, with the heater behind them: what they publish, when, and how they go.

Payloads have the shape of the real ones: Zigbee2MQTT's as its documentation and the exposes of metering plugs have it,
Tasmota's as its command console prints it, Shelly's as the status of the Switch component (Gen2) and the MQTT page
(Gen1) have it. From documentation only, except the outline of Tasmota's STATUS10 and SENSOR.
"""

import json
import threading
import time

import paho.mqtt.client as paho


class Heater:
    """Draws its power once its plug has it, unless it was told to stop; obeys slowly, or not at all."""

    def __init__(self, rated_w=400.0, stop_s=1.5):
        self.rated_w, self.stop_s = rated_w, stop_s
        self.ignores_stop = False
        self.stops_at = None

    def power(self, has_power):
        if not has_power:
            self.stops_at = None  # starts anew with its next power
            return 0.0
        return 0.0 if self.stops_at is not None and time.monotonic() >= self.stops_at else self.rated_w

    def told(self, payload):
        if payload == "stop" and not self.ignores_stop and self.stops_at is None:
            self.stops_at = time.monotonic() + self.stop_s
        elif payload == "start":
            self.stops_at = None


class Plug:
    """`start` and `stop` may alternate: that is the plug losing its power. Its broker may come later or go."""

    will = None  # (topic, payload) that the broker says for it
    retain = False

    def __init__(self, port, topic, heater=None, soft_topic=None):
        self.port, self.topic, self.soft_topic = port, topic, soft_topic
        self.heater = heater or Heater()
        self.closed = False
        self.after_power_cut = "off"  # or "last"
        self.deaf = False     # ignores commands
        self.welded = False   # its contact stays closed whatever it says
        self.mute = False     # says nothing
        self.garbage = None   # what it says in place of its power
        self.commands = []    # payloads on its command topic
        self.closings = 0
        self.opened_at_w = []  # what flowed when its contact opened
        self.requests = []    # for the report of a failed test
        self.lock = threading.RLock()
        self._client = None
        self._ended = threading.Event()

    @property
    def where(self):
        return self.topic

    # --- life ---

    def start(self):
        self._ended.clear()
        if self.after_power_cut == "off":
            self.closed = False
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        if self.will:
            self._client.will_set(self.will[0], self.will[1], qos=1, retain=True)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", self.port, keepalive=20)
        self._client.loop_start()
        threading.Thread(target=self._run, args=(self._ended,), daemon=True).start()
        return self

    def stop(self):
        """No goodbye: the broker finds out by itself."""
        self._ended.set()
        client, self._client = self._client, None
        if client is not None:
            client.on_connect = client.on_message = None
            if client.socket() is not None:
                client.socket().shutdown(2)
            client.loop_stop()
        self.heater.power(False)

    def _run(self, ended):
        while not ended.wait(self.every_s):
            self.tell()

    def _on_connect(self, client, *_):
        for topic in self.listens():
            client.subscribe(topic, qos=1)
        if self.soft_topic:
            client.subscribe(self.soft_topic, qos=1)
        self.say_hello()
        self.tell()

    def _on_message(self, _client, _userdata, message):
        payload = message.payload.decode()
        with self.lock:
            self.requests.append((time.monotonic(), f"{message.topic} {payload}"))
            if message.topic == self.soft_topic:
                self.heater.told(payload)
            else:
                self.take(message.topic, payload)

    def publish(self, topic, payload, retain=None):
        if self._client is not None and not self.mute:
            text = payload if isinstance(payload, str) else json.dumps(payload)
            self._client.publish(topic, text, qos=0, retain=self.retain if retain is None else retain)

    # --- contact and meter ---

    def power(self):
        return self.heater.power(self.closed or self.welded)

    def metered(self):
        return self.power() if self.garbage is None else self.garbage

    def switch(self, closed, payload):
        """A command on its topic."""
        self.commands.append(payload)
        if not self.deaf:
            self.press(closed)

    def press(self, closed):
        if closed and not self.closed:
            self.closings += 1
        if not closed and self.closed:
            self.opened_at_w.append(self.power())
        self.closed = closed
        self.tell()

    # --- of each kind ---

    every_s = 1.0  # real ones: 5 s to 300 s

    def listens(self):
        raise NotImplementedError

    def take(self, topic, payload):
        raise NotImplementedError

    def tell(self):
        raise NotImplementedError

    def say_hello(self):
        pass


class Zigbee2Mqtt(Plug):
    """The gateway speaks for it; nothing is retained, and its availability is the gateway's opinion."""

    def listens(self):
        return [f"{self.topic}/set", f"{self.topic}/get"]

    def say_hello(self):
        self.publish(f"{self.topic}/availability", {"state": "online"}, retain=True)

    def take(self, topic, payload):
        asked = json.loads(payload)
        if topic.endswith("/get"):
            assert set(asked) == {"state", "power"}
            self.tell()
        elif asked["state"] in ("ON", "OFF"):
            self.switch(asked["state"] == "ON", payload)

    def tell(self):
        self.publish(self.topic, {"current": round(self.power() / 230, 2), "energy": 12.34, "linkquality": 131,
                                  "power": self.metered(), "power_on_behavior": "off",
                                  "state": "ON" if self.closed else "OFF", "voltage": 230})


class Tasmota(Plug):
    """Answers on RESULT and POWER at once; its telemetry is too rare to control by, so it must be asked."""

    every_s = 300.0

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.will = (f"tele/{self.topic}/LWT", "Offline")

    def listens(self):
        return [f"cmnd/{self.topic}/#"]

    def say_hello(self):
        self.publish(f"tele/{self.topic}/LWT", "Online", retain=True)

    def take(self, topic, payload):
        command = topic.rsplit("/", 1)[1].upper()
        if command == "POWER" and payload.upper() in ("ON", "OFF"):
            self.switch(payload.upper() == "ON", payload)
        elif command == "STATE" and payload == "":
            self.publish(f"stat/{self.topic}/RESULT", self.state())
        elif command == "STATUS" and payload == "10":
            self.publish(f"stat/{self.topic}/STATUS10", {"StatusSNS": self.sensors()})

    def sensors(self):
        w = self.metered()
        return {"Time": "2026-01-18T19:21:07",
                "ENERGY": {"TotalStartTime": "2025-11-02T09:12:44", "Total": 104.622, "Yesterday": 3.2,
                           "Today": 1.118, "Power": w, "ApparentPower": w, "ReactivePower": 12, "Factor": 0.99,
                           "Voltage": 231, "Current": 1.737}}

    def state(self):
        return {"Time": "2026-01-18T19:21:07", "Uptime": "0T00:10:11", "UptimeSec": 611, "Heap": 28,
                "SleepMode": "Dynamic", "Sleep": 50, "LoadAvg": 19, "MqttCount": 1,
                "POWER": "ON" if self.closed else "OFF", "Wifi": {"AP": 1, "RSSI": 88, "Signal": -56}}

    def tell_relay(self):
        word = "ON" if self.closed else "OFF"
        self.publish(f"stat/{self.topic}/RESULT", {"POWER": word})
        self.publish(f"stat/{self.topic}/POWER", word)

    def press(self, closed):
        super().press(closed)
        self.tell_relay()

    def tell(self):
        self.publish(f"tele/{self.topic}/STATE", self.state())
        self.publish(f"tele/{self.topic}/SENSOR", self.sensors())


class ShellyGen2(Plug):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.will = (f"{self.topic}/online", "false")

    def listens(self):
        return [f"{self.topic}/command", f"{self.topic}/command/switch:0"]

    def say_hello(self):
        self.publish(f"{self.topic}/online", "true", retain=True)

    def take(self, topic, payload):
        if topic.endswith("/switch:0") and payload in ("on", "off"):
            self.switch(payload == "on", payload)
        elif topic.endswith("/command") and payload == "status_update":
            self.tell()

    def tell(self):
        self.publish(f"{self.topic}/status/switch:0",
                     {"id": 0, "source": "MQTT", "output": self.closed, "apower": self.metered(), "voltage": 229.9,
                      "current": 1.736, "aenergy": {"total": 1129.371, "by_minute": [6649.0, 6650.1, 6650.4],
                                                    "minute_ts": 1768764060},
                      "temperature": {"tC": 41.2, "tF": 106.1}})


class ShellyGen1(Plug):
    """Retains what it says, also when it is gone; says everything again every 30 s."""

    retain = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.will = (f"{self.topic}/online", "false")

    def listens(self):
        return [f"{self.topic}/relay/0/command", f"{self.topic}/command"]

    def say_hello(self):
        self.publish(f"{self.topic}/online", "true")

    def take(self, topic, payload):
        if topic.endswith("/relay/0/command") and payload in ("on", "off"):
            self.switch(payload == "on", payload)
        elif topic.endswith("/command") and payload == "update":
            self.tell()

    def tell(self):
        w = self.metered()
        self.publish(f"{self.topic}/relay/0", "on" if self.closed else "off")
        self.publish(f"{self.topic}/relay/0/power", f"{w:.2f}" if isinstance(w, float) else str(w))
        self.publish(f"{self.topic}/relay/0/energy", "40251")


KINDS = {"zigbee2mqtt": (Zigbee2Mqtt, "zigbee2mqtt/heater"), "tasmota": (Tasmota, "tasmota_9CF9D1"),
         "shelly_gen2": (ShellyGen2, "shellyplugsg3-543204522cb4"),
         "shelly_gen1": (ShellyGen1, "shellies/shellyplug-s-C18B12")}
