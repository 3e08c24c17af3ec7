"""What systemd sees: readiness after the first core step, the watchdog, and a clean end."""

import signal
import socket

import pytest

from harness.waiting import wait_for


class Supervisor:
    """The end of $NOTIFY_SOCKET that systemd holds."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self.path = path
        self.heard = []

    def has_heard(self, text, times=1):
        while True:
            try:
                self.heard.append(self._socket.recv(256).decode())
            except BlockingIOError:
                return self.heard.count(text) >= times

    def close(self):
        self._socket.close()


@pytest.fixture
def supervisor(tmp_path):
    made = Supervisor(tmp_path / "notify")
    yield made
    made.close()


def test_life_under_systemd(one_site, supervisor):
    site = one_site
    site.start(env={"NOTIFY_SOCKET": str(supervisor.path), "WATCHDOG_USEC": "2000000"}, broker=False)
    wait_for(lambda: supervisor.has_heard("READY=1"), "ready although no broker is there", 5)
    wait_for(lambda: supervisor.has_heard("WATCHDOG=1", 3), "the watchdog is fed", 10)
    site.bridge.process.send_signal(signal.SIGHUP)
    wait_for(lambda: supervisor.has_heard("RELOADING=1") and supervisor.has_heard("READY=1", 2), "a reload is told", 10)
    assert site.bridge.stop() == 0
    assert supervisor.has_heard("STOPPING=1")


def test_sigterm_and_sigint_end_it_well(one_site):
    site = one_site.start()
    site.watcher.wait_topic("heatbridge/status", lambda text: text == "online")
    site.bridge.process.send_signal(signal.SIGINT)
    assert site.bridge.process.wait(10) == 0
    site.watcher.wait_topic("heatbridge/status", lambda text: text == "offline")
