"""Miners with Braiins OS: the REST interface of 25.07 and later, and what older versions answer.

The answers are those of tests/data/devices/braiins, recorded or composed, with the fields that a command changes put in. How long it tunes, what it says outside its range and while it starts or stops, and that a pause does not survive a
power cut are taken from users' reports, not from recordings.
"""

import json
import math
import pathlib
import secrets
import time

from .base import HttpEmulator, TcpEmulator

RECORDINGS = pathlib.Path(__file__).resolve().parents[2] / "data/devices/braiins"
STATUS = {"stopped": 1, "normal": 2, "paused": 3}
FILES = {"/miner/details": "miner_details", "/miner/stats": "miner_stats", "/cooling/state": "cooling_state",
         "/miner/hw/hashboards": "miner_hw_hashboards", "/pools/": "pools", "/network/": "network",
         "/version/": "version", "/configuration/miner": "configuration_miner",
         "/performance/tuner-state": "performance_tuner_state"}


class Braiins(HttpEmulator):
    """`target_w` is kept in flash; the rest is gone with the power."""

    def __init__(self, release="26_04", password="root", low_w=1700, high_w=3860, tuner_s=1.0, **network):
        super().__init__(**network)
        self.recorded = {path: json.loads((RECORDINGS / release / f"{name}.json").read_text())
                         for path, name in FILES.items()}
        self.password = password
        self.low_w, self.high_w = low_w, high_w
        self.tuner_s = tuner_s         # time constant of its consumption
        self.target_w = 3500
        self.scaled_w = None           # what Dynamic Performance Scaling holds it at
        self.dps = self.tuner_on = None
        self.nopic_w = 0               # drawn by hash boards that cannot be switched off
        self.busy = False              # it starts or stops, and takes no action
        self.takes_target = True
        self.token_requests = 10**9    # requests that a token lasts for
        self.changes = {}              # path of an answer -> function that spoils it
        self.pools_before = json.dumps(self.recorded["/pools/"])
        self.tokens, self.logins, self.flash_writes, self.restarts = {}, 0, 0, 0
        self.state = "normal"

    def on_power(self):
        with self.lock:
            self.tokens.clear()
            self.state = "normal"      # [users] a pause does not survive a power cut
            self._since, self._from_w, self._boot = time.monotonic(), 0.0, time.monotonic()

    # --- what it does -----------------------------------------------------------------------------------------

    def goal_w(self):
        if self.state != "normal":
            return max(45.0, self.nopic_w)
        return self.scaled_w or self.target_w

    def power_w(self):
        goal = self.goal_w()
        return goal + (self._from_w - goal) * math.exp(-(time.monotonic() - self._since) / self.tuner_s)

    def tuning(self):
        return self.state == "normal" and abs(self.power_w() - self.goal_w()) > 0.02 * self.high_w

    def _change(self, **what):
        power_w = self.power_w()
        for name, value in what.items():
            setattr(self, name, value)
        self._from_w, self._since = power_w, time.monotonic()

    def writes(self):
        """Everything that was sent to change it."""
        return self.asked(lambda what: what.split()[0] in ("PUT", "PATCH", "DELETE"))

    # --- its answers ------------------------------------------------------------------------------------------

    def answer(self, method, path, headers, body):
        with self.lock:
            if path == "/":
                return 200, {"Content-Type": "text/html"}, b"<html><title>Braiins OS</title></html>"
            if not path.startswith("/api/v1"):
                return 404, {}, b""
            path = path.removeprefix("/api/v1")
            if (method, path) == ("POST", "/auth/login"):
                return self._login(body)
            if not self._authorized(headers.get("Authorization")):
                return 401, {}, b""
            if method == "GET":
                return self._get(path)
            if method == "PUT":
                return self._put(path, body)
            return 405, {}, b""

    def _login(self, body):
        self.logins += 1
        asked = json.loads(body)
        if (asked["username"], asked["password"]) != ("root", self.password):
            return 401, {}, b""
        token = secrets.token_urlsafe(12)
        self.tokens[token] = self.token_requests
        return self.json({"token": token, "timeout_s": 3600})

    def _authorized(self, token):
        left = self.tokens.get(token, 0)
        if left <= 0:
            self.tokens.pop(token, None)
            return False
        self.tokens[token] = left - 1
        return True

    def _get(self, path):
        if path == "/configuration/constraints":
            found = {"tuner_constraints": {"default_mode": 1, "enabled": {"default": True}, "power_target": {
                "min": {"watt": self.low_w}, "max": {"watt": self.high_w}, "default": {"watt": 3500}}}}
        elif path in self.recorded:
            found = json.loads(json.dumps(self.recorded[path]))
            self._bring_up_to_date(path, found)
        else:
            return 404, {}, b""
        spoil = self.changes.get(path)
        if spoil is not None:
            changed = spoil(found)
            if isinstance(changed, bytes):
                return 200, {"Content-Type": "application/json"}, changed
        return self.json(found)

    def _bring_up_to_date(self, path, found):
        watt = round(self.power_w())
        share = max(0.0, watt - 45) / self.high_w
        if path == "/miner/details":
            found["status"] = STATUS[self.state]
            found["system_uptime"] = found["system_uptime_s"] = int(time.monotonic() - self._boot)
        elif path == "/configuration/miner":
            found["tuner"]["power_target"] = {"watt": self.target_w}
            if self.tuner_on is not None:
                found["tuner"]["enabled"] = self.tuner_on
            if self.dps is not None:
                found["dps"] = {"enabled": self.dps, "mode": 1}
        elif path == "/performance/tuner-state":
            found["overall_tuner_state"] = 3 if self.tuning() else found["overall_tuner_state"]
            mode = found["mode_state"]["powertargetmodestate"]
            mode["current_target"] = {"watt": self.scaled_w or self.target_w}
        elif path == "/miner/stats":
            found["power_stats"]["approximated_consumption"] = {"watt": watt}
            for window in found["miner_stats"]["real_hashrate"].values():
                window["gigahash_per_second"] *= share if self.state == "normal" else 0

    def _put(self, path, body):
        if path == "/performance/power-target":
            if not self.takes_target:
                return 503, {}, b"tuner is not ready"
            return self._set_target(json.loads(body)["watt"])
        if not path.startswith("/actions/"):
            return 404, {}, b""
        if self.busy:
            return 409, {}, b"miner is stopping"
        return {"pause": self._pause, "resume": self._resume, "start": self._start}[path.removeprefix("/actions/")]()

    def _set_target(self, watt):
        if not isinstance(watt, int) or not self.low_w <= watt <= self.high_w:
            words = f"power target [{watt}W] is not in allowed range [Some({self.low_w}), Some({self.high_w})]"
            return 400, {"Content-Type": "text/plain"}, words.encode()
        self.flash_writes += watt != self.target_w
        self._change(target_w=watt)
        return self.json({"watt": watt})

    def _pause(self):
        was = self.state == "paused"
        self._change(state="paused")
        return self.json(was)

    def _resume(self):
        was = self.state == "normal"
        if self.state == "stopped":
            return 500, {}, b"bosminer is not running"
        self._change(state="normal")
        return self.json(was)

    def _start(self):
        was = self.state != "stopped"
        self._change(state="normal")
        return self.json(was)


class OldBraiins(HttpEmulator):
    """The web server of a version without the REST interface: `status` for everything below /api."""

    def __init__(self, status=404, **network):
        super().__init__(**network)
        self.status = status

    def answer(self, method, path, headers, body):
        if path == "/":
            return 200, {"Content-Type": "text/html"}, b"<html><title>Braiins OS</title></html>"
        return self.status, {"Content-Type": "text/html"}, b"<html>not here</html>"


class BraiinsSocket(TcpEmulator):
    """Port 4028: the interface of cgminer, for reading only. `recorded` is the answer to `version`."""

    def __init__(self, recorded, **network):
        super().__init__(**network)
        self.recorded = recorded

    @classmethod
    def boser(cls, **network):
        return cls((RECORDINGS / "socket_version.json").read_bytes(), **network)

    @classmethod
    def bosminer(cls, **network):
        """As documented; no recording exists."""
        return cls(json.dumps({"STATUS": [{"Code": 22, "Description": "BOSminer+ 0.2.0-36c56a9363", "STATUS": "S",
                                           "Msg": "BOSminer+ versions", "When": 1600000000}],
                               "VERSION": [{"API": "3.7", "BOSminer+": "0.2.0-36c56a9363"}], "id": 1}).encode(),
                   **network)

    def answer(self, request):
        if b"version" in request:
            return self.recorded + b"\0"
        return b'{"STATUS":[{"STATUS":"E","Code":14,"Msg":"Invalid command","Description":"BOSer"}],"id":1}\0'
