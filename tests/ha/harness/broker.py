"""A private Mosquitto on loopback, and a client that watches everything said there."""

import json
import pathlib
import threading

import paho.mqtt.client as paho

from .program import Program, free_port
from .waiting import wait_for


class Broker(Program):
    """Keeps nothing on disk: after a restart its retained messages are gone, the harder case for a client."""

    def __init__(self, folder):
        self.port = free_port()
        config = pathlib.Path(folder, "mosquitto.conf")
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
                          # Else the broker's sending waits for delayed acknowledgements, 40 ms that are not ours.
                          "set_tcp_nodelay true\n"
                          "log_type error\nlog_type warning\nlog_type notice\nuser root\n", encoding="utf-8")
        super().__init__("mosquitto", ["/usr/sbin/mosquitto", "-c", config])

    def start(self):
        super().start()
        self.wait_listening(self.port)
        return self


class Watcher:
    """Newest payload of each topic, as a subscriber to everything sees it."""

    def __init__(self, port):
        self.topics = {}
        self.messages = []
        self._lock = threading.Lock()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _on_message(self, _client, _userdata, message):
        with self._lock:
            self.messages.append((message.topic, message.payload.decode(errors="replace")))
            if message.payload:
                self.topics[message.topic] = message.payload.decode(errors="replace")
            else:
                self.topics.pop(message.topic, None)

    def publish(self, topic, payload, retain=False):
        text = payload if isinstance(payload, str) else json.dumps(payload)
        self._client.publish(topic, text, qos=1, retain=retain)

    def json(self, topic):
        text = self.topics.get(topic)
        return None if text is None else json.loads(text)

    def names(self, prefix):
        with self._lock:
            return sorted(t for t in self.topics if t.startswith(prefix))

    def wait_topic(self, topic, accept=lambda text: True, timeout=10.0):
        """The topic's payload once there is one that is accepted."""
        def accepted():
            text = self.topics.get(topic)
            return text is not None and accept(text) and text
        return wait_for(accepted, f"{topic} becomes as wanted (it was {self.topics.get(topic)!r})", timeout)

    def count(self, topic, payload):
        """How often this was said since the start."""
        with self._lock:
            return self.messages.count((topic, payload))

    def forget(self):
        """What a restarted broker without persistence knows: nothing."""
        with self._lock:
            self.topics.clear()

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


class RoomSensor(threading.Thread):
    """A room's sensor as a Zigbee gateway would send it: one JSON message a second, never retained."""

    def __init__(self, watcher, topic, temperature):
        super().__init__(daemon=True)
        self._watcher, self._topic, self._temperature = watcher, topic, temperature
        self._ended = threading.Event()
        self.start()

    def run(self):
        while True:
            self._send()
            if self._ended.wait(1.0):
                return

    def _send(self):
        self._watcher.publish(self._topic, {"temperature": self._temperature, "linkquality": 120})

    def set(self, temperature):
        self._temperature = temperature
        self._send()

    def close(self):
        self._ended.set()
        self.join()
