"""Canaan Avalon miners on port 4028: cgminer with one client at a time, and what the real ones do wrong.

The answers are those in tests/data/devices/avalon, in which only what depends on the miner's state is replaced. They are
recorded ones of the miners for homes; those for halls are composed after the maker's manual and what programs in use send.
Text and JSON are answered, each as it was asked for; the JSON has the real firmware's faults if `malformed` is set.
"""

import json
import pathlib
import re
import select
import socket
import struct
import time

from .base import TcpEmulator

RECORDINGS = pathlib.Path(__file__).resolve().parents[2] / "data/devices/avalon"


def recorded(name):
    path = RECORDINGS / name
    return json.loads(path.read_text()) if name.endswith("json") else path.read_text().rstrip("\n")


def mm_of(name):
    """The `MM ID0` text of a recording, in whichever form it is."""
    if name.endswith("json"):
        stats = recorded(name)["STATS"][0]
        return next(value for key, value in stats.items() if key.startswith("MM ID0"))
    return re.search(r"MM ID0=(.*?)(?:,MM Count.*)?\|$", recorded(name)).group(1)


def put(mm, key, value):
    """Replaces what stands in a key's brackets; adds the key if the recording lacks it."""
    found = re.search(rf"(?<!\w){key}\[[^\]]*\]", mm)
    if found:
        return mm[:found.start()] + f"{key}[{value}]" + mm[found.end():]
    end = mm.rfind("}") if mm.endswith("}") else len(mm)
    return f"{mm[:end]} {key}[{value}]{mm[end:]}"


# Per model: `levels` maps (mode, level) to (limit in W, power at the wall in W, GH/s).
MODELS = {
    "nano3": {"prod": "Avalonnano", "model": "nano3", "sw": "MM318", "mm": "nano3_estats.txt", "power_at": 5, "switch": None,
              "states": False, "start": (None, 1),
              "levels": {(None, 0): (60, 61, 1900), (None, 1): (90, 89, 2630.98), (None, 2): (125, 124, 3400)}},
    "nano3s": {"prod": "Avalon Nano3s", "model": "nano3s", "sw": "MM319", "mm": "nano3s_estats.txt", "power_at": 6,
               "switch": None, "states": True, "start": (2, 0),
               "levels": {(0, 0): (70, 71, 3900), (1, 0): (100, 101, 5300), (2, 0): (133, 133, 6598.84)}},
    "mini3": {"prod": "Avalon Mini3", "model": "Mini3", "sw": "MM319", "mm": "mini3_estats.txt", "power_at": 6,
              "switch": "timed", "states": True, "start": (0, 0), "resumes": True,
              "levels": {(0, 0): (800, 824, 37000), (0, -1): (500, 512, 24000), (1, 0): (800, 824, 37000),
                         (1, -1): (500, 512, 24000), (2, 0): (400, 409, 19000), (2, -1): (400, 409, 19000)}},
    "q": {"prod": "Avalon Q", "model": "Q", "sw": "MM319", "mm": "q_litestats.json", "power_at": 6, "switch": "timed",
          "states": True, "start": (0, 0), "resumes": True,
          "levels": {(0, 0): (800, 812, 52700), (1, 0): (1300, 1315, 75000), (2, 0): (1700, 1674, 90000)}},
    # A mode counts after a restart, which is also what wakes them.
    "a1566": {"prod": "AvalonMiner 15-194", "model": "15-194", "sw": "MM319", "mm": "composed_a1566_estats.txt", "power_at": 6,
              "switch": "reboot", "states": True, "start": (1, None), "resumes": True, "success": " success",
              "levels": {(0, None): (2700, 2860, 150000), (1, None): (3515, 3731, 199241.07)}},
    # Firmware of 2019: no power at the wall, no mode, and no word about being off but that nothing flows.
    "a1066": {"prod": "AvalonMiner 1066", "model": "1066", "sw": "MM310", "mm": "composed_a1066_estats.txt", "power_at": None,
              "switch": "reboot", "states": True, "start": (1, None), "resumes": True, "success": "",
              "untold": ("WORKMODE", "SoftOFF", "ADJ", "MPO", "GHSspd"),
              "levels": {(0, None): (2500, 2560, 39000), (1, None): (3250, 3300, 50000)}},
}


class Avalon(TcpEmulator):
    def __init__(self, model="q", mac="e0e1a93e2c7d", clock_ahead_s=0, **more):
        super().__init__(**more)
        self.model, self.mac, self.clock_ahead_s = MODELS[model], mac, clock_ahead_s
        self.settle_s = 0.5        # from an accepted level until it is told and drawn
        self.init_s = 1.0          # from softon until it works
        self.reboot_s = 1.0
        self.dozes_s = 0.0         # how long it says that it is idle after a restart
        self.calibrating = False   # ADJ 0: no other mode is taken
        self.ignores = False       # accepts everything and changes nothing
        self.answers_softon = True
        self.no_nul = self.malformed = self.reset_second = False
        self.think_s = 0.0         # how long an answer takes
        self.patch = {}            # keys of estats with other values, None to drop them
        self.fault = None          # error word: it stands In Fault
        self.pool_alive = True
        self.pool_patch = {}       # fields of its pool with other values
        self.writes = []           # every ascset that was taken, as text
        self.flash_writes = 0      # modes and levels that really changed
        self.second_clients = 0
        self.set = self.applied = self.model["start"]   # in flash; in force
        self.off = False
        self.power_log = []        # (monotonic time, watts at the wall), one for each change
        self._apply_at = self._off_at = self._on_at = None
        self._down_until = self._booted = self._init_until = self._dozes_until = 0

    # --- what happens by itself -----------------------------------------------------------------

    def on_power(self):
        """The vice of Q and Mini 3: they mine again, even if they were off."""
        with self.lock:
            now = time.monotonic()
            self._booted, self._init_until, self._dozes_until = now, now + self.init_s, now + self.dozes_s
            self.off, self.applied = False, self.set
            self._apply_at = self._off_at = self._on_at = None
            self.log_power()

    def stop(self):
        super().stop()
        with self.lock:
            self.power_log.append((time.monotonic(), 0))

    def clock(self):
        if self.model["switch"] == "reboot":
            return int(time.monotonic() - self._booted)   # they know no other time
        return int(time.time()) + self.clock_ahead_s

    def tick(self):
        now = time.monotonic()
        if self._apply_at and now >= self._apply_at:
            self._apply_at, self.applied = None, self.set
        if self._off_at and self.clock() >= self._off_at:
            self._off_at, self.off = None, True
        if self._on_at and self.clock() >= self._on_at:
            self._on_at = None
            if self.off:
                self.off, self._init_until = False, now + self.init_s
        self.log_power()

    def log_power(self):
        wall_w = 0 if self.work in ("In Idle", "In Fault") else self.model["levels"][self.applied][1]
        if not self.power_log or self.power_log[-1][1] != wall_w:
            self.power_log.append((time.monotonic(), wall_w))

    @property
    def work(self):
        if self.fault:
            return "In Fault"
        if self.off or time.monotonic() < self._dozes_until:
            return "In Idle"
        return "In Init" if time.monotonic() < self._init_until else "In Work"

    def supply(self, mm, wall_w):
        """PS: what goes to the boards, and what comes from the wall; an idle Q claims 146 W of it."""
        numbers = re.search(r"(?<!\w)PS\[([^\]]*)\]", mm).group(1).split()
        if self.model["power_at"] != 5:
            boards_w = 0 if self.off else round((wall_w - 30) * 0.92)
            numbers[3:5] = str(boards_w // 13), str(boards_w)
        if self.model["power_at"]:
            numbers[self.model["power_at"]] = str(146 if self.off else wall_w)
        return " ".join(numbers)

    @property
    def power_w(self):
        with self.lock:
            self.tick()
            return self.power_log[-1][1]

    # --- reads ----------------------------------------------------------------------------------

    def mm(self):
        work, on = self.work, self.work == "In Work"
        limit_w, wall_w, ghs = self.model["levels"][self.applied]
        mm = mm_of(self.model["mm"])
        if self.model["states"]:
            told = "In Work" if self.off and "SoftOFF" in self.model.get("untold", ()) else work
            mm = put(mm, "SYSTEMSTATU", f"Work: {told}, Hash Board: 1")
        mode, level = self.applied
        for key, value in (("WORKMODE", mode), ("WORKLEVEL", level)):
            if value is not None:
                mm = put(mm, key, value)
        fields = {"PS": self.supply(mm, wall_w), "GHSspd": f"{ghs if on else 0:.2f}", "MPO": limit_w, "ADJ": int(not self.calibrating),
                  "SoftOFF": 4 if self.off else 0, "Elapsed": int(time.monotonic() - self._booted),
                  "TMax": 86 if on else 0, "TAvg": 82 if on else 0, "ECHU": self.fault or 0}
        if re.search(r"(?<!\w)WALLPOWER\[", mm):
            fields["WALLPOWER"] = wall_w
        if re.search(r"(?<!\w)MTmax\[[^\]]* ", mm):
            fields["MTmax"] = "86 85 86" if on else "0 0 0"
        fields |= dict.fromkeys(self.model.get("untold", ()))
        for key, value in {**fields, **self.patch}.items():
            mm = re.sub(rf" ?(?<!\w){key}\[[^\]]*\]", "", mm) if value is None else put(mm, key, value)
        return mm

    def reads(self, command):
        """A section's name and its rows, or None."""
        if command == "version":
            row = {"CGMiner": "4.11.1", "API": "3.7", "PROD": self.model["prod"], "MODEL": self.model["model"],
                   "HWTYPE": "emulated", "SWTYPE": self.model["sw"], "LVERSION": "25052801_14a19a2",
                   "BVERSION": "25052801_14a19a2", "CGVERSION": "25052801_14a19a2", "DNA": "020100008644e532", "MAC": self.mac}
            return 22, "CGMiner versions", "VERSION", [row]
        if command in ("estats", "stats", "litestats"):
            name = "MM ID0:Summary" if self.model is MODELS["q"] else "MM ID0"
            row = {"STATS": 0, "ID": "AVALON0", "Elapsed": int(time.monotonic() - self._booted), "Calls": 0, name: self.mm()}
            return 70, "CGMiner stats", "STATS", [row]
        if command == "pools":
            row = dict(recorded("q_pools.json")["POOLS"][0], Status="Alive" if self.pool_alive else "Dead")
            row |= {"Stratum Active": self.pool_alive, **self.pool_patch}
            return 7, "1 Pool(s)", "POOLS", [row]
        if command == "devs":
            row = dict(recorded("composed_q_devs.json")["DEVS"][0])
            row["MHS 1m"] = 1000.0 * (self.model["levels"][self.applied][2] if self.work == "In Work" else 0)
            return 9, "1 ASC(s)", "DEVS", [row]
        if command == "devdetails":
            return 69, "Device Details", "DEVDETAILS", recorded("composed_q_devdetails.json")["DEVDETAILS"]
        if command == "summary":
            return 11, "Summary", "SUMMARY", recorded("q_summary.json")["SUMMARY"]
        return None

    # --- writes ---------------------------------------------------------------------------------

    def take(self, new):
        if not self.ignores and new != self.set:
            self.set = new
            self._apply_at = time.monotonic() + self.settle_s if self.model["switch"] != "reboot" else None
            self.flash_writes += 1
        return ok()

    def mode_or_level(self, what, args):
        hall = self.model["switch"] == "reboot"
        if hall and args == ["255"]:
            return self.mode_is(self.set[0])
        if not hall and args[:1] != ["set"]:
            return failed("error:2 parameter error")
        args = args if hall else args[1:]
        if len(args) != 1 or not re.fullmatch(r"-?\d+", args[0]):
            return failed("error:2 parameter error")
        value = int(args[0])
        new = (value, self.set[1]) if what == "workmode" else (self.set[0], value)
        if new not in self.model["levels"]:
            return failed("error:1 not support set workmode max_mode[2]")
        if self.calibrating and new != self.set:
            return failed(f"current mode {self.set[0]} is caling Don't permit switch mode")
        answer = self.take(new)
        return self.mode_is(value) if hall else answer

    def mode_is(self, value):
        return "I", 118, f"ASC 0 set info: WORKMODE[{value}]{self.model['success']}"

    def switch(self, what, args):
        if self.model["switch"] is None:
            return failed(f"Unknown option: {what}")
        if self.model["switch"] == "reboot":
            if what == "softon" or args or "untold" in self.model:
                return failed(f"Unknown option: {what}")
            self.off = self.off or not self.ignores
            return ok()
        found = re.fullmatch(r"1:(\d+)", args[0] if args else "")
        if not found:
            return failed("error:2 parameter error")
        if not self.ignores and int(found.group(1)) > self.clock():   # a time that has passed does nothing
            if what == "softoff":
                self._off_at, self._on_at = int(found.group(1)), None
            else:
                self._on_at, self._off_at = int(found.group(1)), None
        if what == "softon" and not self.answers_softon:
            return None
        return "I", 118, f"ASC 0 set info: success {what}:{found.group(1)}"

    def ascset(self, parameter):
        device, what, *args = parameter.split(",")
        if args != ["255"]:   # a question
            self.writes.append(parameter)
        if device != "0":
            return "E", 106, "Invalid ASC id"
        if what in ("workmode", "worklevel"):
            return self.mode_or_level(what, args)
        if what in ("softoff", "softon"):
            return self.switch(what, args)
        if what == "hashpower" and args == ["0"] and self.model["switch"] == "reboot":
            self.off = self.off or not self.ignores
            return "I", 118, "ASC 0 set info: Power off hash now ..."
        if what == "reboot":
            self._down_until = time.monotonic() + self.reboot_s
            self.on_power()
            return None
        return failed(f"Unknown option: {what}")

    # --- the wire -------------------------------------------------------------------------------

    def converse(self, connection):
        with self.lock:
            down = time.monotonic() < self._down_until
        if down:
            return
        request = connection.recv(4095)
        self.note(request.decode(errors="replace"))
        if self.think_s:
            self._ended.wait(self.think_s)
        self.look_for_second_client()
        with self.lock:
            self.tick()
            answer = self.answer(request)
        if answer is not None:
            connection.sendall(answer.encode() + (b"" if self.no_nul else b"\0"))

    def look_for_second_client(self):
        listener = self._server.socket if self._server else None
        if listener is None or listener.fileno() < 0 or not select.select([listener], [], [], 0)[0]:
            return
        self.second_clients += 1
        if self.reset_second:
            second, _ = listener.accept()
            second.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            second.close()

    def answer(self, request):
        text = request.decode(errors="replace")
        if text.startswith("{"):
            asked = json.loads(text)
            return self.answer_json(asked.get("command", ""), str(asked.get("parameter", "")))
        command, _, parameter = text.partition("|")
        return self.answer_text(command, parameter)

    def respond(self, command, parameter):
        """(status, code, message, section, rows); None closes without a word."""
        if command == "ascset":
            answer = self.ascset(parameter)
            return answer and (*answer, None, [])
        found = self.reads(command)
        if found is None:
            return "E", 14, "Invalid command", None, []
        code, message, name, rows = found
        return "S", code, message, name, rows

    def answer_text(self, command, parameter):
        answer = self.respond(command, parameter)
        if answer is None:
            return None
        status, code, message, name, rows = answer
        text = f"STATUS={status},When={self.clock()},Code={code},Msg={message},Description=cgminer 4.11.1|"
        for row in rows:
            fields = ",".join(f"{key}={shown(value)}" for key, value in row.items())
            text += f"{name},{fields}|" if name in ("VERSION", "SUMMARY") else f"{numbered(name, row)}{fields}|"
        return text

    def answer_json(self, command, parameter):
        commands = command.split("+")
        parts = {each: self.document(each, parameter) for each in commands}
        if None in parts.values():
            return None
        text = json.dumps(parts[command] if len(commands) == 1 else {k: [v] for k, v in parts.items()} | {"id": 1})
        if self.malformed:
            text = text.replace('"STATS": 0', '"STATS": 0,').replace("}]", ",}]")
        return text

    def document(self, command, parameter):
        answer = self.respond(command, parameter)
        if answer is None:
            return None
        status, code, message, name, rows = answer
        head = {"STATUS": status, "When": self.clock(), "Code": code, "Msg": message, "Description": "cgminer 4.11.1"}
        return {"STATUS": [head], **({name: rows} if name else {}), "id": 1}


def ok():
    return "S", 119, "ASC 0 set OK"


def failed(why):
    return "E", 120, f"ASC 0 set failed: {why}"


def shown(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.8f}" if isinstance(value, float) else value


def numbered(name, row):
    """Rows of a list begin with their own number: POOL=0,... which JSON has in the middle."""
    first = {"POOLS": "POOL", "DEVS": "ASC", "DEVDETAILS": "DEVDETAILS", "STATS": "STATS"}[name]
    return "" if next(iter(row)) == first else f"{first}={row[first]},"
