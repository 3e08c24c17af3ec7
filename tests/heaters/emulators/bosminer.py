"""An Antminer S9 with Braiins OS of 2020 to 2022: port 4028, and a real sshd over a folder that is its flash memory.

The answers are composed after Braiins' page "BOSminer API". The SSH server speaks only what dropbear of 2017 did, and its
shell is busybox with no other commands than OpenWrt has. What was not synced when the power failed is lost, and a file that
was renamed before its content was synced is empty, as on a flash file system.
"""

import functools
import getpass
import json
import math
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

from .base import HttpEmulator, TcpEmulator

BUSYBOX = shutil.which("busybox")
SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
APPLETS = ["sh", "cat", "cp", "mv", "rm", "sha256sum", "sync", "sleep"]
MAC = "02:5e:09:00:00:01"
DESCRIPTION = "BOSminer+ 0.2.0-36c56a9363"

NEW_FILE = """[format]
version = '2.0'
model = 'Antminer S9'   # do not touch
generator = 'BOSer (boser-openwrt 0.1.0-26ba61b9)'
timestamp = 1738335794

[temp_control]
target_temp = 80.0\t# comfortable
hot_temp = 90.0

[[group]]
name = "power_target = 1"
quota = 1

[[group.pool]]
enabled = true
url = 'stratum+tcp://pool.example:3333'
user = 'home.heater'
password = 'x'

[autotuning]
enabled = true
power_target   =  900\t# W, of the wall

[performance_scaling]
enabled = false
"""
OLD_FILE = NEW_FILE.replace("'2.0'", "'1.1+'").replace("power_target   =", "psu_power_limit =").replace("\n", "\r\n")


@functools.lru_cache
def client_key():
    """RSA, as old dropbear knows no other kind that is in use; made once for all."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="heatbridge-key-"))
    return make_key(folder / "id_rsa")


def make_key(path):
    for old in [path, path.with_suffix(".pub")]:
        old.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-C", "", "-f", path], check=True)
    return path


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def descendants(pid):
    """With those that lead sessions of their own; the process itself is the last."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue  # it ended meanwhile
    found, fresh = [], [pid]
    while fresh:
        found = fresh + found
        fresh = [child for child, parent in parents.items() if parent in fresh and child not in found]
    return found


class Luci(HttpEmulator):
    """As much of its web page as pyasic asks, which logs in and then reads the MAC address."""

    def answer(self, method, path, headers, body):
        if (method, path) == ("POST", "/cgi-bin/luci"):
            return 200, {"Set-Cookie": "sysauth=1"}, b""
        if path == "/cgi-bin/luci/admin/network/iface_status/lan":
            return self.json([{"macaddr": MAC.upper(), "proto": "dhcp"}])
        return 404, {}, b""


class Bosminer(TcpEmulator):
    """`flash` is what survives a power cut; `root` is what its programs see."""

    def __init__(self, text=NEW_FILE, stabilizing_s=1.0, boot_s=0.3, pause="works", ssh_port=0, **network):
        super().__init__(**network)
        assert SSHD and BUSYBOX, "expected sshd and busybox: install the packages openssh-server and busybox-static"
        self._folder = tempfile.TemporaryDirectory(prefix="heatbridge-s9-")
        self.root = pathlib.Path(self._folder.name, "root")
        self.flash = pathlib.Path(self._folder.name, "flash")
        self.stabilizing_s, self.boot_s = stabilizing_s, boot_s
        self.pause = pause          # "works", "refused", or "ignored": acknowledged, without any effect
        self.says_paused = True     # its tuner tells that it is paused
        self.boser = False          # another program serves port 4028, also while bosminer is stopped
        self.bad = False            # fields that cannot be
        self.page = Luci(address=self.address)
        self.ssh_port = ssh_port
        self.limit_w, self.paused, self.running = 0, False, False
        self.reads, self.bad_reads = [], []   # of its file by bosminer, whole ones and others
        self.services = []          # what was asked of its service, in order
        self.pauses = []            # what was asked of port 4028
        self._sshd, self._watcher, self._api_open = None, None, False
        self._seen, self._boots_at = 0, None
        self._make_root(text)

    # --- its file system

    def _make_root(self, text):
        for folder in ["etc/init.d", "sys/class/net/eth0", "run", "bin", "hooks"]:
            (self.root / folder).mkdir(parents=True)
        (self.root / "etc/bosminer.toml").write_bytes(text.encode())
        (self.root / "etc/bos_version").write_text("2022-09-27-0-26ba61b9-22.08.1-plus\n")
        (self.root / "sys/class/net/eth0/address").write_text(MAC + "\n")
        self.script("etc/init.d/bosminer", 'echo "$1" >>$ROOT/run/services')
        self.hook("pidof", "", command="[ -e $ROOT/run/bosminer ]")
        for applet in APPLETS:
            (self.root / "bin" / applet).symlink_to(BUSYBOX)
        self.hook("sync", "")
        shutil.copytree(self.root / "etc", self.flash)

    def script(self, path, text):
        file = self.root / path
        file.unlink(missing_ok=True)
        file.write_text(f"#!{BUSYBOX} sh\nROOT={self.root}\n{text}\n")
        file.chmod(0o755)

    def hook(self, applet, before, after="", command=None):
        """Something happens around a command of the device's. `sync` keeps what it must."""
        command = command or f'{BUSYBOX} {applet} "$@"'
        if applet == "sync":
            command = f"{BUSYBOX} rm -rf {self.flash} && {BUSYBOX} cp -a $ROOT/etc {self.flash}"
        self.script(f"hooks/{applet}", f"{before}\n{command}\nstatus=$?\n{after}\nexit $status")

    @property
    def file(self):
        return (self.root / "etc/bosminer.toml").read_bytes()

    @file.setter
    def file(self, text):
        (self.root / "etc/bosminer.toml").write_bytes(text)
        shutil.rmtree(self.flash)
        shutil.copytree(self.root / "etc", self.flash, symlinks=True)

    @property
    def watts(self):
        return int(re.search(rb"^(?:power_target|psu_power_limit) *= *(\d+)", self.file, re.MULTILINE)[1])

    @property
    def left_over(self):
        return sorted(p.name for p in (self.root / "etc").glob("bosminer.toml?*"))

    def _lose_what_was_not_synced(self):
        kept = {p.name: p.read_bytes() for p in self.flash.iterdir() if p.is_file()}
        name = "bosminer.toml"
        renamed = self.file if (self.root / "etc" / name).exists() else b""
        # The rename may have reached the flash before the content did.
        if renamed != kept[name] and self._renamed():
            kept[name] = renamed if renamed in kept.values() else b""
        shutil.rmtree(self.root / "etc")
        shutil.copytree(self.flash, self.root / "etc", symlinks=True)
        for file, text in kept.items():
            (self.root / "etc" / file).write_bytes(text)

    def _renamed(self):
        return (self.root / "run/renamed").exists()

    # --- power

    def start(self):
        self._start_sshd()
        self._seen = len(self._asked_services())
        self._begin_to_boot()
        self._ended.clear()
        if not self.port:
            self.port = free_port()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        self.wait_for_api()
        return self

    def wait_for_api(self, timeout=60):
        deadline = time.monotonic() + timeout
        while not self._api_open:
            assert time.monotonic() < deadline, "the emulated miner does not start"
            time.sleep(0.02)

    def stop(self):
        """The plug is pulled, whatever it does just now."""
        self._ended.set()
        if self._watcher is not None:
            self._watcher.join(30)
            self._watcher = None
        self._stop_sshd()
        self._close_api()
        self._stop_mining()

    def cut_power(self):
        """The same, and what was in its memory is gone."""
        self.stop()
        self._lose_what_was_not_synced()

    def wait_for_cut(self, timeout=60):
        """Until a hook has asked for it with `run/cut`; the power fails in the middle of that command."""
        deadline = time.monotonic() + timeout
        while not (self.root / "run/cut").exists():
            assert time.monotonic() < deadline, "nothing came to the place where the power was to fail"
            time.sleep(0.01)
        self.cut_power()
        (self.root / "run/cut").unlink()

    # --- SSH

    def _start_sshd(self):
        folder = pathlib.Path(self._folder.name)
        if not (folder / "host_key").exists():
            make_key(folder / "host_key")
        if not (folder / "authorized_keys").exists():
            shutil.copy(client_key().with_suffix(".pub"), folder / "authorized_keys")
        self.ssh_port = self.ssh_port or free_port()
        self.known_hosts = folder / "known_hosts"
        if not self.known_hosts.exists():
            self.learn_host_key()
        self._write_shell(folder / "shell")
        if os.geteuid() == 0:
            pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = {"Port": self.ssh_port, "ListenAddress": self.address, "HostKey": folder / "host_key",
                  "AuthorizedKeysFile": folder / "authorized_keys", "ForceCommand": folder / "shell",
                  "PidFile": "none", "UsePAM": "no", "StrictModes": "no", "PasswordAuthentication": "no",
                  "KbdInteractiveAuthentication": "no", "PermitRootLogin": "prohibit-password", "PrintMotd": "no",
                  "MaxStartups": "100", "LoginGraceTime": "60",
                  "HostKeyAlgorithms": "ssh-rsa", "PubkeyAcceptedAlgorithms": "ssh-rsa,rsa-sha2-256,rsa-sha2-512",
                  "KexAlgorithms": "curve25519-sha256@libssh.org,ecdh-sha2-nistp256,diffie-hellman-group14-sha1",
                  "Ciphers": "aes128-ctr,aes256-ctr", "MACs": "hmac-sha1,hmac-sha2-256"}
        (folder / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in config.items()))
        log = open(folder / "sshd.log", "ab")
        with log:
            self._sshd = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, start_new_session=True)
        self._wait_for_sshd(folder / "sshd.log")

    def _wait_for_sshd(self, log):
        deadline = time.monotonic() + 60
        while True:
            assert self._sshd.poll() is None and time.monotonic() < deadline, log.read_text()
            try:
                with socket.create_connection((self.address, self.ssh_port), timeout=5) as knock:
                    if knock.recv(4).startswith(b"SSH"):
                        return
            except OSError:
                time.sleep(0.05)

    def _stop_sshd(self):
        """With all that runs in it, at one moment: who waits for another is not to go on because that one was killed."""
        if self._sshd is not None:
            for number in [signal.SIGSTOP, signal.SIGSTOP, signal.SIGKILL]:   # twice, for who was born meanwhile
                for pid in reversed(descendants(self._sshd.pid)):
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        pass  # ended by itself
            self._sshd.wait()
            self._sshd = None

    def _write_shell(self, path):
        """Commands mean the files of this folder, and nothing is in PATH that the device does not have."""
        path.write_text("#!/bin/sh\n"
                        f"ROOT={self.root}\n"
                        'printf "%s\\n--\\n" "$SSH_ORIGINAL_COMMAND" >>$ROOT/run/commands\n'
                        "[ -e $ROOT/run/hang ] && exec sleep 1000\n"
                        "script=$(printf %s \"$SSH_ORIGINAL_COMMAND\" | sed \"s#/etc/#$ROOT/etc/#g; s#/sys/#$ROOT/sys/#g\")\n"
                        "hooks=$(for h in $ROOT/hooks/*; do echo \"${h##*/}() { $h \\\"\\$@\\\"; }\"; done)\n"
                        "exec env -i PATH=$ROOT/bin $ROOT/bin/sh -c \"$hooks\n$script\"\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def learn_host_key(self):
        """As its owner does it with ssh-keyscan."""
        key = pathlib.Path(self._folder.name, "host_key.pub").read_text().split()
        self.known_hosts.write_text(f"[{self.address}]:{self.ssh_port} {key[0]} {key[1]}\n")

    def change_host_key(self):
        self._stop_sshd()
        make_key(pathlib.Path(self._folder.name, "host_key"))
        self._start_sshd()

    def let_in(self, allowed):
        keys = client_key().with_suffix(".pub").read_text() if allowed else ""
        pathlib.Path(self._folder.name, "authorized_keys").write_text(keys)

    def hang(self, hangs):
        marker = self.root / "run/hang"
        if hangs:
            marker.touch()
        else:
            marker.unlink(missing_ok=True)

    @property
    def commands(self):
        """What came over SSH."""
        log = self.root / "run/commands"
        return log.read_text().split("\n--\n")[:-1] if log.exists() else []

    @property
    def writes(self):
        return [command for command in self.commands if "mv " in command]

    @property
    def options(self):
        """Of the driver, beside its URL."""
        return {"username": getpass.getuser(), "identity_file": str(client_key()), "known_hosts": str(self.known_hosts),
                "ssh_port": self.ssh_port}

    # --- bosminer

    def _asked_services(self):
        log = self.root / "run/services"
        return log.read_text().split() if log.exists() else []

    def _watch(self):
        """Its service does what the init script was asked for."""
        while not self._ended.wait(0.02):
            for action in self._asked_services()[self._seen:]:
                self._seen += 1
                self.services.append(action)
                self._stop_mining()
                if not self.boser:
                    self._close_api()
                if action in ("start", "reload", "restart"):
                    self._begin_to_boot()
            if self._boots_at is not None and time.monotonic() >= self._boots_at:
                self._boot()

    def _begin_to_boot(self):
        (self.root / "run/bosminer").touch()
        self._boots_at = time.monotonic() + self.boot_s

    def _boot(self):
        with self.lock:
            self._boots_at = None
            self._read_file()
            self.running, self.paused = True, False
            self._from_w, self._since = 60.0, time.monotonic()
            self._booted = time.monotonic()
        self._open_api()

    def _read_file(self):
        """As bosminer does: what it cannot read it takes its defaults for."""
        text = self.file
        found = re.search(rb"\[autotuning\]\s+enabled = true\s+(?:power_target|psu_power_limit) *= *(\d+)", text)
        whole = found is not None and text.rstrip().endswith(b"enabled = false")
        (self.reads if whole else self.bad_reads).append(text)
        self.limit_w = int(found[1]) if whole else 1420

    def _stop_mining(self):
        with self.lock:
            self.running, self._boots_at = False, None
            (self.root / "run/bosminer").unlink(missing_ok=True)

    def _open_api(self):
        if not self._api_open:
            ended = self._ended
            self._server = self.make_server()
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            self._api_open = True
            assert ended is self._ended

    def _close_api(self):
        if self._api_open:
            self._server.shutdown()
            self._server.server_close()
            self._server, self._api_open = None, False

    # --- port 4028

    def answer(self, request):
        with self.lock:
            try:
                command = json.loads(request)["command"]
            except (ValueError, KeyError, TypeError):
                command = ""
            if "+" in command:
                return self.pack({name: [self.one(name)] for name in command.split("+")} | {"id": 1})
            return self.pack(self.one(command))

    @staticmethod
    def pack(value):
        return json.dumps(value, separators=(",", ":")).encode() + b"\0"

    def status(self, letter, code, message):
        description = "BOSer boser-openwrt 0.1.0-26ba61b9" if self.boser else DESCRIPTION
        return {"STATUS": [{"STATUS": letter, "When": int(time.time()), "Code": code, "Msg": message,
                            "Description": description}], "id": 1}

    def one(self, command):
        read = getattr(self, f"read_{command}", None)
        if read is None:
            return self.status("E", 14, "Invalid command")
        if not self.running and command != "version":
            return self.status("E", 1, "Unavailable")
        return read()

    def read_version(self):
        name = {"BOSer": "boser-openwrt 0.1.0-26ba61b9"} if self.boser else {"BOSminer+": "0.2.0-36c56a9363"}
        return {**self.status("S", 22, "versions"), "VERSION": [{"API": "3.7", **name}]}

    def read_pause(self):
        return self._switch("PAUSE", 204, True)

    def read_resume(self):
        return self._switch("RESUME", 205, False)

    def _switch(self, word, code, paused):
        self.pauses.append(word.lower())
        if self.pause == "refused":
            return self.status("E", 14, "Invalid command")
        if self.pause == "works" and self.paused != paused:
            self._from_w, self._since, self.paused = self.power_w(), time.monotonic(), paused
        return {**self.status("S", code, word.capitalize()), word: [True]}

    def goal_w(self):
        return 25.0 if self.paused else float(self.limit_w)

    def power_w(self):
        goal = self.goal_w()
        return goal + (self._from_w - goal) * math.exp(-3 * (time.monotonic() - self._since) / self.stabilizing_s)

    def tuner(self):
        if self.paused:
            return "Paused" if self.says_paused else "Stable"
        gone = (time.monotonic() - self._since) / self.stabilizing_s
        return "Stable" if gone >= 1 else "Tuning individual chips" if gone > 0.5 else "Testing performance profile"

    def read_tunerstatus(self):
        watts = round(self.power_w())
        chains = [{"ApproximatePowerConsumptionWatt": watts // 3, "HashchainIndex": i, "Iteration": 0,
                   "LoadedProfileCreatedOn": 1595938289, "PowerLimitWatt": self.limit_w // 3, "StageElapsed": 78,
                   "Status": self.tuner(), "TunerRunning": not self.paused, "TuningElapsed": 98} for i in (6, 7, 8)]
        return {**self.status("S", 203, "Tuner Status"),
                "TUNERSTATUS": [{"ApproximateChainPowerConsumption": watts - 25,
                                 "ApproximateMinerPowerConsumption": "lots" if self.bad else watts,
                                 "DynamicPowerScaling": "Disabled", "PowerLimit": self.limit_w,
                                 "TunerChainStatus": chains}]}

    def mhs(self):
        return 0.0 if self.paused else 12500.0 * self.limit_w

    def read_summary(self):
        return {**self.status("S", 11, "Summary"),
                "SUMMARY": [{"Accepted": 153, "Best Share": 65536, "Elapsed": int(time.monotonic() - self._booted),
                             "Found Blocks": 0, "Hardware Errors": 186, "MHS 15m": self.mhs(), "MHS 1m": self.mhs(),
                             "MHS 5m": self.mhs(), "MHS 5s": self.mhs(), "MHS av": self.mhs(), "Rejected": 2, "Stale": 1}]}

    def read_temps(self):
        return {**self.status("S", 201, "3 Temp(s)"),
                "TEMPS": [{"Board": 62.0 + i, "Chip": 75.0 + i, "ID": 6 + i, "TEMP": i} for i in range(3)]}

    def read_fans(self):
        return {**self.status("S", 202, "4 Fan(s)"),
                "FANS": [{"FAN": i, "ID": i, "RPM": 3000 if i < 2 else 0, "Speed": 40} for i in range(4)]}

    def read_tempctrl(self):
        return {**self.status("S", 200, "Temperature control"),
                "TEMPCTRL": [{"Dangerous": 110, "Hot": 90, "Mode": "Automatic", "Target": 80}]}

    def read_pools(self):
        pool = {"Accepted": 153, "AsicBoost": True, "POOL": 0, "Priority": 0, "Quota": 1, "Rejected": 2, "Stale": 1,
                "Status": "Alive", "Stratum Active": True, "URL": "stratum+tcp://pool.example:3333", "User": "home.heater"}
        return {**self.status("S", 7, "1 Pool(s)"), "POOLS": [pool]}

    def read_devs(self):
        return {**self.status("S", 9, "3 ASC(s)"),
                "DEVS": [{"ASC": i, "Enabled": "Y", "ID": 6 + i, "MHS 1m": self.mhs() / 3, "MHS 5s": self.mhs() / 3,
                          "Name": "", "Nominal MHS": 4.2e6, "Status": "Alive"} for i in range(3)]}

    def read_devdetails(self):
        return {**self.status("S", 69, "Device Details"),
                "DEVDETAILS": [{"Chips": 63, "Cores": 7182, "DEVDETAILS": i, "Driver": "", "Frequency": 650000000, "ID": 6 + i,
                                "Model": "Bitmain Antminer S9", "Name": f"Hash Chain {6 + i}", "Voltage": 8.8} for i in range(3)]}

    def read_config(self):
        return {**self.status("S", 33, "BOSminer config"),
                "CONFIG": [{"ASC Count": 3, "Device Code": "", "Hotplug": "None", "Log Interval": 0, "OS": "Braiins OS",
                            "PGA Count": 0, "Pool Count": 1, "Strategy": "Failover"}]}
