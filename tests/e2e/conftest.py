"""A site for each test: broker, pool, and a heatbridge that is started when the test says so."""

import json
import os
import pathlib
import re
import tempfile

import pytest

from harness.bridge import ROOM_TOPIC, Bridge, house
from harness.broker import Broker, RoomSensor, Watcher
from harness.pool import Pool
from harness.program import Program, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEATBRIDGE = pathlib.Path(os.environ.get("HEATBRIDGE") or ROOT / "build/heatbridge").absolute()
POOL = pathlib.Path(os.environ.get("HEATBRIDGE_POOL") or HEATBRIDGE.parent / "demo-pool").absolute()
ROOM = "heatbridge/living_room"
HEATER = "heatbridge/heater/miner"
FIGURES = []


class BadPool(Pool):
    """The pool program with a vice."""

    def __init__(self, vice):
        super().__init__(POOL)
        self.argv += ["--misbehave", vice]


class Site:
    """One room, one engine, one pool, one broker."""

    def __init__(self, client):
        self._folder = tempfile.TemporaryDirectory(prefix="heatbridge-e2e-")
        self.folder = pathlib.Path(self._folder.name)
        self.broker = Broker(self.folder)
        self.pools = [Pool(POOL)]
        self.client = client
        self.bridge = None
        self.watcher = None
        self.sensor = None
        self.extra = []

    @property
    def pool(self):
        return self.pools[0]

    def config(self):
        made = house(self.broker.port, self.pool.port, self.folder / "state", "device")
        made["mqtt"]["client"] = self.client
        made["mqtt"]["keepalive"] = "5 s"
        made["mining"]["pools"] = [{"url": f"stratum+tcp://127.0.0.1:{pool.port}", "user": "test.living"}
                                   for pool in self.pools]
        return made

    def watch(self, room_c=18.0):
        self.watcher = Watcher(self.broker.port)
        self.sensor = RoomSensor(self.watcher, ROOM_TOPIC, room_c)

    def start(self, config=None, env=None, broker=True):
        """Starts everything; with `broker` the broker and a sensor of a cold room are there first."""
        for pool in self.pools:
            pool.start()
        if broker:
            self.broker.start()
            self.watch()
        self.bridge = Bridge(HEATBRIDGE, self.folder, config or self.config())
        if env:
            self.bridge.env = {**os.environ, **env}
        self.bridge.start()
        return self

    def room(self):
        return self.watcher.json(f"{ROOM}/state") or {}

    def heater(self):
        return self.watcher.json(f"{HEATER}/state") or {}

    def order(self, what, payload, **options):
        self.watcher.publish(f"{ROOM}/{what}/set", payload, **options)

    def heat(self):
        """Turns the heat on and waits until the pool is paid for it."""
        self.watcher.wait_topic(f"{ROOM}/state")
        self.order("mode", "heat")
        self.order("target", "22")
        self.pool.wait_share()

    def complaints(self, text):
        return [line for line in self.bridge.lines if text in line]

    def jitter_ms(self):
        """Stops heatbridge, which then says how late its worst tick was."""
        assert self.bridge.stop() == 0
        line = self.bridge.wait_line("worst tick was", 1)
        return float(re.search(r"worst tick was ([\d.]+) ms", line).group(1))

    def close(self):
        if self.sensor:
            self.sensor.close()
        if self.watcher:
            self.watcher.close()
        for program in [self.bridge, *self.pools, *self.extra, self.broker]:
            if program:
                program.stop()
        self._folder.cleanup()


@pytest.fixture(params=["mosquitto", "paho"])
def site(request):
    """Each test runs with both MQTT libraries."""
    made = Site(request.param)
    request.node.site = made
    yield made
    made.close()


@pytest.fixture
def one_site(request):
    """For what has nothing to do with the MQTT library."""
    made = Site("mosquitto")
    request.node.site = made
    yield made
    made.close()


@pytest.fixture
def figure():
    """Notes a measured figure; all are printed at the end as lines of JSON."""
    return lambda **values: FIGURES.append(values)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    site = getattr(item, "site", None)
    if report.failed and site and site.bridge:
        report.sections.append(("log of heatbridge", site.bridge.tail(60)))
        report.sections.append(("log of the pool", site.pool.tail(20)))
    return report


def pytest_terminal_summary(terminalreporter):
    for values in FIGURES:
        terminalreporter.write_line(json.dumps(values))


__all__ = ["BadPool", "Program", "free_port"]
