"""A child process whose output is kept line by line and that never outlives the tests."""

import ctypes
import random
import signal
import socket
import subprocess
import threading
import time

from .waiting import wait_for

_libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def free_port():
    """A loopback port that was free a moment ago, and that the system hands out to nobody by itself."""
    while True:
        port = random.randrange(10000, 32768)
        with socket.socket() as probe:
            # Like a server: what an ended one left behind does not hold it.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def is_listening(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """start() and stop() may alternate; `lines` keeps the output of all runs."""

    def __init__(self, name, argv, cwd=None, env=None):
        self.name, self.argv, self.cwd, self.env = name, [str(a) for a in argv], cwd, env
        self.lines = []
        self.process = None
        self._reader = None

    def start(self):
        self.process = subprocess.Popen(
            self.argv, cwd=self.cwd, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", preexec_fn=_die_with_parent)
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()
        return self

    def _read(self, stream):
        for line in stream:
            self.on_line(line.rstrip("\n"))

    def on_line(self, line):
        self.lines.append(line)

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def wait_line(self, text, timeout=10.0, since=0):
        """The first line from index `since` on that contains the text."""
        def found():
            line = next((l for l in self.lines[since:] if text in l), None)
            if line is None and not self.running:
                raise AssertionError(f"{self.name} ended with {self.process.returncode} before it said {text!r}:\n"
                                     + self.tail())
            return line
        return wait_for(found, f"{self.name} says {text!r}", timeout)

    def wait_listening(self, port, timeout=30.0):
        def open_or_dead():
            if not self.running:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
            return is_listening(port)
        wait_for(open_or_dead, f"{self.name} listens on port {port}", timeout)

    def stop(self, timeout=20.0):
        """Asks, then insists. Returns the exit status, negative for a signal, None if it never ran."""
        if self.process is None:
            return None
        if self.running:
            self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.on_line(f"[{self.name} did not end within {timeout:g} s of SIGTERM and was killed]")
            self.process.kill()
            self.process.wait()
        self._reader.join(5)
        return self.process.returncode

    def tail(self, count=60, since=0):
        return "\n".join(self.lines[since:][-count:])


def now():
    """One clock for all latencies."""
    return time.monotonic()
