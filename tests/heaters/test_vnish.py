"""VNish: throttling where the firmware can, presets where it cannot, tokens that end."""

from emulators.vnish import VnishEmulator
from harness.waiting import wait_for


def add(home, emulator=None, **config):
    return home.add("vnish", emulator or VnishEmulator(), driver="vnish", **{"settle": "0 s", **config})


def confirmed(home, accept, what, timeout=40):
    return home.wait_heater("vnish", lambda s: s["outcome"] == "confirmed" and accept(s["commanded_w"]), what, timeout)


def heated(home, limit_w):
    return confirmed(home, lambda w: 0 < w <= limit_w, f"up to {limit_w} W")["commanded_w"]


def off(home):
    home.off()
    confirmed(home, lambda w: w == 0, "off")


def test_throttles_without_a_restart(home):
    emulator = add(home)
    home.start()
    home.heat(1400)
    heated(home, 1400)
    assert emulator.throttled == 50
    home.order("power_limit", 700)
    heated(home, 700)
    assert emulator.throttled == 25
    assert emulator.restarts == 0 and not [w for w in emulator.writes if w.startswith("preset")]
    assert emulator.preset == "2800" and emulator.pools[0]["pass"] == "secret"
    state = home.wait_heater("vnish", lambda s: s["power_w"] == 700, "its power")
    assert state["hashrate_ths"] == 700 * 36 / 1000
    assert state["chip_c"] == 71 and state["board_c"] == 55 and state["fan"] == 68
    assert state["shares_accepted"] == 321, "the fee's shares are not ours"
    assert state["pool"] == "pool.example:3333"


def test_pauses_and_resumes_and_writes_only_what_changed(home):
    emulator = add(home)
    home.start()
    home.heat(1400)
    heated(home, 1400)
    off(home)
    assert emulator.state == "stopped"
    home.heat(1400)
    heated(home, 1400)
    assert emulator.writes.count("throttle 50") == 1
    assert emulator.writes[-2:] == ["pause", "resume"]


def test_old_firmware_is_given_a_tuned_preset(home):
    emulator = add(home, VnishEmulator("1.2.6"))
    home.start()
    home.heat(2100)
    assert heated(home, 2100) == 2000
    assert emulator.preset == "2000"
    assert not [w for w in emulator.writes if w.startswith("throttle")]
    home.order("power_limit", 4000)
    confirmed(home, lambda w: w == 2800, "the largest tuned preset")
    assert emulator.restarts >= 1, "a preset takes effect with a restart"
    assert emulator.pools[0]["pass"] == "secret", "the pools are not touched"


def test_a_token_that_ended_is_renewed(home):
    emulator = add(home)
    emulator.token_uses = 1
    home.start()
    home.heat(1400)
    heated(home, 1400)
    assert emulator.unlocks >= 2


def test_a_key_of_its_web_page_takes_the_place_of_the_password(home):
    emulator = VnishEmulator(password="other")
    emulator.keys.add("k" * 32)
    add(home, emulator, api_key="k" * 32)
    home.start()
    home.heat(1400)
    heated(home, 1400)
    assert emulator.unlocks == 0


def test_says_that_the_password_is_wrong(home):
    emulator = add(home, VnishEmulator(password="other"))
    home.start()
    home.heat(1400)
    home.bridge.wait_line("set heaters.vnish.password", 40)
    assert not emulator.writes


def test_says_why_it_refuses(home):
    emulator = add(home)
    emulator.refuse = "mining is locked"
    home.start()
    home.heat(1400)
    home.bridge.wait_line("mining is locked", 40)


def test_starts_it_if_it_does_not_resume(home):
    emulator = add(home)
    emulator.stubborn = True
    home.start()
    off(home)
    home.heat(1400)
    wait_for(lambda: "start" in emulator.writes and emulator.state == "mining", "a start", 120)


def test_is_paused_again_after_a_power_cut(home):
    emulator = add(home)
    home.start()
    off(home)
    emulator.stop()
    emulator.start()
    assert emulator.state == "mining"
    wait_for(lambda: emulator.state == "stopped", "it is paused again", 90)


def test_what_is_only_acknowledged_is_never_shown_as_done(home):
    emulator = add(home)
    emulator.silent = True
    home.start()
    home.heat(1400)
    home.wait_heater("vnish", lambda s: s["outcome"] == "failed", "failure", 120)
    assert emulator.throttled == 100


def test_a_bad_field_is_unknown_and_the_rest_is_used(home):
    emulator = add(home)
    emulator.bad = True
    home.start()
    state = home.wait_heater("vnish", lambda s: s["chip_c"] is not None, "a reading")
    assert state["power_w"] is None
