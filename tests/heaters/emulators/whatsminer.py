"""A WhatsMiner with MicroBT's firmware: API 2 (JSON on TCP 4028) and API 3 (4433, a length before each message).

The ciphers are those of the openssl program, as heatbridge's own must agree with somebody else's. Vices, all off at
first: `write_api` (False: it takes no commands), `tells_percent` (False: as older firmware), `silent` (acknowledges and
does nothing), `short_tokens` (so many tokens are too old when they are used), `token_limit` (so many are given away),
`ramping` (it heats up and takes no percentage), `error_codes`, `bad` (fields of other types). Always: a new limit
restarts its mining, which then answers nothing for a while and forgets the percentage; a limit out of range is
acknowledged and ignored; a power cut makes it mine again.
"""

import base64
import hashlib
import json
import struct
import subprocess
import time

from .base import TcpEmulator

LEAST_W, MOST_W = 1000, 3600   # of its limit
NOMINAL_W, NOMINAL_THS = 3300, 126.0
POOLS = [("stratum+tcp://pool.example:3333", True), ("stratum+tcp://spare.example:3333", False)]


def openssl(*words, data=b""):
    return subprocess.run(["openssl", *words], input=data, check=True, capture_output=True).stdout


def md5crypt(word, salt):
    return openssl("passwd", "-1", "-salt", salt, "-stdin", data=word.encode() + b"\n").decode().strip().split("$")[3]


def aes(key, data, *way):
    return openssl("enc", *way, "-aes-256-ecb", "-nopad", "-K", key.hex(), data=data)


class Miner:
    """What both APIs show and change."""

    def __init__(self, model="M30S+VE40", firmware="20230803.11.REL", mac="D4:01:02:03:04:05"):
        self.model, self.firmware, self.mac = model, firmware, mac
        self.limit_w = NOMINAL_W  # in flash
        self.percent = 100        # in memory, as all that follows
        self.off = False
        self.started = time.monotonic()
        self.unready = 0          # so many questions about its mining are not answered
        self.restarts = 0
        self.writes = []          # what it was told and acknowledged
        self.error_codes = []
        self.write_api = self.tells_percent = True
        self.silent = self.ramping = self.bad = False

    def power_cut(self):
        self.off = False
        self.restart(unready=0)

    def restart(self, unready=2):
        self.started = time.monotonic()
        self.percent = 100
        self.unready = unready

    @property
    def watts(self):
        return 15 if self.off else self.limit_w * self.percent // 100

    @property
    def ths(self):
        return 0.0 if self.off else round(NOMINAL_THS * self.watts / NOMINAL_W, 3)

    @property
    def elapsed(self):
        return 0 if self.off else int(time.monotonic() - self.started)

    @property
    def answers(self):
        """Whether its mining is there to be asked."""
        self.unready -= self.unready > 0
        return not self.off and self.unready == 0

    def set(self, what, value=None):
        """False if it refuses."""
        if what == "percent" and (self.ramping or not 1 <= value <= 100):
            return False
        self.writes.append(what if value is None else f"{what} {value}")
        if self.silent:
            return True
        if what == "percent":
            self.percent = value
        elif what == "limit" and LEAST_W <= value <= MOST_W:
            self.limit_w = value
            self.restarts += 1
            self.restart()
        elif what == "off":
            self.off = True
        elif what == "on" and self.off:
            self.off = False
            self.restart()
        return True


class WhatsminerV2(TcpEmulator):
    """One question, one answer, and it closes the connection."""

    def __init__(self, port=0, address="127.0.0.1", miner=None, password="admin"):
        super().__init__(port, address)
        self.miner = miner or Miner()
        self.password = password
        self.tokens = {}        # those that are good, and the key of each
        self.given = 0
        self.short_tokens = 0
        self.token_limit = None

    def on_power(self):
        with self.lock:
            self.tokens = {}
            self.miner.power_cut()

    def answer(self, request):
        with self.lock:
            try:
                asked = json.loads(request)
                if asked.get("enc"):
                    return self.pack(self.sealed(asked["data"]))
                command = asked.get("cmd") or asked["command"]
            except (ValueError, KeyError, TypeError, AttributeError):
                return self.pack(self.msg("E", 23, "json cmd err"))
            if "+" in command:
                return self.pack({name: [self.one(name)] for name in command.split("+")})
            return self.pack(self.one(command))

    @staticmethod
    def pack(value):
        return json.dumps(value, separators=(",", ":")).encode()

    @staticmethod
    def msg(letter, code, message):
        return {"STATUS": letter, "When": int(time.time()), "Code": code, "Msg": message, "Description": ""}

    @staticmethod
    def status(code, message):
        return {"STATUS": [{"STATUS": "S", "When": int(time.time()), "Code": code, "Msg": message,
                            "Description": "btminer"}], "id": 1}

    def one(self, command):
        if command in ("power_off", "power_on", "set_power_pct", "adjust_power_limit"):
            return self.msg("E", 45, "permission denied")
        read = getattr(self, f"read_{command}", None)
        if read is None or (command in ("summary", "edevs", "devs", "devdetails", "pools") and not self.miner.answers):
            return self.msg("E", 14, "invalid cmd")
        return read()

    # --- commands

    def read_get_token(self):
        if self.token_limit is not None and self.given >= self.token_limit:
            return self.msg("E", 136, "over max connect")
        self.given += 1
        salt, newsalt, minute = "BQ5hoXV9", f"jbzkf{self.given:03d}", str(4168 + self.given)
        key = md5crypt(self.password, salt)
        if self.short_tokens > 0:
            self.short_tokens -= 1
        else:
            self.tokens[md5crypt(key + minute, newsalt)] = hashlib.sha256(key.encode()).digest()
        return self.msg("S", 134, {"time": minute, "salt": salt, "newsalt": newsalt})

    def sealed(self, data):
        """Whoever sealed it with another password's key sent garbage; errors come back unsealed."""
        key = hashlib.sha256(md5crypt(self.password, "BQ5hoXV9").encode()).digest()
        try:
            asked = json.loads(aes(key, base64.b64decode(data, validate=True), "-d").rstrip(b"\0"))
        except (ValueError, subprocess.CalledProcessError):
            return self.msg("E", 23, "json cmd err")
        self.note(f"sealed {json.dumps({name: asked[name] for name in asked if name != 'token'})}")
        if asked.get("token") not in self.tokens:
            return self.msg("E", 135, "check token err")
        if not self.miner.write_api:
            return self.msg("E", 14, "can't access write cmd")
        answer = self.pack(self.carry_out(asked))
        return {"enc": base64.b64encode(aes(key, answer + b"\0" * (-len(answer) % 16), "-e")).decode()}

    def carry_out(self, asked):
        command = asked["cmd"]
        if command == "power_off" and asked.get("respbefore") == "true":
            done = self.miner.set("off")
        elif command == "power_on":
            done = self.miner.set("on")
        elif command == "set_power_pct" and isinstance(asked.get("percent"), str):
            done = self.miner.set("percent", int(asked["percent"]))
        elif command == "adjust_power_limit" and isinstance(asked.get("power_limit"), str):
            done = self.miner.set("limit", int(asked["power_limit"]))
        else:
            return self.msg("E", 14, "invalid cmd")
        return self.msg("S", 131, "API command OK") if done else self.msg("E", 132, "API command ERROR")

    # --- readings

    def read_status(self):
        m = self.miner
        told = {"power_pct": str(m.percent)} if m.tells_percent else {}
        return self.msg("S", 131, {"FirmwareVersion": m.firmware, "hash_percent": "0", **told,
                                   "mineroff": str(m.off).lower(), "mineroff_reason": "user" if m.off else "",
                                   "mineroff_time": "", "power_limit_set": str(m.limit_w), "power_mode": "normal"})

    def read_summary(self):
        m = self.miner
        mhs = m.ths * 1e6
        codes = {f"Error Code {i}": code for i, code in enumerate(m.error_codes)}
        summary = {"Accepted": 5412, "Best Share": 82000000, "Chip Temp Avg": 72.5, "Chip Temp Max": 81.0,
                   "Chip Temp Min": 62.0, "Elapsed": m.elapsed, "Env Temp": 28.5, "Error Code Count": len(codes), **codes,
                   "Factory GHS": int(NOMINAL_THS * 1000), "Fan Speed In": 5400, "Fan Speed Out": 5280, "HS RT": mhs,
                   "Hash Stable": not m.ramping, "MAC": m.mac, "MHS 15m": mhs, "MHS 1m": mhs, "MHS 5m": mhs,
                   "MHS 5s": mhs, "MHS av": mhs, "Pool Rejected%": 0.0, "Power": f"{m.watts} W?" if m.bad else m.watts,
                   "Power Fanspeed": 6000, "Power Limit": m.limit_w, "Power Mode": "Normal", "Rejected": 3, "Stale": 1,
                   "Target Freq": 600, "Temperature": 67.0, "Uptime": m.elapsed + 500}
        return {"SUMMARY": [summary], **self.status(11, "Summary")}

    def read_edevs(self):
        rows = [{"ASC": i, "Accepted": 1804, "Chip Frequency": 600, "Chip Temp Avg": 71.5 + i, "Chip Temp Max": 80.0,
                 "Chip Temp Min": 62.0, "Effective Chips": 135, "Enabled": "Y", "HS RT": self.miner.ths * 1e6 / 3,
                 "MHS 1m": self.miner.ths * 1e6 / 3, "MHS av": self.miner.ths * 1e6 / 3, "Name": "SM", "Slot": i,
                 "PCB SN": f"EMULATED{i}", "Status": "Alive", "Temperature": 65.0 + i} for i in range(3)]
        return {"DEVS": rows, **self.status(9, "3 ASC(s)")}

    read_devs = read_edevs

    def read_devdetails(self):
        rows = [{"DEVDETAILS": i, "Driver": "bitmicro", "ID": i, "Kernel": "", "Model": self.miner.model, "Name": "SM"}
                for i in range(3)]
        return {"DEVDETAILS": rows, **self.status(69, "Device Details")}

    def read_pools(self):
        rows = [{"Accepted": 5412 if used else 0, "POOL": i + 1, "Priority": i, "Rejected": 0, "Status": "Alive",
                 "Stratum Active": used, "URL": url, "User": "home.heater"} for i, (url, used) in enumerate(POOLS)]
        return {"POOLS": rows, **self.status(7, f"{len(rows)} Pool(s)")}

    def read_get_error_code(self):
        return self.msg("S", 131, {"error_code": [{str(code): "2026-11-26 10:30:00"} for code in self.miner.error_codes]})

    def read_get_version(self):
        return self.msg("S", 131, {"api_ver": "2.0.5", "fw_ver": self.miner.firmware, "platform": "H616"})

    def read_get_miner_info(self):
        return self.msg("S", 131, {"hostname": "WhatsMiner", "ledstat": "auto", "mac": self.miner.mac})

    def read_get_psu(self):
        return self.msg("S", 131, {"fan_speed": "6000", "hw_version": "", "model": "P222B", "name": "P222B",
                                   "sw_version": "230208.220429"})


class WhatsminerV3(TcpEmulator):
    one_at_a_time = False

    def __init__(self, port=0, address="127.0.0.1", miner=None, password="super"):
        super().__init__(port, address)
        self.miner = miner or Miner("M60S_VK40", "20251209.16.Rel2", "CE:02:01:00:8C:36")
        self.password = password
        self.skew_s = -86400     # its clock is its own
        self.salts = 0
        self.short_tokens = 0    # so many salts are replaced when they are used

    def on_power(self):
        with self.lock:
            self.miner.power_cut()

    @property
    def salt(self):
        return f"uhCiD{self.salts:03d}"

    def converse(self, connection):
        """Any number of messages in one connection."""
        while (head := self.exactly(connection, 4)) is not None:
            request = self.exactly(connection, struct.unpack("<I", head)[0])
            if request is None:
                return
            self.note(request.decode(errors="replace"))
            answer = self.answer(request)
            connection.sendall(struct.pack("<I", len(answer)) + answer)

    @staticmethod
    def exactly(connection, size):
        data = b""
        while len(data) < size:
            piece = connection.recv(size - len(data))
            if not piece:
                return None
            data += piece
        return data

    def answer(self, request):
        with self.lock:
            try:
                asked = json.loads(request)
                command, param = asked["cmd"], asked.get("param")
                code, message = self.one(command, param, asked)
            except (ValueError, KeyError, TypeError):
                command, code, message = "", -2, "invalid command"
            return json.dumps({"code": code, "when": self.now(), "msg": message, "desc": command}).encode()

    def now(self):
        return int(time.time()) + self.skew_s

    def one(self, command, param, asked):
        if command.startswith("set."):
            return self.write(command, param, asked)
        if command == "get.device.info":
            return 0, {"salt": self.salt} if param == "salt" else self.info()
        if command == "get.miner.setting":
            told = {"power-percent": self.miner.percent % 100} if self.miner.tells_percent else {}  # 0: never set
            return 0, {"power-limit": self.miner.limit_w, "power-mode": "normal", "heat-mode": "normal",
                       "upfreq-speed": 2, "power": self.miner.watts, **told}
        if command == "get.miner.status" and self.miner.answers:
            return 0, {part: getattr(self, f"status_{part}")() for part in param.split("+")}
        return -1, "failed"

    # --- commands

    def write(self, command, param, asked):
        if self.short_tokens > 0:
            self.short_tokens -= 1
            self.salts += 1
        word = f"{command}{self.password}{self.salt}{asked['ts']}".encode()
        token = base64.b64encode(hashlib.sha256(word).digest())[:8].decode()
        if asked.get("account") != "super" or asked.get("token") != token or abs(asked["ts"] - self.now()) > 60:
            return -1, "token error"
        if not self.miner.write_api:
            return -1, "permission denied"
        if command == "set.miner.service" and param in ("start", "stop"):
            done = self.miner.set({"start": "on", "stop": "off"}[param])
        elif command == "set.miner.power_limit" and isinstance(param, int):
            done = self.miner.set("limit", param)
        elif command == "set.miner.power_percent" and isinstance(param["percent"], str) and param["mode"] in ("fast", "normal"):
            done = self.miner.set("percent", int(param["percent"]))
        else:
            return -2, "invalid command"
        return (0, "ok") if done else (-1, "failed")

    # --- readings

    def info(self):
        m = self.miner
        codes = [{str(code): "2026-11-26 10:30:00", "reason": "as emulated"} for code in m.error_codes]
        return {**({"error-code": codes} if codes else {}),
                "miner": {"board-num": "3", "hash-board": "K40", "hash-percent": "0", "miner-sn": "EMULATED",
                          "pool-strategy": "FAILOVER", "type": m.model, "working": str(not m.off).lower()},
                "network": {"hostname": "WhatsMiner", "ip": self.address, "mac": m.mac, "proto": "dhcp"},
                "power": {"fanspeed": 6344, "model": "P221B", "type": "P221B", "vendor": "1"}, "salt": self.salt,
                "system": {"api": "3.0.2", "apiswitch": str(int(m.write_api)), "fwversion": m.firmware,
                           "ledstatus": "auto", "platform": "H616"}}

    def status_summary(self):
        m = self.miner
        return {"board-temperature": [65.0, 66.0, 67.0], "bootup-time": 1323, "chip-temp-avg": 75.5,
                "chip-temp-max": 82.0, "chip-temp-min": 68.0, "elapsed": m.elapsed, "environment-temperature": 28.5,
                "factory-hash": NOMINAL_THS, "fan-speed-in": 5400, "fan-speed-out": 5280, "freq-avg": 625,
                "hash-15min": m.ths, "hash-1min": m.ths, "hash-average": m.ths, "hash-realtime": m.ths,
                "power-5min": m.watts, "power-limit": m.limit_w, "power-rate": 26.2,
                "power-realtime": f"{m.watts} W?" if m.bad else m.watts, "up-freq-finish": int(not m.ramping)}

    def status_pools(self):
        return [{"account": "home.heater", "pool-priority": i, "status": "alive", "stratum-active": used, "url": url}
                for i, (url, used) in enumerate(POOLS)]

    def status_edevs(self):
        return [{"chip-temp-avg": 74.0 + i, "chip-temp-max": 80.0, "chip-temp-min": 68.0, "effective-chips": 75,
                 "factory-hash": NOMINAL_THS / 3, "freq": 625.0, "hash-average": round(self.miner.ths / 3, 3),
                 "hash-realtime": round(self.miner.ths / 3, 3), "id": i, "status": "alive"} for i in range(3)]


def both_ports(address):
    """A miner of API 3 answers API 2 as well, on the old port."""
    new = WhatsminerV3(4433, address)
    return [new, WhatsminerV2(4028, address, miner=new.miner)]
