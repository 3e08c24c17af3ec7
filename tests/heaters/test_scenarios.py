"""Scenarios of people with heaters that no single family's test covers: a pump that fails, mains that are cut."""

import json
import threading
import time

import pytest
from emulators.avalon import Avalon
from emulators.braiins import Braiins
from harness.bridge import ROOM_TOPIC
from harness.waiting import wait_for


FLOW, OUTLET = "garage/pump", "garage/outlet"
ACKNOWLEDGE, ERROR = "heatbridge/heater/miner/acknowledge/set", "heatbridge/heater/miner/error"


class Pump:
    """The loop's sensors, which speak every second: flow as JSON, the outlet's temperature as a bare number."""

    def __init__(self, home):
        self.home = home
        self.flow_l_min, self.outlet_c, self.speaks = 8, 52, True
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ended.wait(1):
            if self.speaks:
                self.home.watcher.publish(FLOW, json.dumps({"flow": self.flow_l_min}))
                self.home.watcher.publish(OUTLET, str(self.outlet_c))

    def stop(self):
        self.ended.set()
        self.thread.join()


@pytest.fixture
def garage(home):
    """A miner whose heat a pump carries away, which heats 2400 W: (miner, pump)."""
    pumps = []

    def start(**flow):
        interlocks = {"flow": {"topic": FLOW, "value": "flow", "min": 1} | flow, "outlet": {"topic": OUTLET, "max": 60}}
        miner = home.add("miner", Braiins(), driver="braiins", password="root", min_write="0 s", min_on="1 h",
                         interlocks=interlocks)
        home.start()
        pumps.append(Pump(home))
        home.heat(2400)
        home.wait_heater("miner", lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == 2400, "heat", 120)
        return miner, pumps[0]
    yield start
    for pump in pumps:
        pump.stop()


def rounds(miner):
    return len(miner.asked(lambda what: what.startswith("GET /api/v1/miner/stats")))


def more_rounds(miner, count):
    wanted = rounds(miner) + count
    wait_for(lambda: rounds(miner) >= wanted, f"{count} more rounds", 120)


def test_p2_pumpfail(home, garage):
    """P2-pumpfail: paused within 15 s, whatever the room wants, over a crash, until somebody acknowledges it."""
    miner, pump = garage()
    assert home.heater("miner")["interlock"] is False and home.heater("miner")["interlock_text"] == ""

    pump.flow_l_min = 0
    failed_at = time.monotonic()
    wait_for(lambda: miner.state == "paused", "the pause", 60)
    assert time.monotonic() - failed_at <= 15  # though it has not been on for an hour
    state = home.wait_heater("miner", lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == 0, "off, confirmed", 60)
    assert state["reason"] == "interlock" and state["interlock"] is True, state
    assert state["interlock_text"] == "flow: 0, expected at least 1", state
    state = wait_for(lambda: (s := home.watcher.json("heatbridge/room/state")) and s["reason"] == "interlock" and s, "why", 30)
    assert state["action"] != "heating", state

    # While the pump stands, not even a person ends it.
    home.watcher.publish(ACKNOWLEDGE, "PRESS")
    home.watcher.wait_topic(ERROR, lambda said: said ==
                            "the heater stays off, for the cause persists: flow: 0, expected at least 1", 30)

    # Nobody but a person ends it: no wish, no pump that runs again, no crash, no power cut of the miner.
    pump.flow_l_min, pump.outlet_c = 8, 35
    home.order("target", 28)
    home.order("preset", "boost")
    more_rounds(miner, 2)
    home.bridge.process.kill()
    home.bridge.process.wait()
    miner.stop()
    # Nor does a word that the broker had kept.
    home.watcher.publish(ACKNOWLEDGE, "PRESS", retain=True)
    miner.start()
    assert miner.state == "normal"  # it resumes by itself, as the real one does
    home.bridge.start()
    wait_for(lambda: miner.state == "paused", "the pause, said again", 120)
    more_rounds(miner, 2)
    assert miner.state == "paused"
    home.wait_heater("miner", lambda s: s["interlock_text"] == "flow: 0, expected at least 1" and
                     s["reason"] == "interlock" and s["link"] == "ok", "latched over the crash", 60)
    resumes = len([what for what in miner.writes() if "resume" in what])

    home.watcher.publish(ACKNOWLEDGE, "PRESS")
    home.wait_heater("miner", lambda s: s["outcome"] == "confirmed" and s["commanded_w"] > 0, "heat, acknowledged", 400)
    assert miner.state == "normal" and home.heater("miner")["interlock"] is False
    assert len([what for what in miner.writes() if "resume" in what]) == resumes + 1
    assert miner.restarts == 0 and json.dumps(miner.recorded["/pools/"]) == miner.pools_before


def test_p2_outlet_too_hot_or_sensor_silent(home, garage):
    """The other causes: 61 °C at the outlet, and a sensor whose payloads are no numbers, which count as none."""
    miner, pump = garage(stale_after="5 s")
    pump.outlet_c = 60
    more_rounds(miner, 3)
    assert miner.state == "normal"
    pump.outlet_c = 61
    home.wait_heater("miner", lambda s: s["interlock_text"] == "outlet: 61, expected at most 60", "tripped", 60)
    wait_for(lambda: miner.state == "paused", "the pause", 60)
    pump.outlet_c = 40
    home.watcher.publish(ACKNOWLEDGE, "now")
    home.watcher.wait_topic(ERROR, lambda said: said == "expected PRESS, got 'now'", 30)

    def released():
        home.watcher.publish(ACKNOWLEDGE, "PRESS")
        return home.heater("miner")["interlock"] is False
    wait_for(released, "released once the outlet is cool", 60)
    pump.flow_l_min = "broken"
    home.wait_heater("miner", lambda s: s["interlock_text"] == "flow: no message for 5 s", "silent", 60)
    told = [line for line in home.bridge.tail(2000).splitlines() if f"{FLOW}: " in line]
    assert len(told) == 1, told  # once, not every second


CIRCUIT = "heatbridge/circuit/f16/state"
LIMIT_W = 2944       # 16 A at 230 V, of which 80 % may flow for hours
SUPER, ECO = (1, 0), (1, -1)   # 824 W and 512 W at the wall: two and two fit, three and one do not
NAMES = ["a", "b", "c", "d"]


class Circuit:
    """Four rooms, each with a Mini 3, on one fuse. Looks at them so often that each change is in their own logs at once."""

    def __init__(self, home):
        self.home, self.miners = home, {}
        for number, name in enumerate(NAMES):
            miner = self.miners[name] = Avalon("mini3", mac=f"e0e1a93e2c{number:02x}")
            miner.set = miner.applied = SUPER
            home.add(name, miner, driver="avalon", min_write="0 s", min_on="0 s", min_off="0 s", circuit="f16")
            miner.off = True
            assert miner.power_w == 0
        home.settings["rooms"] = {name: {"temperature": {"topic": ROOM_TOPIC, "value": "temperature"}, "heaters": [name]}
                                  for name in NAMES}
        home.settings["circuits"] = {"f16": {"name": "Fuse 3", "fuse": "16 A",
                                             "meter": {"topic": "test/f16", "value": "power", "stale_after": "30 s"}}}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.ended.wait(0.02):
            for miner in self.miners.values():
                if not miner._ended.is_set():
                    miner.power_w

    def stop(self):
        self.ended.set()
        self.thread.join()

    def sums(self, since):
        """(time, watts of all together) at each change from then on, the sum at that time first."""
        changes = []
        for name, miner in self.miners.items():
            with miner.lock:
                changes += [(at, name, watts) for at, watts in miner.power_log]
        now_w, sums = dict.fromkeys(self.miners, 0), []
        for at, name, watts in sorted(changes):
            now_w[name] = watts
            if at <= since:
                sums = []
            sums.append((max(at, since), sum(now_w.values())))
        return sums

    def raises(self, since):
        """When one of them began to draw more."""
        found = []
        for miner in self.miners.values():
            with miner.lock:
                log = list(miner.power_log)
            found += [at for (_, before), (at, after) in zip(log, log[1:]) if after > before and at > since]
        return sorted(found)

    def order(self, what, payload):
        for name in NAMES:
            self.home.watcher.publish(f"heatbridge/{name}/{what}/set", str(payload))

    def state(self):
        return self.home.watcher.json(CIRCUIT) or {}

    def wait_shared(self):
        """All confirmed, and as much as the fuse bears."""
        def shared():
            states = [self.home.heater(name) for name in NAMES]
            return all(s.get("outcome") == "confirmed" and s["link"] == "ok" for s in states) and \
                sorted(s["commanded_w"] for s in states) == [500, 500, 800, 800]
        wait_for(shared, f"two at 800 W and two at 500 W, {self.state()}", 400)


@pytest.fixture
def circuit(home):
    made = Circuit(home)
    yield made
    made.stop()


@pytest.mark.long
def test_p4_power_cut(home, circuit):
    """P4-day: four miners on a fuse that does not bear them all at their highest level, before and after 18:00."""
    began = time.monotonic()
    home.start(room_c=15)
    for name in NAMES:
        home.wait_heater(name, lambda s: s.get("model"), "the device", 120)
        home.watcher.wait_topic(f"heatbridge/{name}/state", timeout=30)
    circuit.order("target", 24)
    circuit.order("mode", "heat")
    circuit.wait_shared()
    # At the wall, at each change: one after the other, and never more than the fuse bears.
    assert max(watts for _, watts in circuit.sums(began)) <= LIMIT_W, circuit.sums(began)
    assert circuit.sums(time.monotonic())[-1][1] == 2 * 824 + 2 * 512
    held = [name for name in NAMES if home.heater(name)["commanded_w"] == 500]
    for name in held:
        assert home.heater(name)["reason"] == "circuit"
        assert home.watcher.json(f"heatbridge/{name}/state")["reason"] == "circuit"
    state = circuit.state()
    assert state["limit_w"] == LIMIT_W and state["over_limit"] is False and state["metered_w"] is None, state

    # 18:00: mains are cut, and come back; all mine at super, whatever they had been told.
    for miner in circuit.miners.values():
        miner.stop()
        miner.set = SUPER
    for name in NAMES:
        home.wait_heater(name, lambda s: s["link"] == "lost" and s["power_w"] is None, "lost, and what it draws too", 120)
    wait_for(lambda: circuit.state()["possible_w"] > LIMIT_W, "what they could draw", 60)
    back = time.monotonic()
    for miner in circuit.miners.values():
        miner.start()
    wait_for(lambda: max(watts for _, watts in circuit.sums(back)) == 4 * 824, "all of them at super", 30)
    wait_for(lambda: circuit.sums(time.monotonic())[-1][1] <= LIMIT_W, "the sum under the limit", 120)
    answered = []
    for miner in circuit.miners.values():
        with miner.lock:
            answered.append(next(at for at, _ in miner.requests if at >= back))
    under = next(at for at, watts in circuit.sums(back) if watts <= LIMIT_W and at > back + 0.5)
    assert under - max(answered) <= 20, (under, answered)
    circuit.wait_shared()
    assert max(watts for _, watts in circuit.sums(under)) <= LIMIT_W, circuit.sums(under)
    raises = circuit.raises(under)
    assert all(b - a >= 3 for a, b in zip(raises, raises[1:])), raises


@pytest.mark.long
def test_a_metered_circuit_over_its_limit(home, circuit):
    """Somebody irons on the same fuse: an alarm, and the miners get less until there is room again."""
    home.start(room_c=15)
    device = json.loads(home.watcher.wait_topic("homeassistant/device/heatbridge_circuit_f16/config", timeout=60))
    alarm = device["cmps"]["over_limit"]
    assert alarm["p"] == "binary_sensor" and alarm["dev_cla"] == "problem" and device["stat_t"] == CIRCUIT
    for name in NAMES:
        home.watcher.wait_topic(f"heatbridge/{name}/state", timeout=30)
    circuit.order("target", 24)
    circuit.order("mode", "heat")
    circuit.wait_shared()
    home.watcher.publish("test/f16", {"power": 2800})
    wait_for(lambda: circuit.state()["metered_w"] == 2800, "the meter", 30)
    assert circuit.state()["over_limit"] is False

    irons_w = 600

    def metered():
        watts = circuit.sums(time.monotonic())[-1][1]
        home.watcher.publish("test/f16", {"power": watts + irons_w})
        return watts
    metered()
    state = wait_for(lambda: (s := circuit.state())["over_limit"] and s, "the alarm", 30)
    assert state["metered_w"] == 2672 + irons_w and state["allowed_w"] <= LIMIT_W - 300, state
    wait_for(lambda: metered() + irons_w <= LIMIT_W, "less heat", 120)
    wait_for(lambda: metered() and circuit.state()["over_limit"] is False, "no alarm", 30)
    assert circuit.sums(time.monotonic())[-1][1] > 0  # none of the rooms was given up
    # A meter that says nothing that could be used is none; that is told once, and the heat goes on.
    home.watcher.publish("test/f16", {"power": "much"})
    wait_for(lambda: circuit.state()["metered_w"] is None, "no meter", 90)
    told = home.bridge.tail(2000)
    assert told.count("test/f16: ") == 1 and told.count("circuit f16: its meter is silent") <= 2, told
    assert "circuit f16: " in told and "more than its 2944 W" in told
    for name in NAMES:
        home.wait_heater(name, lambda s: s["commanded_w"] > 0 and s["outcome"] == "confirmed", "heat", 120)
