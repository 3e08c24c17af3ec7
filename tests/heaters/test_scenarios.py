"""Scenarios of people with heaters that no single family's test covers: a pump that fails, mains that are cut."""

import json
import time

from emulators.braiins import Braiins
from harness.waiting import wait_for


class PumpWatch:
    """What an automation does for the owner of a pump: no flow for 10 s, or 60 °C at the outlet."""

    FLOW, OUTLET, HOLD_S = "garage/flow", "garage/outlet", 10

    def __init__(self, home):
        self.home = home
        self.fired_at = self.still_since = None

    def says(self, flow_l_min, outlet_c):
        self.home.watcher.publish(self.FLOW, str(flow_l_min))
        self.home.watcher.publish(self.OUTLET, str(outlet_c))
        if flow_l_min > 0:
            self.still_since = None
        elif self.still_since is None:
            self.still_since = time.monotonic()
        still = self.still_since is not None and time.monotonic() - self.still_since >= self.HOLD_S
        if (still or outlet_c > 60) and self.fired_at is None:
            self.fired_at = time.monotonic()
            self.home.order("power_limit", 0)


def rounds(miner):
    return len(miner.asked(lambda what: what.startswith("GET /api/v1/miner/stats")))


def more_rounds(miner, count):
    wanted = rounds(miner) + count
    wait_for(lambda: rounds(miner) >= wanted, f"{count} more rounds", 120)


def test_p2_pumpfail(home):
    """P2-pumpfail: paused within 15 s, whatever the room wants, over a crash, until somebody acknowledges it."""
    miner = home.add("miner", Braiins(), driver="braiins", password="root", min_write="0 s", min_on="1 h")
    home.start()
    home.heat(2400)
    home.wait_heater("miner", lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == 2400, "heat", 120)
    watch = PumpWatch(home)

    def pump_fails():
        watch.says(0, 52)
        return watch.fired_at
    wait_for(pump_fails, "the automation", 60)
    wait_for(lambda: miner.state == "paused", "the pause", 60)
    assert time.monotonic() - watch.fired_at <= 15  # though it has not been on for an hour
    home.wait_heater("miner", lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == 0, "off, confirmed", 60)
    state = wait_for(lambda: (s := home.watcher.json("heatbridge/room/state")) and s["power_limit_w"] == 0 and s, "the limit", 30)
    assert state["reason"] == "power_limit" and state["action"] != "heating", state

    # Nobody but a person ends it: no wish, no pump that runs again, no crash, no power cut of the miner.
    watch.says(8, 35)
    home.order("target", 28)
    home.order("preset", "boost")
    more_rounds(miner, 2)
    home.bridge.process.kill()
    home.bridge.process.wait()
    miner.stop()
    miner.start()
    assert miner.state == "normal"  # it resumes by itself, as the real one does
    home.bridge.start()
    wait_for(lambda: miner.state == "paused", "the pause, said again", 120)
    more_rounds(miner, 2)
    assert miner.state == "paused"
    resumes = len([what for what in miner.writes() if "resume" in what])

    home.order("power_limit", "none")
    home.wait_heater("miner", lambda s: s["outcome"] == "confirmed" and s["commanded_w"] > 0, "heat, acknowledged", 400)
    assert miner.state == "normal"
    assert len([what for what in miner.writes() if "resume" in what]) == resumes + 1
    assert miner.restarts == 0 and json.dumps(miner.recorded["/pools/"]) == miner.pools_before


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
