"""A miner with VNish: /api/v1 with a token or a key; 1.3 throttles, 1.2 has presets only, whose change restarts it.

Vices, all off at first: `token_uses` (a token is good for that many requests), `silent` (acknowledges and does
nothing), `refuse` (a sentence with which each change is refused), `stubborn` (takes resume and stands still until it
is started), `bad` (fields of other types).
"""

import json
import time

from .base import HttpEmulator
from .cgminer import CgminerApi


class VnishEmulator(HttpEmulator):
    def __init__(self, firmware="1.3.4", password="admin", port=0, address="127.0.0.1", mac="02:5e:20:00:00:01"):
        super().__init__(port, address)
        self.firmware, self.password, self.mac = firmware, password, mac
        self.throttles = firmware >= "1.3"
        self.presets = {"1500": "tuned", "2000": "tuned", "2400": "tuned", "2800": "tuned", "3200": "untuned"}
        self.preset = "2800"      # in flash, as is the throttle
        self.throttled = 100
        self.pools = [{"url": "stratum+tcp://pool.example:3333", "user": "home.heater", "pass": "secret"}]
        self.state = "mining"
        self.tokens = {}
        self.keys = set()
        self.unlocks = self.restarts = 0
        self.writes = []          # changes that were carried out
        self.token_uses = None
        self.silent = self.stubborn = self.bad = False
        self.refuse = None
        self.api = CgminerApi({"version": self._rpc_version, "summary": self._rpc_summary, "stats": self._rpc_stats},
                              address=address)

    def on_power(self):
        with self.lock:
            self.booted = time.monotonic()
            self.state = "mining"  # it mines again after a power cut
            self.tokens = {}

    @property
    def watts(self):
        return 18 if self.state == "stopped" else round(int(self.preset) * self.throttled / 100)

    @property
    def ghs(self):
        return 0 if self.state == "stopped" else self.watts * 36.0

    # --- protocol

    def may(self, headers):
        if headers.get("x-api-key") in self.keys:
            return True
        token = (headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in self.tokens:
            return False
        self.tokens[token] -= 1
        if self.tokens[token] <= 0:
            del self.tokens[token]
        return True

    def answer(self, method, path, headers, body):
        with self.lock:
            name = path.removeprefix("/api/v1/")
            if path == "/":
                return 200, {"Content-Type": "text/html"}, b"<html><title>AnthillOS</title></html>"
            if method == "GET":
                return self.get(name, headers)
            try:
                asked = json.loads(body) if body else {}
            except ValueError:
                return self.json({"err": "bad request"}, 400)
            if name == "unlock":
                return self.unlock(asked)
            if not self.may(headers):
                return 401, {}, b""
            if self.refuse:
                return self.json({"err": self.refuse}, 500)
            return self.change(name, asked)

    def get(self, name, headers):
        reads = {"info": self.info, "summary": self.summary, "perf-summary": self.perf_summary, "status": self.status}
        guarded = {"settings": self.settings, "autotune/presets": self.preset_list}
        if name in reads:
            return self.json(reads[name]())
        if name in guarded:
            return self.json(guarded[name]()) if self.may(headers) else (401, {}, b"")
        return self.json({"err": "not found"}, 404)

    def unlock(self, asked):
        self.unlocks += 1
        if asked.get("pw") != self.password:
            return self.json({"unlock_timeout": None}, 403)
        token = f"token{self.unlocks:04d}"
        self.tokens[token] = self.token_uses or 10 ** 6
        return self.json({"token": token})

    def change(self, name, asked):
        saved = {"restart_required": False, "reboot_required": False}
        if name == "mining/throttle" and self.throttles:
            if not isinstance(asked.get("percent"), int) or not 20 <= asked["percent"] <= 100:
                return self.json({"err": "percent: out of range"}, 500)
            self.writes.append(f"throttle {asked['percent']}")
            if not self.silent:
                self.throttled = asked["percent"]
            return self.json(saved)
        if name == "settings":
            preset = asked["miner"]["overclock"]["preset"]
            if preset not in self.presets:
                return self.json({"err": "no such preset"}, 500)
            self.writes.append(f"preset {preset}")
            if not self.silent:
                self.preset = preset
                if asked["miner"].get("pools"):
                    self.pools = asked["miner"]["pools"]
            return self.json({**saved, "restart_required": self.state == "mining" and not self.silent})
        states = {"mining/pause": "stopped", "mining/stop": "stopped", "mining/resume": "mining",
                  "mining/start": "mining", "mining/restart": "mining"}
        if name not in states:
            return self.json({"err": "not found"}, 404)
        self.writes.append(name.removeprefix("mining/"))
        self.restarts += name == "mining/restart"
        if not self.silent and not (self.stubborn and name == "mining/resume"):
            self.state = states[name]
        return 200, {}, b""

    # --- readings

    def uptime(self):
        minutes = int(time.monotonic() - self.booted) // 60
        return f"{minutes // 60}:{minutes % 60:02d}"

    def info(self):
        return {"fw_name": "Vnish", "fw_version": self.firmware, "platform": "xil", "install_type": "nand",
                "build_time": "2025-01-01 00:00:00", "miner": "Antminer S19", "model": "s19", "algorithm": "sha256d",
                "hr_measure": "GH/s", "serial": "EMULATED0002",
                "system": {"os": "GNU/Linux", "miner_name": "Antminer S19", "file_system_version": "1",
                           "mem_total": 1, "mem_free": 1, "mem_free_percent": 1, "mem_buf": 1, "mem_buf_percent": 1,
                           "uptime": self.uptime(),
                           "network_status": {"mac": self.mac, "dhcp": True, "ip": self.address, "netmask": "",
                                              "gateway": "", "dns": [], "hostname": "vnish"}}}

    def miner_status(self):
        status = {"miner_state": self.state, "miner_state_time": int(time.monotonic() - self.booted)}
        return {**status, "throttled": self.throttled} if self.throttles else status

    def status(self):
        return {**self.miner_status(), "restart_required": False, "reboot_required": False, "find_miner": False,
                "unlocked": False}

    def summary(self):
        pool = {"id": 0, "url": "pool.example:3333", "pool_type": "UserPool", "user": "home.heater", "status": "active",
                "asic_boost": True, "diff": "65536", "accepted": 321, "rejected": 2, "stale": 1, "ls_diff": 65536,
                "ls_time": "0:00:02", "diffa": 1, "ping": 20}
        fee = {**pool, "id": 3, "url": "DevFee", "pool_type": "DevFee", "user": "DevFee", "status": "working"}
        fans = [{"id": i, "rpm": 4080, "status": "ok", "max_rpm": 6000} for i in range(4)]
        cooling = {"fan_num": 4, "fans": fans, "settings": {"mode": {"name": "auto", "param": 60}}, "fan_duty": 68}
        watts = f"{self.watts}" if self.bad else self.watts
        return {"miner": {"miner_status": self.miner_status(), "miner_type": f"Antminer S19 (Vnish {self.firmware})",
                          "hr_stock": 95000.0, "average_hashrate": self.ghs / 1000, "instant_hashrate": self.ghs / 1000,
                          "hr_realtime": self.ghs, "hr_nominal": 95000.0, "hr_average": self.ghs,
                          "pcb_temp": {"min": 41, "max": 55}, "chip_temp": {"min": 52, "max": 71},
                          "power_consumption": watts, "power_usage": 28, "power_efficiency": 28.0,
                          "hw_errors_percent": 0.0, "hr_error": 0.0, "hw_errors": 0, "devfee_percent": 2.0,
                          "devfee": 0.0, "pools": [pool, fee], "cooling": cooling, "chains": [], "found_blocks": 0,
                          "best_share": 1234567, "restart_count": self.restarts}}

    def perf_summary(self):
        return {"current_preset": self.preset_row(self.preset), "preset_switcher": {"enabled": False}}

    def preset_row(self, name):
        return {"name": name, "pretty": f"{name} watt", "status": self.presets[name], "modded_psu_required": False}

    def preset_list(self):
        return [{"name": "disabled", "pretty": "disabled", "status": "untuned", "modded_psu_required": False},
                *[self.preset_row(name) for name in self.presets],
                {"name": "4200", "pretty": "4200 watt", "status": "tuned", "modded_psu_required": True}]

    def settings(self):
        return {"miner": {"overclock": {"preset": self.preset, "modded_psu": False}, "pools": self.pools},
                "ui": {}, "regional": {}, "network": {}}

    def _rpc_version(self):
        return {"VERSION": [{"API": "3.1", "Miner": "1.2.3.4", "Type": f"Antminer S19 (Vnish {self.firmware})"}]}

    def _rpc_stats(self):
        boards = {f"{key}{i}": value for i in (1, 2, 3) for key, value in
                  {"chain_acn": 76, "chain_rate": f"{self.ghs / 3:.2f}"}.items()}
        fans = {f"fan{i}": 4080 for i in (1, 2, 3, 4)}
        return {"STATS": [{"Type": f"Antminer S19 (Vnish {self.firmware})"},
                          {**boards, **fans, "Elapsed": int(time.monotonic() - self.booted), "fan_num": 4,
                           "rate_unit": "GH", "total_rateideal": 95000.0}]}

    def _rpc_summary(self):
        return {"SUMMARY": [{"Elapsed": int(time.monotonic() - self.booted), "GHS 5s": self.ghs, "GHS av": self.ghs}]}
