"""A home for each test: broker, one cold room, heatbridge, and emulated heaters of the families people own."""

import os
import pathlib
import sys
import tempfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests/ha")]

from harness.bridge import ROOM_TOPIC, Bridge  # noqa: E402
from harness.broker import Broker, RoomSensor, Watcher  # noqa: E402
from harness.waiting import wait_for  # noqa: E402

HEATBRIDGE = pathlib.Path(os.environ.get("HEATBRIDGE") or ROOT / "build/heatbridge").absolute()
RECORDINGS = ROOT / "tests/data/devices"


class Home:
    """`heaters` maps ids to their configuration; all of them heat one room."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="heatbridge-heaters-")
        self.folder = pathlib.Path(self._folder.name)
        self.broker = Broker(self.folder)
        self.heaters = {}
        self.settings = {}  # more top-level keys of the configuration
        self.emulators = []
        self.bridge = self.watcher = self.sensor = None

    def add(self, heater_id, emulator, **config):
        """An emulated heater, switched on; the configuration's `url` is that of the emulator unless given."""
        if emulator is not None:
            self.emulators.append(emulator.start())
            config.setdefault("url", getattr(emulator, "url", f"tcp://{emulator.where}"))
        self.heaters[heater_id] = config
        return emulator

    def config(self):
        room = {"name": "Room", "temperature": {"topic": ROOM_TOPIC, "value": "temperature", "stale_after": "15 min"},
                "heaters": list(self.heaters)}
        return {"mqtt": {"url": f"mqtt://127.0.0.1:{self.broker.port}"}, "homeassistant": {"discovery": "device"},
                "web": {"port": 0}, "state_dir": str(self.folder / "state"), "rooms": {"room": room},
                "heaters": self.heaters, **self.settings}

    def start(self, room_c=18.0):
        self.broker.start()
        self.watcher = Watcher(self.broker.port)
        self.sensor = RoomSensor(self.watcher, ROOM_TOPIC, room_c)
        self.bridge = Bridge(HEATBRIDGE, self.folder, self.config())
        self.bridge.start()
        return self

    def order(self, what, payload):
        self.watcher.publish(f"heatbridge/room/{what}/set", str(payload))

    def heat(self, power_w=None):
        """Asks for warmth; `power_w` limits what the room's heaters may draw."""
        self.watcher.wait_topic("heatbridge/room/state")
        if power_w is not None:
            self.order("power_limit", power_w)
        self.order("target", 24)
        self.order("mode", "heat")

    def off(self):
        self.order("mode", "off")

    def heater(self, heater_id):
        return self.watcher.json(f"heatbridge/heater/{heater_id}/state") or {}

    def wait_heater(self, heater_id, accept, what, timeout=30):
        """The heater's published state once it is accepted."""
        def accepted():
            state = self.heater(heater_id)
            return state if state and accept(state) else None
        try:
            return wait_for(accepted, what, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error}; it was {self.heater(heater_id)}") from None

    def close(self):
        for part in [self.sensor, self.watcher]:
            if part:
                part.close()
        for part in [self.bridge, *self.emulators, self.broker]:
            if part:
                part.stop()
        self._folder.cleanup()


def pytest_collection_modifyitems(items):
    """Tests that take minutes begin first, so that nobody waits for one of them alone in the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture
def home(request):
    made = Home()
    request.node.home = made
    yield made
    made.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    made = getattr(item, "home", None)
    if report.failed and made and made.bridge:
        report.sections.append(("log of heatbridge", made.bridge.tail(60)))
        for emulator in made.emulators:
            report.sections.append((f"requests to {emulator.where}",
                                    "\n".join(str(r)[:300] for r in emulator.requests[-40:])))
    return report
