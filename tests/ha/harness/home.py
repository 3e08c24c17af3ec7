"""A whole house for the tests: broker, pool, heatbridge, a room's sensor, and Home Assistant."""

import contextlib
import math
import tempfile

from .bridge import ROOM_TOPIC, Bridge, house
from .broker import Broker, RoomSensor, Watcher
from .homeassistant import HomeAssistant
from .pool import Pool
from .program import now

CLIMATE = "climate.living_room"
ROOM_POWER = "sensor.living_room_power"
ROOM_HASHRATE = "sensor.living_room_hashrate"
POWER_LIMIT = "number.living_room_power_limit"
HEATER_POWER = "sensor.miner_power"
HEATER_HASHRATE = "sensor.miner_hashrate"
ROOM_C = 19.4


def number(state):
    """Its value; not a number if it is unknown or unavailable, which no comparison accepts."""
    try:
        return float(state["state"])
    except ValueError:
        return math.nan


class Home:
    def __init__(self, lane, heatbridge, pool):
        self.lane = lane
        self.latencies = []
        self.started = 0    # lines in Home Assistant's log when everything had come up
        self._cleanup = contextlib.ExitStack()
        try:
            self._start(heatbridge, pool)
        except BaseException:
            self.close()
            raise

    def _start(self, heatbridge, pool):
        folder = self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="heatbridge-test-"))
        self.broker = Broker(folder)
        self._cleanup.callback(self.broker.stop)
        self.broker.start()
        self.watcher = Watcher(self.broker.port)
        self._cleanup.callback(self.watcher.close)
        self.pool = Pool(pool)
        self._cleanup.callback(self.pool.stop)
        self.pool.start()
        self.ha = self.add_home_assistant()
        self.bridge = Bridge(heatbridge, folder,
                             house(self.broker.port, self.pool.port, folder + "/state", self.lane.discovery))
        self._cleanup.callback(self.bridge.stop)
        self.start_bridge()
        self.sensor = RoomSensor(self.watcher, ROOM_TOPIC, ROOM_C)
        self._cleanup.callback(self.sensor.close)

    def add_home_assistant(self, units="metric"):
        """One more on the same broker; it ends with the house if not before."""
        ha = HomeAssistant(self.lane, self.broker.port, units)
        self._cleanup.callback(ha.close)
        return ha.start()

    @property
    def programs(self):
        return [self.ha, self.bridge, self.pool, self.broker]

    def close(self):
        self._cleanup.close()

    # ---- the room as the tests know it -------------------------------------------------------------------

    def settle(self):
        """The state that every test starts from: heating for 21 degrees, at home, without limit."""
        self.sensor.set(ROOM_C)
        self.ha.wait_available(CLIMATE, POWER_LIMIT, HEATER_POWER)
        self.command("climate.set_hvac_mode", hvac_mode="heat")
        self.command("climate.set_preset_mode", preset_mode="home")
        highest = self.ha.state(POWER_LIMIT)["attributes"]["max"]
        self.ha.call("number.set_value", entity_id=POWER_LIMIT, value=highest)
        self.wait(lambda a: a["state"] == "heat" and a["preset_mode"] == "home" and a["temperature"] == 21
                  and a["current_temperature"] == ROOM_C)
        self.ha.wait_state(POWER_LIMIT, lambda s: number(s) == highest)

    def stop_bridge(self):
        self.bridge.stop()
        self.watcher.wait_topic("heatbridge/status", lambda text: text == "offline")

    def start_bridge(self):
        """Started and listening: what is commanded from here on must reach it."""
        self.bridge.start()
        self.watcher.wait_topic("heatbridge/status", lambda text: text == "online")

    def restart_bridge(self, **sections):
        """Stops it, replaces whole sections of its configuration, and starts it again."""
        self.stop_bridge()
        self.bridge.config = {**self.bridge.config, **sections}
        self.start_bridge()

    def command(self, service, **data):
        self.ha.call(service, entity_id=CLIMATE, **data)

    def wait(self, accept, timeout=10.0):
        """Waits for the climate entity; `accept` gets its attributes with its state as `state`."""
        return self.ha.wait_state(
            CLIMATE, lambda s: "temperature" in s["attributes"] and accept({"state": s["state"], **s["attributes"]}),
            timeout)

    def echoed(self, accept, service, entity_id=CLIMATE, **data):
        """Calls the service and demands the accepted state back within a second. Measures how long it took."""
        before = self.ha.state(entity_id)
        assert not accept({"state": before["state"], **before["attributes"]}), "already so before the command"
        called = now()
        self.ha.call(service, entity_id=entity_id, **data)
        _, moment = self.ha.wait_state(entity_id, lambda s: accept({"state": s["state"], **s["attributes"]}))
        self.latencies.append(moment - called)
        assert moment - called < 1.0, f"{service} {data}: echoed after {moment - called:.3f} s"

    def number(self, entity_id):
        return number(self.ha.state(entity_id))

    def assert_hashing(self):
        """Home Assistant says that the heater works, and the pool gets what it works on."""
        for entity_id in (HEATER_POWER, HEATER_HASHRATE, ROOM_POWER, ROOM_HASHRATE):
            self.ha.wait_state(entity_id, lambda s: number(s) > 0, 15)
        self.pool.wait_share()

    def assert_resting(self):
        """Home Assistant says that the heater rests, and nothing more reaches the pool."""
        for entity_id in (HEATER_POWER, ROOM_POWER):
            self.ha.wait_state(entity_id, lambda s: number(s) == 0, 15)
        self.pool.assert_quiet()
