"""Scenarios of people with heaters that no single family's test covers: a pump that fails, mains that are cut."""

import json
import threading
import time

import pytest
from emulators.braiins import Braiins
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


LIMIT_W = 1300
NAMES = ["a", "b", "c", "d"]


def drawn_w(miners):
    return sum(miner.power_w() for miner in miners.values())


def test_p4_power_cut(home):
    """P4-day, 18:00: four heaters come back mining by themselves, and are under their limit within 20 s of their answer."""
    miners = {}
    for number, name in enumerate(NAMES):
        miners[name] = Braiins(low_w=400, high_w=850)
        miners[name].target_w = 850
        miners[name].recorded["/network/"]["mac_address"] = f"02:00:00:00:00:{number:02x}"
        home.add(name, miners[name], driver="braiins", password="root", min_write="0 s", min_on="0 s", min_off="0 s")
    home.start()
    for name in NAMES:
        home.wait_heater(name, lambda s: s["model"], "the device", 60)
    home.heat(LIMIT_W)

    def settled():
        states = [home.heater(name) for name in NAMES]
        return all(s["outcome"] == "confirmed" for s in states) and LIMIT_W - 400 < sum(s["commanded_w"] for s in states)
    wait_for(settled, "heat under the limit", 180)
    wait_for(lambda: drawn_w(miners) <= 1.05 * LIMIT_W, "what they draw", 60)
    ordered_w = {name: home.heater(name)["commanded_w"] for name in NAMES}
    assert sum(ordered_w.values()) <= LIMIT_W and 0 in ordered_w.values()

    for miner in miners.values():
        miner.stop()
    for name in NAMES:
        home.wait_heater(name, lambda s: s["link"] == "lost" and s["power_w"] is None, "lost, and what it draws too", 120)
    writes = {name: len(miner.writes()) for name, miner in miners.items()}
    back = time.monotonic()
    for miner in miners.values():
        miner.start()
    assert [miner.state for miner in miners.values()] == ["normal"] * len(miners)

    obeyed_s = {}

    def all_obey():
        for name, miner in miners.items():
            with miner.lock:
                answered = next((at for at, _ in miner.requests if at >= back), None)
            paused = miner.state == "paused"
            if name not in obeyed_s and answered and (paused or ordered_w[name] == miner.target_w):
                obeyed_s[name] = time.monotonic() - answered
        return len(obeyed_s) == len(miners)
    wait_for(all_obey, "each as it was ordered", 120)
    assert max(obeyed_s.values()) <= 20, obeyed_s
    wait_for(lambda: drawn_w(miners) <= 1.05 * LIMIT_W, "what they draw, under the limit", 60)
    for name, miner in miners.items():
        home.wait_heater(name, lambda s: s["outcome"] == "confirmed" and s["link"] == "ok", "confirmed", 120)
        # Told to pause once.
        told = [what for what in miner.writes()[writes[name]:] if "actions/pause" in what]
        assert len(told) <= 1 and (told or ordered_w[name] > 0), told
