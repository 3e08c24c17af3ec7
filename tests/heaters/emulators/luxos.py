"""An Antminer S19k Pro with LuxOS: JSON on TCP 4028, one session, a table of profiles, an automatic that may fight.

Vices, all off at first: `busy` (another program holds the session), `short_sessions` (a session ends before its first
use), `silent` (acknowledges and does nothing), `no_profile_asleep` (takes no profile while it sleeps), `bad` (fields of
other types), `atm` with `atm_moves()` (its automatic chooses another profile).
"""

import json
import time

from .base import TcpEmulator

VERSION = "LUXminer 2025.4.8.220305-57b389c7"
CODES = {"version": 22, "summary": 11, "config": 33, "power": 311, "temps": 201, "fans": 202, "pools": 7, "stats": 70,
         "profiles": 323, "devs": 9, "atm": 339, "session": 320}


def table():
    """190 to 790 MHz in steps of 25, about 780 to 4200 W; 590 MHz is what it was built for."""
    rows = []
    for step in range(-16, 9):
        mhz = 590 + 25 * step
        above = mhz - 190
        rows.append({"CanRestore": True, "Frequency": mhz, "HasOverrides": False, "Hashrate": round(mhz * 0.2064, 1),
                     "IsDynamic": True, "IsTuned": step == -12, "Profile Name": "default" if step == 0 else f"{mhz}MHz",
                     "Step": str(step), "Voltage": 11.88, "Watts": round(784 + 3.63 * above + 0.0034 * above ** 2)})
    return rows


class LuxosEmulator(TcpEmulator):
    def __init__(self, port=0, address="127.0.0.1", mac="02:5e:10:00:00:01"):
        super().__init__(port, address)
        self.mac = mac
        self.profiles = {row["Profile Name"]: row for row in table()}
        self.profile = "290MHz"   # in flash
        self.asleep = False       # in memory
        self.atm = False
        self.session = None
        self.sessions = 0
        self.writes = []          # privileged commands that were carried out
        self.killed = 0           # times that somebody ended a session by force
        self.busy = self.short_sessions = self.silent = self.no_profile_asleep = self.bad = False

    def on_power(self):
        with self.lock:
            self.booted = time.monotonic()
            self.asleep = False   # it mines again after a power cut
            self.session = None

    def atm_moves(self, profile):
        with self.lock:
            self.atm, self.profile = True, profile

    @property
    def watts(self):
        return 14 if self.asleep else self.profiles[self.profile]["Watts"]

    # --- protocol

    def answer(self, request):
        with self.lock:
            try:
                asked = json.loads(request)
                command, parameter = asked["command"], asked.get("parameter", "")
            except (ValueError, KeyError, TypeError):
                return self.pack(self.status("E", 24, "Missing command"))
            if "+" in command:
                return self.pack({name: [self.one(name, "")] for name in command.split("+")})
            return self.pack(self.one(command, parameter))

    @staticmethod
    def pack(value):
        value.setdefault("id", 1)
        return json.dumps(value, separators=(",", ":")).encode() + b"\0"

    @staticmethod
    def status(letter, code, message):
        return {"STATUS": [{"Code": code, "Description": VERSION, "Msg": message, "STATUS": letter,
                            "When": int(time.time())}]}

    def one(self, command, parameter):
        if command == "kill":
            self.killed += 1
            self.session, self.busy = None, False
            return self.status("S", 321, "Session killed")
        if command == "logon":
            return self.logon()
        if command in ("logoff", "curtail", "profileset", "atmset"):
            return self.privileged(command, *parameter.split(","))
        read = getattr(self, f"read_{command}", None)
        if read is None:
            return self.status("E", 14, "Invalid command")
        return {**read(), **self.status("S", CODES[command], command)}

    def logon(self):
        if self.busy or self.session:
            return self.status("E", 402, "Another session is active")
        self.sessions += 1
        self.session = f"sid{self.sessions:05d}"
        answer = {"SESSION": [{"SessionID": self.session}], **self.status("S", 316, "Session created")}
        if self.short_sessions:
            self.session, self.short_sessions = None, False
        return answer

    def privileged(self, command, session, *arguments):
        if not self.session or session != self.session:
            return self.status("E", 401, "Invalid session id")
        if command == "logoff":
            self.session = None
            return self.status("S", 318, "Session closed")
        if command == "atmset":
            self.atm = arguments[0] == "enabled=true"
            return self.status("S", 340, "ATM set")
        if command == "curtail":
            if arguments[0] not in ("sleep", "wakeup"):
                return self.status("E", 315, "Invalid mode")
            self.writes.append(f"curtail {arguments[0]}")
            if not self.silent:
                self.asleep = arguments[0] == "sleep"
            return {"CURTAIL": [{"Mode": arguments[0]}], **self.status("S", 314, "Curtail mode set")}
        if arguments[0] not in self.profiles or (self.asleep and self.no_profile_asleep):
            return self.status("E", 325, "Profile cannot be set")
        self.writes.append(f"profileset {arguments[0]}")
        if not self.silent:
            self.profile = arguments[0]
        return {"PROFILE": [{"Profile": arguments[0]}], **self.status("S", 324, "Profile set")}

    # --- readings

    def read_version(self):
        return {"VERSION": [{"API": "3.7", "CompileTime": "Tue Apr  8 22:05:35 UTC 2025", "LUXminer": VERSION[9:],
                             "Miner": "2025.4.8.220305", "Type": "Antminer S19k Pro"}]}

    def read_config(self):
        return {"CONFIG": [{"ASC Count": 3, "ControlBoardType": "cvitek", "Cooling": "Air",
                            "CurtailMode": "Sleep" if self.asleep else "None", "DHCP": True, "FeeStatus": "Ok",
                            "Hostname": "luxos", "IsAtmEnabled": self.atm, "IsPowerSupplyOn": not self.asleep,
                            "IsTuning": False, "MACAddr": self.mac, "Model": "Antminer S19k Pro", "NameplateTHS": 121.8,
                            "OS": "LuxOS", "Profile": self.profile, "RedLed": "auto", "SerialNumber": "EMULATED0001",
                            "ProfileStep": self.profiles[self.profile]["Step"], "SystemStatus": "Normal"}]}

    def read_power(self):
        return {"POWER": [{"PSU": False, "Watts": f"{self.watts} W" if self.bad else self.watts}]}

    def ghs(self):
        return 0.0 if self.asleep else self.profiles[self.profile]["Hashrate"] * 1000

    def read_summary(self):
        return {"SUMMARY": [{"Accepted": 1483, "Best Share": 32768, "Elapsed": int(time.monotonic() - self.booted),
                             "GHS 15m": self.ghs(), "GHS 5s": self.ghs(), "GHS av": self.ghs(), "Hardware Errors": 0,
                             "Rejected": 1, "Stale": 0, "Total MH": 56917916.07}]}

    def read_temps(self):
        places = {"TopLeft": 47.0, "TopRight": 34.0, "BottomLeft": 46.5, "BottomRight": 0}
        labels = {"TopLeft": "Board Exhaust (top)", "TopRight": "Board Intake (top)",
                  "BottomLeft": "Board Exhaust (bottom)", "BottomRight": "Board Intake (bottom)"}
        return {"METADATA": [{place: {"Label": label, "Position": [0, 0]} for place, label in labels.items()}],
                "TEMPS": [{**places, "ID": i, "TEMP": i} for i in range(3)]}

    def read_fans(self):
        return {"FANCTRL": [{"MinFans": 3, "PowerOffSpeed": 20}],
                "FANS": [{"FAN": f"FAN{i + 1}", "ID": i, "RPM": 1920, "Speed": 20} for i in range(4)]}

    def read_pools(self):
        pool = {"Accepted": 1483, "Rejected": 1, "Stale": 0, "User": "home.heater", "POOL": 0, "Priority": 0, "GROUP": 0,
                "Quota": 1.0, "Status": "Alive", "Stratum Active": True, "URL": "stratum+tcp://pool.example:3333"}
        spare = {**pool, "POOL": 1, "Priority": 1, "Status": "Dead", "Stratum Active": False,
                 "URL": "stratum+tcp://spare.example:3333", "Accepted": 0, "Rejected": 0}
        return {"POOLS": [pool, spare]}

    def read_profiles(self):
        return {"PROFILES": list(self.profiles.values())}

    def read_atm(self):
        return {"ATM": [{"Enabled": self.atm}]}

    def read_stats(self):
        board = {}
        for i in (1, 2, 3):
            board |= {f"chain_acn{i}": 77, f"chain_rate{i}": f"{self.ghs() / 3:.2f}", f"fan{i}": 1920,
                      f"temp_chip{i}": "47-34-34-47", f"temp_pcb{i}": "47-34-34-47"}
        return {"STATS": [{"CompileTime": "", "Miner": "2025.4.8.220305", "Type": "Antminer S19k Pro"},
                          {**board, "Elapsed": int(time.monotonic() - self.booted), "GHS 5s": self.ghs(),
                           "rate_unit": "GH", "total_rateideal": 121800.0}]}

    def read_devs(self):
        return {"DEVS": [{"ASC": i, "ID": i, "Enabled": "Y", "Status": "Alive", "Temperature": 47.0} for i in range(3)]}

    def read_session(self):
        return {"SESSION": [{"SessionID": self.session or ""}]}
