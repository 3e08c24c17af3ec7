"""A Bitaxe with AxeOS and a NerdQAxe++, as far as their web interface goes.

Vices of the real ones that are kept: every changed setting is a write to flash memory; values are not held to any
range; the frequency follows slowly; a pause is forgotten with the power; an Origin header of elsewhere is refused; an
overheating rewrites settings for good; the NerdQAxe takes whole numbers only and ignores others without a word.
Shapes and values: ESP-Miner system_api_json.c and device_config.h, NerdQAxe handler_system.cpp.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets
import struct
import time

from .base import HttpEmulator

# chip: default MHz and mV, small cores, options; watts of one chip at its default point
CHIPS = {
    "BM1397": (425, 1400, 672, [400, 425, 450, 475, 485, 500, 525, 550, 575, 600],
               [1100, 1150, 1200, 1250, 1300, 1350, 1400, 1450, 1500], 11.5),
    "BM1366": (485, 1200, 894, [400, 425, 450, 475, 485, 500, 525, 550, 575], [1100, 1150, 1200, 1250, 1300], 9.5),
    "BM1368": (490, 1166, 1276, [400, 425, 450, 475, 485, 490, 500, 525, 550, 575],
               [1100, 1150, 1166, 1200, 1250, 1300], 10.5),
    "BM1370": (525, 1150, 2040, [400, 490, 525, 550, 600, 625], [1000, 1060, 1100, 1150, 1200, 1250], 12.5),
}
# board: chip, count, W that its report adds, maxPower, name of the family
BOARDS = {
    "102": ("BM1397", 1, 2.5, 25, "Max"), "204": ("BM1366", 1, 2.5, 25, "Ultra"), "401": ("BM1368", 1, 2.5, 40, "Supra"),
    "601": ("BM1370", 1, 5, 40, "Gamma"), "602": ("BM1370", 1, 5, 40, "Gamma"), "302": ("BM1366", 6, 12, 90, "Hex"),
    "702": ("BM1368", 6, 25, 120, "SupraHex"), "801": ("BM1370", 2, 10, 60, "GammaTurbo"),
}
WEB_PAGE = b"<!doctype html><html><head><title>AxeOS</title></head><body><app-root></app-root></body></html>"


def firmware_of(text):
    """(major, minor) of "v2.14.0"."""
    return tuple(int(n) for n in re.match(r"v(\d+)\.(\d+)", text).groups())


class _Axe(HttpEmulator):
    """What both firmwares share; `now` may be replaced to let a day pass."""

    ramp_mhz_s = 62.5

    def __init__(self, mac, frequency, voltage, **where):
        super().__init__(**where)
        self.mac = mac
        self.now = time.monotonic
        self.flash = {"frequency": frequency, "coreVoltage": voltage, "autofanspeed": 1, "manualFanSpeed": 100,
                      "overheat_mode": 0, "stratumURL": "pool.example", "stratumPort": 3333,
                      "stratumUser": "bc1qexample.axe"}
        self.flash_writes = []   # (setting, value), in order
        self.boots = 0
        self.ambient_c = 22.0
        self.chip_c = None       # set to pin the temperature
        self.hashing = True      # False: claims nothing, though it is on
        self.deaf = False        # True: answers 200 to every PATCH and does nothing
        self.extra = {}          # replaces members of the answer; None removes one
        self.raw = None          # bytes answered in place of the state
        self.accepted = 0
        self.actual_mhz = 0.0
        self._at = 0.0

    def on_power(self):
        with self.lock:
            self.boots += 1
            self.booted = self.now()
            self.accepted = 0
            self.actual_mhz = 50.0
            self._at = self.now()
            self.wake()

    def wake(self):
        raise NotImplementedError

    def restart(self):
        """What the real one does a second after it answered; here at once, so that a test need not wait."""
        self.on_power()

    def store(self, name, value):
        """nvs_set and nvs_commit; equal values are skipped, as the real one does it."""
        if self.flash.get(name) != value:
            self.flash[name] = value
            self.flash_writes.append((name, value))

    @property
    def running(self):
        raise NotImplementedError

    def step(self):
        """The ramp of the frequency, since the last look."""
        now = self.now()
        passed, self._at = max(0.0, now - self._at), now
        target = self.flash["frequency"] if self.running else 50.0
        most = self.ramp_mhz_s * passed
        self.actual_mhz += max(-most, min(most, target - self.actual_mhz))

    def chip_watts(self, mhz, mv):
        default_mhz, default_mv, _, _, _, watts = CHIPS[self.chip]
        return self.count * watts * mhz * mv ** 2 / (default_mhz * default_mv ** 2)

    @property
    def power_w(self):
        if not self.running:
            return self.base_w
        return self.base_w + self.chip_watts(self.actual_mhz, self.flash["coreVoltage"])

    @property
    def hashrate_ghs(self):
        if not self.running or not self.hashing:
            return 0.0
        return self.actual_mhz * CHIPS[self.chip][2] * self.count / 1000

    def patched(self, body):
        """The settings of a PATCH; None if it is refused."""
        try:
            document = json.loads(body)
        except ValueError:
            return None
        return document if isinstance(document, dict) else None

    def replaced(self, state):
        for name, value in self.extra.items():
            if value is None:
                state.pop(name, None)
            else:
                state[name] = value
        return state

    def power_cut(self):
        """Off and on again; the port stays."""
        self.stop()
        self.start()


class AxeOS(_Axe):
    """`firmware` decides what its answers have: pause from v2.14, /asic from v2.7, numbers for bestDiff from v2.11."""

    def __init__(self, firmware="v2.14.0", board="602", mac="2C:54:91:88:C9:E3", overclock=0, **where):
        self.firmware, self.board, self.overclock = firmware, board, overclock
        self.chip, self.count, self.base_w, self.max_w, self.family = BOARDS[board]
        self.version = firmware_of(firmware)
        self.paused = False
        self.cooling_s = 30.0
        super().__init__(mac, CHIPS[self.chip][0], CHIPS[self.chip][1], **where)

    def wake(self):
        self.paused = False

    @property
    def running(self):
        return not self.paused and not self.flash["overheat_mode"]

    @property
    def can_pause(self):
        return self.version >= (2, 14)

    def overheat(self):
        """Beyond 75 °C: it stops; from v2.11 on it goes on by itself once `cool_down` is called, before that never."""
        with self.lock:
            self.step()
            self.store("autofanspeed", 0)
            self.store("manualFanSpeed", 100)
            self.store("overheat_mode", 1)
            self.chip_c = 82.0

    def cool_down(self, chip_c=40.0):
        with self.lock:
            self.step()
            self.chip_c = chip_c
            if self.version >= (2, 11):
                self.store("coreVoltage", self.flash["coreVoltage"] - 100)
                self.store("frequency", self.flash["frequency"] - 100)
                self.store("overheat_mode", 0)

    def temperature(self):
        if not self.running and self.board.startswith("6") and not self.flash["overheat_mode"]:
            return -1
        return self.chip_c if self.chip_c is not None else self.ambient_c + 2 * self.power_w

    def state(self):
        self.step()
        default = CHIPS[self.chip]
        uptime = self.now() - self.booted
        best = 187654321 if self.version >= (2, 11) else "187M"
        state = {
            "power": round(self.power_w, 3), "voltage": 5190.5, "current": 3370.25, "temp": self.temperature(),
            "vrTemp": 45, "hashRate": self.hashrate_ghs, "bestDiff": best, "bestSessionDiff": best,
            "freeHeap": 180224, "coreVoltage": self.flash["coreVoltage"],
            "coreVoltageActual": self.flash["coreVoltage"] if self.running else 0,
            "frequency": self.flash["frequency"], "ssid": "home", "macAddr": self.mac, "hostname": "bitaxe",
            "wifiStatus": "Connected!", "sharesAccepted": self.accepted, "sharesRejected": 0,
            "uptimeSeconds": int(uptime), "asicCount": self.count, "smallCoreCount": default[2], "ASICModel": self.chip,
            "stratumURL": self.flash["stratumURL"], "stratumPort": self.flash["stratumPort"],
            "stratumUser": self.flash["stratumUser"], "fallbackStratumURL": "fallback.example",
            "fallbackStratumPort": 3334, "fallbackStratumUser": "bc1qexample.axe", "isUsingFallbackStratum": 0,
            "version": self.firmware, "idfVersion": "v5.5.1", "boardVersion": self.board, "runningPartition": "ota_0",
            "flipscreen": 0, "overheat_mode": self.flash["overheat_mode"], "invertscreen": 0,
            "autofanspeed": self.flash["autofanspeed"], "fanrpm": 3583,
            "fanspeed": 30 if not self.running else 50 if self.flash["autofanspeed"] else self.flash["manualFanSpeed"],
            "manualFanSpeed": self.flash["manualFanSpeed"],
        }
        if self.version >= (2, 8):
            state |= {"expectedHashrate": self.flash["frequency"] * default[2] * self.count / 1000 if self.running else 0,
                      "maxPower": self.max_w, "nominalVoltage": 5 if self.count == 1 else 12,
                      "overclockEnabled": self.overclock}
        if self.can_pause:
            state |= {"miningPaused": self.paused, "actualFrequency": self.actual_mhz,
                      "sharesRejectedReasons": [], "poolConnectionInfo": "TCP (IPv4)",
                      "hashrateMonitor": {"asics": [{"total": self.hashrate_ghs, "domains": [], "errorCount": 0}]}}
        return self.replaced(state)

    def settings(self):
        default = CHIPS[self.chip]
        return {"ASICModel": self.chip, "deviceModel": self.family, "swarmColor": "green", "asicCount": self.count,
                "defaultFrequency": default[0], "frequencyOptions": default[3], "defaultVoltage": default[1],
                "voltageOptions": default[4]}

    def answer(self, method, path, headers, body):
        origin = headers.get("Origin")
        if origin and not re.search(r"//(10|192\.168|172\.(1[6-9]|2\d|3[01]))\.|\.local", origin):
            return 401, {"Content-Type": "text/plain"}, b"Unauthorized"
        with self.lock:
            if (method, path) == ("GET", "/api/system/info"):
                if self.raw is not None:
                    return 200, {"Content-Type": "application/json"}, self.raw
                return self.json(self.state())
            if (method, path) == ("GET", "/api/system/asic") and self.version >= (2, 7):
                return self.json(self.settings())
            if (method, path) == ("GET", "/api/swarm/info"):
                return self.json([])
            if (method, path) == ("PATCH", "/api/system"):
                return self.patch(body)
            if method == "POST" and path.startswith("/api/system/"):
                return self.post(path.rsplit("/", 1)[1])
            if method == "GET" and not path.startswith("/api/"):
                return 200, {"Content-Type": "text/html"}, WEB_PAGE
        return 404, {"Content-Type": "text/plain"}, b"URI not found"

    def patch(self, body):
        settings = self.patched(body)
        if settings is None:
            return 400, {"Content-Type": "text/plain"}, b"Invalid JSON"
        numbers = {name: value for name, value in settings.items() if name in self.flash and not isinstance(value, str)}
        if any(not 1 <= numbers.get(name, 1) <= 65535 for name in ("frequency", "coreVoltage")):
            return 400, {"Content-Type": "text/plain"}, b"Wrong API input"
        self.step()
        if not self.deaf:
            for name, value in settings.items():
                if name in self.flash:
                    self.store(name, value)
        return 200, {}, b""

    def post(self, what):
        self.step()
        if what in ("pause", "resume") and self.can_pause:
            self.paused = what == "pause" if not self.deaf else self.paused
            return self.json({"message": f"Mining {what}d"})
        if what == "restart":
            self.restart()
            return self.json({"message": "System will restart shortly."})
        if what == "identify" and self.can_pause:
            return self.json({"message": "Hi!"})
        return 404, {"Content-Type": "text/plain"}, b"URI not found"


class NerdQAxe(_Axe):
    """A NerdQAxe++. With `totp_secret` its settings are protected by one-time passwords."""

    chip, count, base_w = "BM1370", 4, 6.0
    mhz_options = [500, 515, 525, 550, 575, 590, 600]
    mv_options = [1120, 1130, 1140, 1150, 1160, 1170, 1180, 1190, 1200]

    def __init__(self, firmware="v1.0.36", mac="AA:BB:CC:01:02:03", totp_secret=None, **where):
        self.firmware, self.totp_secret = firmware, totp_secret
        self.off = False
        self.used = set()         # half minutes whose password was used
        self.failures = 0         # wrong passwords; five lock it
        self.sessions = set()
        super().__init__(mac, 600, 1150, **where)
        self.flash["autofanspeed"] = 2

    def wake(self):
        self.off = False
        self.sessions = set()     # tokens hold for one boot only

    @property
    def running(self):
        return not self.off

    def overheat(self):
        with self.lock:
            self.step()
            self.off = True
            self.chip_c = 90.0

    def password(self, unix_s):
        key = base64.b32decode(self.totp_secret)
        mac = hmac.new(key, struct.pack(">Q", int(unix_s) // 30), hashlib.sha1).digest()
        offset = mac[19] & 15
        return f"{(struct.unpack('>I', mac[offset:offset + 4])[0] & 0x7fffffff) % 1000000:06d}"

    def valid_password(self, text):
        """One step to either side is let pass, none twice; five failures lock it."""
        if self.failures >= 5:
            return False
        now = time.time()
        for half_minute in (int(now) // 30 + k for k in (-1, 0, 1)):
            if half_minute not in self.used and text == self.password(half_minute * 30):
                self.used.add(half_minute)
                return True
        self.failures += 1
        return False

    def signed(self, headers):
        if not self.totp_secret:
            return True
        if headers.get("X-OTP-Session"):
            return headers["X-OTP-Session"] in self.sessions
        return self.valid_password(headers.get("X-TOTP", ""))

    def state(self):
        self.step()
        hashrate = self.hashrate_ghs
        temp = self.chip_c if self.chip_c is not None else self.ambient_c + 0.5 * self.power_w
        return self.replaced({
            "asicCount": self.count, "smallCoreCount": CHIPS[self.chip][2], "deviceModel": "NerdQAxe++",
            "hostip": self.address, "macAddr": self.mac, "wifiRSSI": -55, "power": round(self.power_w, 2), "maxPower": 100,
            "minPower": 52, "maxVoltage": 13, "minVoltage": 11, "voltage": 12100, "current": 6300, "currentA": 6.3,
            "temp": 0 if self.off else temp, "vrTemp": 62, "vrTempInt": 60, "hashRate": hashrate, "hashRate_1m": hashrate,
            "hashRate_10m": hashrate, "hashRate_1h": hashrate, "hashRate_1d": hashrate,
            "coreVoltage": self.flash["coreVoltage"], "defaultCoreVoltage": 1150,
            "coreVoltageActual": 0 if self.off else self.flash["coreVoltage"] - 2, "fanspeed": 45, "fanrpm": 2400,
            "manualFanSpeed": self.flash["manualFanSpeed"], "fanCount": 1, "lastpingrtt": 12.5, "shutdown": self.off,
            "stratum": {"poolMode": 0, "activePoolMode": 0, "usingFallback": False, "totalBestDiff": 1234567,
                        "pools": [{"connected": True, "poolDifficulty": 8192, "accepted": self.accepted, "rejected": 0,
                                   "bestDiff": 1234567, "pingRtt": 12.5, "pingLoss": 0}]},
            "poolDifficulty": 8192, "foundBlocks": 0, "sharesAccepted": self.accepted, "sharesRejected": 0,
            "bestDiff": 1234567, "bestSessionDiff": 1234567, "pidTargetTemp": 55, "hostname": "nerdqaxe", "ssid": "home",
            "stratumURL": self.flash["stratumURL"], "stratumPort": self.flash["stratumPort"],
            "stratumUser": self.flash["stratumUser"], "frequency": self.flash["frequency"], "defaultFrequency": 600,
            "jobInterval": 500, "overheat_temp": 70, "autofanspeed": self.flash["autofanspeed"],
            "otp": bool(self.totp_secret), "ASICModel": self.chip, "uptimeSeconds": int(self.now() - self.booted),
            "version": self.firmware, "runningPartition": "ota_0"})

    def answer(self, method, path, headers, body):
        with self.lock:
            if (method, path) == ("GET", "/api/system/info"):
                if self.raw is not None:
                    return 200, {"Content-Type": "application/json"}, self.raw
                return self.json(self.state())
            if (method, path) == ("GET", "/api/system/asic"):
                return self.json({"ASICModel": self.chip, "deviceModel": "NerdQAxe++", "asicCount": self.count,
                                  "swarmColor": "#11d51e", "defaultFrequency": 600, "defaultVoltage": 1150,
                                  "absMaxFrequency": 800, "absMaxVoltage": 1400, "ecoFrequency": 0, "ecoVoltage": 0,
                                  "frequencyOptions": self.mhz_options, "voltageOptions": self.mv_options})
            if (method, path) == ("GET", "/api/v2/otp/status"):
                return self.json({"enabled": bool(self.totp_secret)})
            if (method, path) == ("POST", "/api/v2/otp/session"):
                return self.open_session(headers)
            if (method, path) == ("PATCH", "/api/system"):
                return self.patch(headers, body)
            if (method, path) == ("POST", "/api/system/shutdown"):
                self.step()
                self.off = True
                return 200, {"Content-Type": "text/plain"}, b"System will shutdown shortly."
            if (method, path) == ("POST", "/api/system/restart"):
                self.restart()
                return 200, {"Content-Type": "text/plain"}, b"System will restart shortly."
            if method == "GET" and not path.startswith("/api/"):
                return 200, {"Content-Type": "text/html"}, WEB_PAGE.replace(b"AxeOS", b"NerdAxe AxeOS")
        return 404, {"Content-Type": "text/plain"}, b"URI not found"

    def open_session(self, headers):
        if not self.totp_secret:
            return 405, {"Content-Type": "text/plain"}, b"OTP disabled"
        if not headers.get("X-TOTP"):
            return 400, {"Content-Type": "text/plain"}, b"Missing X-TOTP header"
        if not self.valid_password(headers["X-TOTP"]):
            return 401, {"Content-Type": "text/plain"}, b"Invalid TOTP"
        token = base64.b32encode(secrets.token_bytes(12)).decode().rstrip("=") + "." + \
            base64.b32encode(secrets.token_bytes(32)).decode().rstrip("=")
        self.sessions.add(token)
        return self.json({"token": token, "ttlMs": 86400000, "expiresAt": 1.8e12})

    def patch(self, headers, body):
        if not self.signed(headers):
            return 401, {"Content-Type": "text/plain"}, b"OTP/Session required"
        settings = self.patched(body)
        if settings is None:
            return 400, {"Content-Type": "text/plain"}, b"Invalid JSON"
        self.step()
        if not self.deaf:
            for name, value in settings.items():
                if name in self.flash and type(value) is int and value > 0:  # others: ignored without a word
                    self.store(name, value)
        return 200, {}, b""
