"""LuxOS: profiles, sleep, its one session, its automatic."""

from emulators.luxos import LuxosEmulator
from harness.waiting import wait_for


def add(home, **config):
    return home.add("lux", LuxosEmulator(), driver="luxos", **{"settle": "0 s", **config})


def told(state):
    return state["outcome"] == "confirmed"


def heated(home, emulator, limit_w):
    """Waits until the heater obeys a command to heat; its power."""
    state = home.wait_heater("lux", lambda s: told(s) and 0 < (s["commanded_w"] or 0) <= limit_w, f"up to {limit_w} W")
    assert emulator.profiles[emulator.profile]["Watts"] == state["commanded_w"]
    assert not emulator.asleep
    return state["commanded_w"]


def asked(emulator, command):
    return emulator.asked(lambda request: f'"{command}"' in request)


def test_reads_what_the_device_tells(home):
    emulator = add(home)
    home.start()
    home.heat(1500)
    power_w = heated(home, emulator, 1500)
    state = home.wait_heater("lux", lambda s: s["power_w"] == power_w, "the profile's power")
    assert state["hashrate_ths"] == emulator.ghs() / 1000
    assert state["board_c"] == 47
    assert state["fan"] == 20
    assert state["pool"] == "pool.example:3333"
    assert state["shares_accepted"] == 1483


def test_heats_by_profile_and_sleeps(home):
    emulator = add(home)
    home.start()
    home.heat(1500)
    first = heated(home, emulator, 1500)
    home.off()
    home.wait_heater("lux", lambda s: told(s) and s["commanded_w"] == 0, "sleep")
    assert emulator.asleep
    home.heat(2400)
    second = heated(home, emulator, 2400)
    assert second > first
    assert emulator.session is None, "the session is closed after each change"
    assert emulator.killed == 0 and not asked(emulator, "kill")


def test_writes_only_what_changed(home):
    emulator = add(home)
    home.start()
    home.heat(1500)
    heated(home, emulator, 1500)
    home.off()
    home.wait_heater("lux", lambda s: told(s) and s["commanded_w"] == 0, "sleep")
    home.heat(1500)
    heated(home, emulator, 1500)
    assert len([w for w in emulator.writes if w.startswith("profileset")]) == 1, "the profile was right already"
    assert emulator.writes[-2:] == ["curtail sleep", "curtail wakeup"]


def test_is_told_to_sleep_again_after_a_power_cut(home):
    emulator = add(home)
    emulator.asleep = False
    home.start()
    home.off()
    home.wait_heater("lux", lambda s: told(s) and s["commanded_w"] == 0, "sleep")
    emulator.stop()
    emulator.start()
    assert not emulator.asleep
    wait_for(lambda: emulator.asleep, "it sleeps again", 90)


def test_waits_for_the_session_and_ends_nobody_elses(home):
    emulator = add(home, session_wait="20 s")
    emulator.busy = True
    home.start()
    home.heat(1500)
    wait_for(lambda: len(asked(emulator, "logon")) >= 2, "it asks for the session again", 60)
    emulator.busy = False
    heated(home, emulator, 1500)
    assert emulator.killed == 0


def test_says_that_the_session_is_taken(home):
    emulator = add(home, session_wait="0 s")
    emulator.busy = True
    home.start()
    home.heat(1500)
    home.bridge.wait_line("holds the session of LuxOS", 60)
    assert emulator.killed == 0 and not emulator.writes


def test_a_session_that_ends_too_early_is_opened_once_more(home):
    emulator = add(home)
    emulator.short_sessions = True
    home.start()
    home.heat(1500)
    heated(home, emulator, 1500)
    assert emulator.sessions == len(asked(emulator, "logoff")) + 1, "all but that one were closed"


def test_wakes_it_first_if_it_takes_no_profile_asleep(home):
    emulator = add(home)
    emulator.asleep = True
    emulator.no_profile_asleep = True
    home.start()
    emulator.asleep = True
    home.heat(1500)
    heated(home, emulator, 1500)


def test_says_when_its_automatic_moves_the_profile(home):
    emulator = add(home)
    home.start()
    home.heat(1500)
    heated(home, emulator, 1500)
    emulator.atm_moves("540MHz")
    state = home.wait_heater("lux", lambda s: s["problem"] and "ATM" in s["problem_text"], "the problem", 60)
    assert "540MHz" in state["problem_text"]


def test_what_is_only_acknowledged_is_never_shown_as_done(home):
    emulator = add(home)
    emulator.silent = True
    home.start()
    home.heat(1500)
    home.wait_heater("lux", lambda s: s["outcome"] == "failed", "failure", 120)
    assert emulator.profile == "290MHz"


def test_a_bad_field_is_unknown_and_the_rest_is_used(home):
    emulator = add(home)
    emulator.bad = True
    home.start()
    state = home.wait_heater("lux", lambda s: s["hashrate_ths"] is not None, "a reading")
    assert state["power_w"] is None
