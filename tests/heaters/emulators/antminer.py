"""An Antminer with Bitmain's own firmware: digest authentication, CGI programs, one configuration document.

Writing the document restarts the miner, `restart_s` long, in which its page does not answer. Vices, all off at first:
`forgets` (a key that the writing program drops), `meddler` (called once after the next write, as another person at the
web page), `text_only` (takes the mode only as a text and ignores a number), `refuse` (a code like M001), `hides`
(shows stars for the pools' passwords), `stale` (every nonce is good for one request), `bad` (fields of other types).
"""

import copy
import hashlib
import json
import re
import time

from .base import HttpEmulator
from .cgminer import CgminerApi

REALM = "antMiner Configuration"
TAKEN = {"bitmain-fan-ctrl", "bitmain-fan-pwm", "pools"}  # what set_miner_conf.cgi writes, beside mode and level


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class AntminerEmulator(HttpEmulator):
    def __init__(self, password="root", model="Antminer S19 Pro", port=0, address="127.0.0.1", mac="02:5E:30:00:00:01"):
        super().__init__(port, address)
        self.password, self.model, self.mac = password, model, mac
        self.conf = {  # in flash
            "pools": [{"url": "stratum+tcp://pool.example:3333", "user": "home.heater", "pass": "s3cret-of-pool"},
                      {"url": "stratum+tcp://spare.example:3333", "user": "home.heater", "pass": "s3cret-of-spare"},
                      {"url": "", "user": "", "pass": ""}],
            "api-listen": True, "api-network": True, "api-groups": "A:stats:pools:devs:summary:version",
            "api-allow": "A:0/0,W:*", "bitmain-fan-ctrl": False, "bitmain-fan-pwm": "100", "bitmain-use-vil": True,
            "bitmain-freq": "525", "bitmain-voltage": "1320", "bitmain-ccdelay": "0", "bitmain-pwth": "0",
            "bitmain-work-mode": "0", "bitmain-freq-level": "100"}
        self.flash_writes = 0
        self.posted = []          # documents, in order
        self.restart_s = 0
        self.back_at = 0
        self.forgets = self.refuse = self.meddler = None
        self.text_only = self.hides = self.stale = self.bad = False
        self.nonce, self.nonces = "", 0
        self.api = CgminerApi({"version": self._rpc_version, "stats": self._rpc_stats, "summary": self._rpc_summary,
                               "pools": self._rpc_pools}, address=address)

    def on_power(self):
        with self.lock:
            self.booted = time.monotonic()
            self.back_at = 0

    @property
    def mode(self):
        return self.conf["bitmain-work-mode"]

    @property
    def ghs(self):
        return 0.0 if self.mode == "1" else 96480.6

    # --- digest authentication

    def challenge(self, stale=False):
        self.nonces += 1
        self.nonce = f"nonce{self.nonces:06d}"
        value = f'Digest realm="{REALM}", nonce="{self.nonce}", qop="auth"' + (", stale=true" if stale else "")
        return 401, {"WWW-Authenticate": value, "Content-Type": "text/html"}, b"<h1>401 - Unauthorized</h1>"

    def is_owner(self, method, fields):
        """RFC 2617 with qop=auth."""
        a1 = md5(f"root:{REALM}:{self.password}")
        a2 = md5(f"{method}:{fields.get('uri')}")
        want = md5(":".join([a1, fields.get("nonce", ""), fields.get("nc", ""), fields.get("cnonce", ""), "auth", a2]))
        return fields.get("username") == "root" and fields.get("response") == want

    def answer(self, method, path, headers, body):
        with self.lock:
            fields = dict(re.findall(r'(\w+)="?([^",]+)"?', headers.get("Authorization") or ""))
            if not self.is_owner(method, fields):
                return self.challenge()
            if fields.get("nonce") != self.nonce:
                return self.challenge(stale=True)
            if self.stale:
                self.nonce = "used up"
            if time.monotonic() < self.back_at:
                return 503, {}, b"restarting"
            programs = {"get_system_info": self.system, "get_miner_conf": self.get_conf, "stats": self.stats,
                        "summary": self.summary, "pools": self.pools, "get_blink_status": lambda: {"blink": False},
                        "get_network_info": self.network}
            name = path.removeprefix("/cgi-bin/").removesuffix(".cgi")
            if name == "set_miner_conf" and method == "POST":
                return self.json(self.set_conf(json.loads(body)))
            return self.json(programs[name]()) if name in programs else (404, {}, b"<h1>404</h1>")

    # --- the configuration

    def get_conf(self):
        shown = copy.deepcopy(self.conf)
        if self.hides:
            for pool in shown["pools"]:
                pool["pass"] = "*" * len(pool["pass"])
        return shown

    def set_conf(self, asked):
        self.posted.append(asked)
        if self.refuse:
            return {"stats": "error", "code": self.refuse, "msg": "Invalid pool!"}
        mode = asked.get("miner-mode")
        self.flash_writes += 1
        for key in TAKEN & asked.keys():
            self.conf[key] = asked[key]
        if "freq-level" in asked:
            self.conf["bitmain-freq-level"] = str(asked["freq-level"])
        if isinstance(mode, str) or not self.text_only:
            self.conf["bitmain-work-mode"] = str(mode)
        if self.forgets:
            self.conf.pop(self.forgets, None)
        if self.meddler:
            self.meddler(self.conf)
            self.meddler = None
        self.booted = time.monotonic()
        self.back_at = self.booted + self.restart_s
        return {"stats": "success", "code": "M000", "msg": "OK!"}

    # --- readings

    def wrap(self, name, value):
        return {"STATUS": {"STATUS": "S", "when": int(time.time()), "Msg": name.lower(), "api_version": "1.0.0"},
                "INFO": {"miner_version": "1.2.3.4", "CompileTime": "Mon Jan  2 03:04:05 UTC 2023",
                         "type": self.model}, name: value}

    def system(self):
        return {"minertype": self.model, "nettype": "DHCP", "netdevice": "eth0", "macaddr": self.mac,
                "hostname": "Antminer", "ipaddress": self.address, "netmask": "255.255.255.0", "gateway": "",
                "dnsservers": "", "system_mode": "GNU/Linux", "system_kernel_version": "Linux 4.9.0",
                "system_filesystem_version": "Mon Jan  2 03:04:05 UTC 2023", "firmware_type": "Release",
                "serinum": "EMULATED0003"}

    def network(self):
        return {"nettype": "DHCP", "netdevice": "eth0", "macaddr": self.mac, "ipaddress": self.address}

    def rates(self):
        rate = "fast" if self.bad else self.ghs
        return {"elapsed": int(time.monotonic() - self.booted), "rate_5s": rate, "rate_30m": self.ghs,
                "rate_avg": self.ghs, "rate_ideal": 96000.0, "rate_unit": "GH/s"}

    def stats(self):
        if self.mode == "1":
            return self.wrap("STATS", [])
        chains = [{"index": i, "freq_avg": 525, "rate_ideal": 32000.0, "rate_real": self.ghs / 3, "asic_num": 114,
                   "asic": "", "temp_pic": [57, 33, 49, 50], "temp_pcb": [67, 42, 60, 0], "temp_chip": [74, 48, 66, 0],
                   "hw": 12, "eeprom_loaded": True, "sn": f"EMULATED{i}", "hwp": 0.0, "tpl": []} for i in range(3)]
        return self.wrap("STATS", [{**self.rates(), "chain_num": 3, "fan_num": 4, "fan": [4440, 4380, 4320, 4260],
                                    "hwp_total": 0.0, "miner-mode": int(self.mode), "freq-level": 100, "chain": chains}])

    def summary(self):
        if self.mode == "1":
            return self.wrap("SUMMARY", [])
        kinds = ["rate", "network", "fans", "temp"]
        status = [{"type": kind, "status": "s", "code": 0, "msg": ""} for kind in kinds]
        return self.wrap("SUMMARY", [{**self.rates(), "hw_all": 36, "bestshare": 4711000, "status": status}])

    def pools(self):
        return self.wrap("POOLS", [{"index": i, "url": pool["url"], "user": pool["user"],
                                    "status": "Alive" if pool["url"] else "Dead", "priority": i, "getworks": 1,
                                    "accepted": 2310 if i == 0 else 0, "rejected": 4 if i == 0 else 0, "discarded": 0,
                                    "stale": 0, "diff": "131K", "diff1": 0, "diffa": 0, "diffr": 0, "diffs": 0,
                                    "lsdiff": 0, "lstime": "0"} for i, pool in enumerate(self.conf["pools"])])

    def _rpc_version(self):
        return {"VERSION": [{"API": "3.1", "BMMiner": "1.0.0", "CompileTime": "Mon Jan  2 03:04:05 UTC 2023",
                             "Miner": "1.2.3.4", "Type": self.model}]}

    def _rpc_stats(self):
        board = {f"{key}{i}": value for i in (1, 2, 3) for key, value in
                 {"chain_acn": 114, "chain_rate": f"{self.ghs / 3:.2f}", "fan": 4440, "temp_chip": "74-48-66-68",
                  "temp_pcb": "67-42-60-61"}.items()}
        return {"STATS": [{"BMMiner": "1.0.0", "Miner": "1.2.3.4", "Type": self.model},
                          {**board, "Elapsed": int(time.monotonic() - self.booted), "GHS 5s": self.ghs,
                           "GHS av": self.ghs, "fan_num": 4, "rate_unit": "GH", "total_rateideal": 96000.0}]}

    def _rpc_summary(self):
        return {"SUMMARY": [{"Elapsed": int(time.monotonic() - self.booted), "GHS 5s": self.ghs, "GHS av": self.ghs,
                             "Accepted": 2310, "Rejected": 4}]}

    def _rpc_pools(self):
        return {"POOLS": [{"POOL": 0, "URL": self.conf["pools"][0]["url"], "User": self.conf["pools"][0]["user"],
                           "Status": "Alive", "Stratum Active": True, "Accepted": 2310, "Rejected": 4}]}
