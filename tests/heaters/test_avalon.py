"""Canaan Avalon over real sockets: what is ordered happens, and nothing else."""

import re

from emulators.avalon import Avalon
from harness.waiting import wait_for

SLOW = 180  # the driver asks every 10 s, and after a refusal waits for a minute


def start(home, model="q", heater=None, off=True, **settings):
    """It is off at first where that is possible, as heatbridge would switch it off and then leave it so for minutes."""
    emulator = Avalon(model)
    for name, value in settings.items():
        setattr(emulator, name, value)
    home.add("miner", emulator, driver="avalon", min_write="0 s", min_on="0 s", min_off="0 s", **(heater or {}))
    emulator.off = off and emulator.model["switch"] is not None
    return emulator


def confirmed(power_w):
    return lambda s: s.get("outcome") == "confirmed" and s["commanded_w"] == power_w


def switches(emulator, what):
    return [w for w in emulator.writes if w.startswith(f"0,{what}")]


def test_a_level_is_written_once_and_off_follows_the_miners_clock(home):
    """Its clock is two hours behind: a time of ours would switch it off in two hours."""
    miner = start(home, "q", clock_ahead_s=-7200, reset_second=True, think_s=0.05)
    home.start()
    home.heat(1300)
    state = home.wait_heater("miner", lambda s: confirmed(1300)(s) and s["power_w"] == 1315, "1300 W, as it reports them", SLOW)
    assert state["model"] == "Avalon Q" and state["power_source"] == "reported"
    assert state["pool"] == "pool.example.com:4444" and state["pool_link"] == "ok"
    assert len(miner.writes) == 2 and miner.writes[0] == "0,workmode,set,1" and miner.flash_writes == 1

    home.off()
    wait_for(lambda: miner.power_w == 0, "the miner being off", SLOW)
    state = home.wait_heater("miner", lambda s: confirmed(0)(s) and s["power_w"] < 50, "off", SLOW)
    assert state["power_source"] == "modelled"  # it goes on claiming 146 W
    asked = [int(w.split(":")[1]) for w in switches(miner, "soft")]
    assert len(asked) == 2 and all(abs(when - miner.clock()) < 600 for when in asked)
    assert miner.second_clients == 0 and miner.overlaps == 0 and miner.flash_writes == 1
    assert miner.asked(lambda request: "\n" in request or "{" in request) == []  # the text form, one command at a time


def test_off_is_said_again_after_a_power_cut(home):
    """It comes back mining when the power does, at its last level."""
    miner = start(home, "q")
    home.start()
    home.wait_heater("miner", lambda s: confirmed(0)(s) and s["link"] == "ok", "off", SLOW)
    assert miner.writes == []  # it was off
    miner.stop()
    home.wait_heater("miner", lambda s: s["link"] == "lost", "silence", SLOW)
    miner.start()
    assert miner.power_w > 0
    wait_for(lambda: miner.power_w == 0, "the miner being off again", SLOW)
    home.wait_heater("miner", lambda s: confirmed(0)(s) and s["link"] == "ok" and s["power_w"] < 50, "off", SLOW)
    assert len(miner.writes) == 1 and len(switches(miner, "softoff")) == 1


def test_it_wakes_at_the_ordered_level(home):
    """Its clock is ahead, softon is never answered, and no answer ends with a NUL."""
    miner = start(home, "q", clock_ahead_s=90000, answers_softon=False, no_nul=True)
    home.start()
    home.heat(1700)
    home.wait_heater("miner", lambda s: confirmed(1700)(s) and s["power_w"] == 1674, "1700 W", SLOW)
    assert miner.writes[0] == "0,workmode,set,2" and re.fullmatch(r"0,softon,1:\d+", miner.writes[1])
    assert len(miner.writes) == 2


def test_while_it_calibrates_the_order_waits_and_says_why(home):
    miner = start(home, "q", calibrating=True)
    home.start()
    home.heat(800)
    home.wait_heater("miner", confirmed(800), "800 W, which it is at", SLOW)
    home.order("power_limit", 1300)
    state = home.wait_heater("miner", lambda s: s.get("problem"), "a word about the calibration", SLOW)
    assert "calibrates" in state["problem_text"] and state["outcome"] == "pending"
    assert switches(miner, "workmode") == []  # it would only refuse
    miner.calibrating = False
    home.wait_heater("miner", lambda s: confirmed(1300)(s) and not s["problem"], "1300 W", SLOW)
    assert switches(miner, "workmode") == ["0,workmode,set,1"]


def test_a_refusal_that_was_not_foreseen_is_asked_again(home):
    """Firmware that does not tell ADJ refuses all the same."""
    miner = start(home, "q", calibrating=True, patch={"ADJ": None})
    home.start()
    home.heat(1300)
    state = home.wait_heater("miner", lambda s: s.get("problem"), "a word about the calibration", SLOW)
    assert "calibrates" in state["problem_text"]
    assert miner.writes == ["0,workmode,set,1"] and miner.flash_writes == 0
    miner.calibrating = False
    home.wait_heater("miner", confirmed(1300), "1300 W", SLOW)
    assert miner.flash_writes == 1


def lowest(home, power_w):
    """What one without a switch is at, after it was told to be off."""
    home.wait_heater("miner", lambda s: s.get("commanded_w") == 0 and s["outcome"] == "failed" and s["power_w"] == power_w,
                     "a refusal, and its lowest level", SLOW)


def test_a_nano_3s_cannot_be_switched_off(home):
    miner = start(home, "nano3s")
    home.start()
    lowest(home, 71)
    assert miner.writes == ["0,workmode,set,0"]
    assert "put a metering plug before it" in home.bridge.tail(200)
    home.heat()
    state = home.wait_heater("miner", lambda s: s.get("outcome") == "confirmed" and s["power_w"] == 133, "full power", SLOW)
    assert state["commanded_w"] == 133  # the device's own figure for that level
    home.off()
    lowest(home, 71)
    assert miner.writes[1:] == ["0,workmode,set,2", "0,workmode,set,0"]


def test_a_nano_3_tells_its_power_in_another_place(home):
    miner = start(home, "nano3")
    home.start()
    lowest(home, 61)
    home.heat()
    state = home.wait_heater("miner", lambda s: confirmed(125)(s) and s["power_w"] == 124, "its highest level", SLOW)
    assert state["hashrate_ths"] == 3.4 and state["fan"] is not None
    assert miner.writes == ["0,worklevel,set,0", "0,worklevel,set,2"]


def test_heating_mode_of_a_mini_3_is_told_and_left(home):
    """Its owner puts it back into Heating mode; heatbridge says so."""
    miner = start(home, "mini3")
    home.start()
    home.heat(500)
    home.wait_heater("miner", lambda s: confirmed(500)(s) and not s["problem"] and s["power_w"] == 512, "Mining mode, Eco", SLOW)
    assert miner.set == (1, -1)
    assert switches(miner, "work") == ["0,workmode,set,1", "0,worklevel,set,-1"]
    miner.set = miner.applied = (0, 0)
    state = home.wait_heater("miner", lambda s: s["problem"], "a problem", SLOW)
    assert "Heating mode" in state["problem_text"] and "own thermostat" in state["problem_text"]


def test_an_a15_restarts_to_wake_and_for_another_mode(home):
    miner = start(home, "a1566")
    home.start()
    home.heat()
    home.wait_heater("miner", lambda s: confirmed(3515)(s) and s["power_w"] == 3731 and s["power_source"] == "reported",
                     "its higher mode", SLOW)
    assert miner.writes == ["0,reboot,1"]  # it was in that mode
    home.order("power_limit", 2700)
    home.wait_heater("miner", lambda s: confirmed(2700)(s) and s["power_w"] == 2860, "normal mode", SLOW)
    assert miner.writes[1:] == ["0,workmode,0", "0,reboot,1"]
    home.off()
    home.wait_heater("miner", confirmed(0), "off", SLOW)
    assert miner.writes[3:] == ["0,softoff"] and miner.flash_writes == 1


def test_an_a15_wakes_in_another_mode_with_one_restart(home):
    """Although it says for a while that it is idle."""
    miner = start(home, "a1566", dozes_s=45, reboot_s=20)
    home.start()
    home.heat(2700)
    home.wait_heater("miner", lambda s: confirmed(2700)(s) and s["power_w"] == 2860, "normal mode", SLOW)
    assert miner.writes == ["0,workmode,0", "0,reboot,1"]


def test_an_old_a10_is_asked_for_its_mode(home):
    """Nor does it tell power at the wall, nor that it is off."""
    miner = start(home, "a1066")
    home.start()
    home.heat(2500)
    state = home.wait_heater("miner", lambda s: confirmed(2500)(s) and abs(s["power_w"] - 2560) < 3, "normal mode", SLOW)
    assert state["power_source"] == "modelled" and state["hashrate_ths"] > 0
    assert miner.writes == ["0,workmode,0", "0,reboot,1"]
    home.off()
    state = home.wait_heater("miner", lambda s: confirmed(0)(s) and s["power_w"] < 50, "off", SLOW)
    assert miner.writes[2:] == ["0,hashpower,0"] and state["hashrate_ths"] is None


def test_bad_fields_are_unknown_and_the_rest_is_used(home):
    start(home, "q", patch={"TMax": "hot", "PS": None, "FanR": "-5%", "ITemp": "-273"})
    home.start()
    home.heat(800)
    state = home.wait_heater("miner", confirmed(800), "800 W", SLOW)
    assert state["power_w"] is None and state["chip_c"] is None and state["fan"] is None and state["inlet_c"] is None
    assert state["model"] == "Avalon Q"


def test_a_fault_is_told(home):
    start(home, "q", fault=512)
    home.start()
    state = home.wait_heater("miner", lambda s: s.get("problem"), "a problem", SLOW)
    assert "ECHU 512" in state["problem_text"]


def test_one_that_protected_itself_is_restarted_once(home):
    """Its power supply was too hot, and its chips are cool by now."""
    miner = start(home, "q", patch={"PS": "4 1221 2245 33 740 2245 812", "TMax": 40})
    home.start()
    home.heat(800)
    wait_for(lambda: "0,reboot,0" in miner.writes, "a restart", SLOW)
    state = home.wait_heater("miner", lambda s: confirmed(800)(s) and s["problem"], "what is the matter", SLOW)
    assert "power supply is too hot" in state["problem_text"]
    assert switches(miner, "reboot") == ["0,reboot,0"]


def test_another_make_at_its_address_is_named(home):
    class Other(Avalon):
        def reads(self, command):
            code, message, name, rows = super().reads(command)
            return code, message, name, [dict(row, PROD="AvalonMiner 921", MODEL="921") for row in rows]

    home.add("miner", Other("q"), driver="avalon")
    home.start()
    wait_for(lambda: 'expected a Canaan Avalon' in home.bridge.tail(200), "a word about it", SLOW)
    assert '"AvalonMiner 921"' in home.bridge.tail(200)
