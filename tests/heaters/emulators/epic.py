"""A miner with ePIC's PowerPlay: HTTP with JSON on port 4028, the password in the body of each command.

Vices, all off at first: `pending` (that many commands are put off, as while it tunes), `refuse` (the name of an
error), `silent` (acknowledges and does nothing), `bad` (fields of other types), `cannot_tell` (readings that fail).
"""

import json
import time

from .base import HttpEmulator, Page

PRESETS = [(1650, 78), (2200, 101), (2750, 122), (3300, 140)]


class EpicEmulator(HttpEmulator):
    def __init__(self, by_power=True, password="letmein", port=0, address="127.0.0.1", mac="02:5E:40:00:00:01"):
        super().__init__(port, address)
        self.page = Page(200, {"Content-Type": "text/html"}, b"<html><title>Miner Web Dashboard</title></html>",
                         address=address)  # on port 80
        self.by_power, self.password, self.mac = by_power, password, mac
        self.state = "Mining"
        self.tuning = True        # this and what follows is in flash
        self.algorithm = "Power" if by_power else "VoltageOptimizer"
        self.target = 3000 if by_power else 140
        self.throttle = {"Min Throttle Target": 50, "Throttle Step": 5}
        self.stopped = False
        self.writes = []          # commands that were carried out
        self.pending = 0
        self.refuse = None
        self.silent = self.bad = False
        self.cannot_tell = set()

    def on_power(self):
        with self.lock:
            self.booted = time.monotonic()
            self.state = "Idling" if self.stopped else "Mining"

    @property
    def watts(self):
        if self.state == "Idling":
            return 12.5
        if self.algorithm == "Power":
            return float(self.target)
        return next(watts for watts, hashrate in PRESETS if hashrate == self.target)

    @property
    def mhs(self):
        return 0.0 if self.state == "Idling" else self.watts * 42000.0

    # --- protocol

    def answer(self, method, path, headers, body):
        with self.lock:
            name = path.strip("/")
            if method == "GET":
                reads = {"summary": self.summary, "capabilities": self.capabilities, "network": self.network}
                if name in self.cannot_tell:
                    return self.json({"result": False, "error": "UnknownError"})
                return self.json(reads[name]()) if name in reads else (404, {}, b"")
            asked = json.loads(body)
            error = self.command(name, asked)
            return self.json({"result": error is None, "error": error})

    def command(self, name, asked):
        param = asked.get("param")
        if asked.get("password") != self.password:
            return "BadPassword"
        if self.pending > 0:
            self.pending -= 1
            return {"LastCmdStillPending": "AdjustingClockVoltage"}
        if self.refuse:
            return self.refuse
        self.writes.append((name, param))
        if self.silent:
            return None
        if name == "miner":
            self.stopped = param == "Stop"
            self.state = "Idling" if self.stopped else "Mining"
        elif name == "perpetualtune":
            self.tuning = param
        elif name == "perpetualtune/algo":
            self.algorithm, self.target = param["algo"], param["target"]
            self.throttle = {"Min Throttle Target": param.get("min_throttle"), "Throttle Step": param.get("throttle_step")}
        else:
            return {"InvalidUrl": name}
        return None

    # --- readings

    def network(self):
        return {"dhcp": {"address": self.address, "dns": "", "gateway": "", "netmask": "", "mac_address": self.mac}}

    def capabilities(self):
        tunes = [{"algorithm": "VoltageOptimizer", "name": "Voltage Optimizer", "description": "", "min": 60, "max": 300},
                 {"algorithm": "ChipTune", "name": "Chip Tune", "description": "", "min": 60, "max": 300}]
        if self.by_power:
            tunes.append({"algorithm": "Power", "name": "Power", "description": "", "min": 900, "max": 3600})
        presets = [{"clk": 3 * hashrate, "hashrate": float(hashrate), "power": watts, "voltage": 12400}
                   for watts, hashrate in PRESETS]
        return {"Model": "AntMiner S19 XP", "Model Subtype": "BHB56801", "Chip Type": "BM1366", "Max HBs": 3,
                "Coins": ["BTC"], "Default Hashrate": 141, "Default Clock": 470, "Default Voltage": 12600,
                "Board Serial Numbers": ["A", "B", "C"], "PerpetualTune": tunes, "Tune Presets": presets,
                "Performance Estimator": {"Chip Count": 110, "Hashes Per Second Per Chip": 880.0}}

    def summary(self):
        boards = [{"Index": i, "Hashrate": [self.mhs / 3, 100.0, 0.5], "Temperature": 60.0 + i, "Core Clock": [],
                   "Core Clock Avg": 470.0, "Input Voltage": 12.4} for i in range(3)]
        tune = {self.algorithm: {"Target": self.target, "Optimized": True, "Throttle Target": None, **self.throttle,
                                 "Unit": "W" if self.algorithm == "Power" else "TH/s"}}
        fans = {f"Fans Speed {i}": 4300 if i <= 4 else None for i in range(1, 13)}
        power = "plenty" if self.bad else self.watts
        return {"Status": {"Operating State": self.state, "Last Command": None, "Last Command Result": None,
                           "Last Error": None},
                "Hostname": "epic", "Software": "PowerPlay-BMS v1.5.13", "OS Type": "umcOS",
                "Mining": {"Coin": "BTC", "Algorithm": "SHA-256"}, "PresetInfo": {"Target Power": 3000},
                "Stratum": {"Current Pool": "pool.example:3334", "Current User": "home.heater",
                            "IsPoolConnected": True, "Average Latency": 0.03},
                "Session": {"Uptime": int(time.monotonic() - self.booted), "Accepted": 915, "Rejected": 2,
                            "Submitted": 917, "Average MHs": self.mhs, "Active HBs": 3, "Difficulty": 131072.0},
                "HBs": boards, "HBStatus": [{"Index": i, "Detected": True, "Enabled": True} for i in range(3)],
                "Fans": {"Fans Speed": 45, "Fan Mode": {"Auto": {"Idle Speed": 20, "Target Temperature": 60}}},
                "Fans Rpm": fans, "Misc": {"Critical Temp": 100.0, "Shutdown Temp": 85.0, "Locate Miner State": False},
                "PerpetualTune": {"Running": self.tuning, "Algorithm": tune},
                "StratumConfigs": [{"pool": "stratum+tcp://pool.example:3334", "login": "home.heater", "password": "x"}],
                "Power Supply Stats": {"Input Power": power, "Output Voltage": 12.4, "Target Voltage": 12400}}
