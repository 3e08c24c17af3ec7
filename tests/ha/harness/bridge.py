"""heatbridge itself, started from the configuration that a test describes."""

import json
import pathlib

from .program import Program

ROOM_TOPIC = "test/living_room"


def house(mqtt_port, pool_port, state_dir, discovery):
    """One room heated by the built-in engine, as a new user would write it."""
    return {
        "mqtt": {"url": f"mqtt://127.0.0.1:{mqtt_port}", "client": "mosquitto"},
        "homeassistant": {"discovery": discovery},
        "web": {"port": 0},
        "state_dir": str(state_dir),
        "mining": {
            "threads": 1,
            "pools": [{"url": f"stratum+tcp://127.0.0.1:{pool_port}", "user": "test.living", "password": "x"}],
        },
        "rooms": {
            "living_room": {
                "name": "Living room",
                "area": "Living room",
                "temperature": {"topic": ROOM_TOPIC, "value": "temperature", "stale_after": "15 min"},
                "window": {"topic": "test/window"},
                "presets": {"home": 21, "away": 16, "eco": 19, "sleep": 18, "boost": 23},
                "heaters": ["miner"],
            },
        },
        "heaters": {"miner": {"driver": "engine", "name": "Miner", "max_power": "400 W",
                              "meter": "model"}},
    }


class Bridge(Program):
    """The daemon. Its file is JSON, which is YAML too."""

    def __init__(self, program, folder, config):
        self.config = config
        self._file = pathlib.Path(folder, "heatbridge.yaml")
        super().__init__("heatbridge", [program, "run", "--config", self._file])

    def start(self):
        self._file.write_text(json.dumps(self.config, indent=1), encoding="utf-8")
        return super().start()
