"""A 21energy Ofen and a 21energy 21port, from what the maker's Home Assistant integration asks and takes: no recording exists.

Inside an Ofen works a Braiins tuner, so the blocks of its summary are shaped as one tells them. Its watts are three times
those of its level, as the maker's integration has it; whether it takes a level while it is off is not known: both can be
tried.
"""

import json
import pathlib

from .base import HttpEmulator

STATS = json.loads((pathlib.Path(__file__).resolve().parents[2] /
                    "data/devices/braiins/composed_25_07/miner_stats.json").read_text())
LEVELS_W = (900, 1400, 1900, 2400, 2900)


class _Levels(HttpEmulator):
    """`level` and `enabled` are kept over a power cut."""

    def __init__(self, **network):
        super().__init__(**network)
        self.level, self.enabled = 2, True
        self.stuck = False             # says yes, and stays at its level
        self.level_needs_on = False    # refuses levels while it is off
        self.gone = set()              # paths that an old firmware does not have

    def power_w(self):
        return LEVELS_W[self.level] if self.enabled else 14

    def posts(self):
        """Everything that was sent to change it."""
        return self.asked(lambda what: what.startswith("POST"))

    def set_level(self, level):
        if not isinstance(level, int) or not 0 <= level <= 4:
            return 400, {}, b"level"
        if self.level_needs_on and not self.enabled:
            return 409, {}, b"not running"
        if not self.stuck:
            self.level = level
        return 200, {}, b""

    def set_enabled(self, enabled):
        self.enabled = bool(enabled)
        return 200, {}, b""


class Ofen(_Levels):
    def __init__(self, form="forge", product="OFEN2 21E-0042", **network):
        super().__init__(**network)
        self.form, self.product = form, product

    def answer(self, method, path, headers, body):
        with self.lock:
            if path == "/":
                return 401, {"WWW-Authenticate": 'Basic realm="21energy"'}, b""
            if not path.startswith("/21control/") or path in self.gone:
                return 404, {}, b""
            path = path.removeprefix("/21control")
            return self._post(path, body) if method == "POST" else self._get(path)

    def _post(self, path, body):
        if path.startswith("/heater/powerTarget/"):
            return self.set_level(int(path.rpartition("/")[2]))
        if path == "/heater/enable":
            return self.set_enabled(json.loads(body)["enabled"])
        return 404, {}, b""

    def _get(self, path):
        answers = {
            "/status": {"operational": True},
            "/status/system": {"model": "Ofen 2", "productId": self.product, "version": "0.4.2", "isPaired": True},
            "/heater/powerTarget": self.level,
            "/heater/powerTarget/watt": f"{3 * LEVELS_W[self.level]}W",
            "/heater/status/fan": "42.0",
            "/heater/status/temperature": 31.5,
            "/heater/networkStatus": {"interface": "wlan0", "essid": "home", "minQuality": 60, "maxQuality": 70},
            "/heater/poolConfig": {"url1": "stratum+tcp://pool.example:3333", "user1": "me.ofen", "url2": "", "user2": ""},
            "/heater/status/summary": self._forge() if self.form == "forge" else self._older(),
        }
        return self.json(answers[path]) if path in answers else (404, {}, b"")

    def _forge(self):
        last = json.loads(json.dumps(STATS)) | {
            "id": "192.168.21.2", "fans": [{"position": 0, "rpm": 1450, "target_speed_ratio": 0.42}],
            "highest_temperature": {"id": 1, "location": 1, "temperature": {"degree_c": 66.5}}}
        last["power_stats"]["approximated_consumption"]["watt"] = self.power_w()
        return {"forge": {"version": "0.4.2"}, "miningDevices": {
            "enabled": int(self.enabled), "powerTargetW": 3 * LEVELS_W[self.level], "powerConsumptionW": self.power_w(),
            "hashRate": 50 * self.power_w() if self.enabled else 0, "maxChipTemperature": 66.5, "minChipTemperature": 60,
            "lastSummaries": [last] if self.enabled else []}}

    def _older(self):
        found = {"foundBlocks": 0, "poolStatus": "alive",
                 "power": {"limitW": 3 * LEVELS_W[self.level], "approxConsumptionW": self.power_w()},
                 "realHashrate": {"mhs5S": 50e3 * self.power_w() if self.enabled else 0}}
        return found | ({"tunerStatus": {"state": "stable"}} if self.enabled else {})


class Port21(_Levels):
    """Two miners behind it; `level` and `enabled` are those of the first and of all."""

    def __init__(self, **network):
        super().__init__(**network)
        self.other_enabled = True

    def answer(self, method, path, headers, body):
        with self.lock:
            if (method, path) == ("POST", "/21port/mining/powerLevel"):
                return self.set_level(json.loads(body)["level"])
            if (method, path) == ("POST", "/21port/mining/enable"):
                asked = json.loads(body)
                if asked.get("minerId", "a") != "a":
                    return 404, {}, b""
                if "minerId" not in asked:
                    self.other_enabled = asked["enabled"]
                return self.set_enabled(asked["enabled"])
            answers = {
                "/21port/status/configuration": {"id": "21P-0007"},
                "/21port/status/summary": self._summary(),
                "/21port/mining/poolConfig": [{"user": "me.port", "url": "stratum+tcp://pool.example:3333"}],
            }
            return self.json(answers[path]) if method == "GET" and path in answers else (404, {}, b"")

    def _summary(self):
        devices = [{"id": name, "model": "S19", "enabled": enabled, "powerLevel": self.level, "poolStatus": "alive",
                    "powerConsumptionW": LEVELS_W[self.level] if enabled else 14, "chipTemperature": 61,
                    "hashrateGhs": 100000 if enabled else 0}
                   for name, enabled in (("a", self.enabled), ("b", self.other_enabled))]
        return {"deviceCount": 2, "forgeStatus": "running", "poolStatus": "alive", "powerLevel": self.level,
                "currentPowerConsumptionW": sum(d["powerConsumptionW"] for d in devices),
                "totalHashrateGhs": sum(d["hashrateGhs"] for d in devices),
                "firmwareVersion": {"controlVersion": "1.4.0"}, "devices": devices}
