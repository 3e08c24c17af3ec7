"""mujina, the miner for USB boards on Linux, as far as its HTTP API goes (docs/api.md and api_client/types.rs).

Its vice is kept: as of August 2026 it takes note of a pause and hashes on (`stops` False).
"""

import json
import time

from .base import HttpEmulator


class Mujina(HttpEmulator):
    def __init__(self, stops=True, boards=1, watts=15.5, **where):
        super().__init__(**where)
        self.stops, self.boards, self.watts = stops, boards, watts
        self.paused = False
        self.deaf = False      # True: answers 200 to a PATCH and does nothing
        self.extra = {}        # replaces members of the answer

    def on_power(self):
        self.paused = False    # kept in memory only
        self.booted = time.monotonic()

    @property
    def running(self):
        return not (self.paused and self.stops)

    def board(self, number):
        return {"name": f"bitaxe-e2f56f9{number}", "model": "Bitaxe Gamma", "serial": f"e2f56f9{number}",
                "fans": [{"name": "fan", "rpm": 4200, "percent": 55, "target_percent": None}],
                "temperatures": [{"name": "asic", "temperature_c": 58.5 if self.running else 31.0},
                                 {"name": "vr", "temperature_c": 71.0}],
                "powers": [{"name": "input", "voltage_v": 5.1, "current_a": None, "power_w": None},
                           {"name": "core", "voltage_v": 1.15, "current_a": 13.5,
                            "power_w": self.watts if self.running else 0.4}],
                "threads": []}

    def state(self):
        return {"uptime_secs": int(time.monotonic() - self.booted),
                "hashrate": int(1.07e12 * self.boards) if self.running else 0, "shares_submitted": 12,
                "paused": self.paused, "boards": [self.board(n) for n in range(self.boards)],
                "sources": [{"name": "pool", "url": "stratum+tcp://pool.example:3333", "difficulty": 2048}], **self.extra}

    def answer(self, method, path, headers, body):
        with self.lock:
            if (method, path) == ("GET", "/api/v0/miner"):
                return self.json(self.state())
            if (method, path) == ("GET", "/api/v0/health"):
                return 200, {"Content-Type": "text/plain"}, b"OK"
            if (method, path) == ("PATCH", "/api/v0/miner"):
                try:
                    paused = json.loads(body).get("paused")
                except (ValueError, AttributeError):
                    return 400, {"Content-Type": "text/plain"}, b"Failed to parse the request body as JSON"
                if isinstance(paused, bool) and not self.deaf:
                    self.paused = paused
                return self.json(self.state())
        return 404, {}, b""
