"""ePIC: a power target where its firmware has one, tune presets where it has not."""

from emulators.epic import EpicEmulator
from harness.waiting import wait_for


def add(home, emulator=None, **config):
    return home.add("epic", emulator or EpicEmulator(), driver="epic", **{"settle": "0 s", **config})


def confirmed(home, accept, what, timeout=60):
    return home.wait_heater("epic", lambda s: s["outcome"] == "confirmed" and accept(s["commanded_w"]), what, timeout)


def off(home):
    home.off()
    confirmed(home, lambda w: w == 0, "off")


def test_tunes_to_watts(home):
    emulator = add(home)
    home.start()
    home.heat(1500)
    confirmed(home, lambda w: w == 1500, "1500 W")
    assert (emulator.algorithm, emulator.target) == ("Power", 1500)
    state = home.wait_heater("epic", lambda s: s["power_w"] == 1500, "its power")
    assert round(state["hashrate_ths"], 6) == 63
    assert state["board_c"] == 62 and state["fan"] == 45
    assert state["pool"] == "pool.example:3334"
    assert state["shares_accepted"] == 915 and state["shares_rejected"] == 2


def test_what_the_owner_chose_beside_the_target_is_kept(home):
    emulator = add(home)
    home.start()
    home.heat(1500)
    confirmed(home, lambda w: w == 1500, "1500 W")
    assert emulator.throttle == {"Min Throttle Target": 50, "Throttle Step": 5}


def test_stops_and_starts_and_writes_only_what_changed(home):
    emulator = add(home)
    home.start()
    home.heat(1500)
    confirmed(home, lambda w: w == 1500, "1500 W")
    off(home)
    assert emulator.state == "Idling"
    home.heat(1500)
    confirmed(home, lambda w: w == 1500, "1500 W")
    assert len([w for w in emulator.writes if w[0] == "perpetualtune/algo"]) == 1
    assert emulator.writes[-2:] == [("miner", "Stop"), ("miner", "Autostart")]


def test_without_a_power_target_its_presets_are_the_levels(home):
    emulator = add(home, EpicEmulator(by_power=False))
    home.start()
    home.heat(2300)
    confirmed(home, lambda w: w == 2200, "2200 W")
    assert (emulator.algorithm, emulator.target) == ("VoltageOptimizer", 101)


def test_tuning_that_is_off_is_switched_on(home):
    emulator = add(home)
    emulator.tuning = False
    home.start()
    home.heat(1500)
    confirmed(home, lambda w: w == 1500, "1500 W")
    assert ("perpetualtune", True) in emulator.writes


def test_a_command_that_is_put_off_is_given_again(home):
    emulator = add(home)
    home.start()
    off(home)
    emulator.pending = 2
    home.heat(1500)
    confirmed(home, lambda w: w == 1500, "1500 W", 90)


def test_says_that_the_password_is_wrong(home):
    emulator = add(home, EpicEmulator(password="other"))
    home.start()
    home.bridge.wait_line("set heaters.epic.password", 40)
    assert not emulator.writes


def test_says_why_it_refuses(home):
    emulator = add(home)
    emulator.refuse = "NoHashboardsEnabled"
    home.start()
    home.heat(1500)
    home.bridge.wait_line("NoHashboardsEnabled", 40)


def test_is_given_the_power_again_that_another_changed(home):
    emulator = add(home)
    home.start()
    home.heat(1500)
    confirmed(home, lambda w: w == 1500, "1500 W")
    emulator.target = 3300
    wait_for(lambda: emulator.target == 1500, "its target is set again", 120)


def test_is_read_though_it_fails_to_tell_its_network(home):
    emulator = add(home)
    emulator.cannot_tell.add("network")
    home.start()
    home.heat(1500)
    confirmed(home, lambda w: w == 1500, "1500 W")


def test_what_is_only_acknowledged_is_never_shown_as_done(home):
    emulator = add(home)
    emulator.silent = True
    home.start()
    home.heat(1500)
    home.wait_heater("epic", lambda s: s["outcome"] == "failed", "failure", 120)
    assert emulator.target == 3000


def test_a_bad_field_is_unknown_and_the_rest_is_used(home):
    emulator = add(home)
    emulator.bad = True
    home.start()
    state = home.wait_heater("epic", lambda s: s["board_c"] == 62, "a reading")
    assert state["power_w"] is None
