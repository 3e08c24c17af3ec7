"""WhatsMiner, API 2 and 3: percentage before limit, tokens, and what it only pretends to do."""

import pytest

from emulators.whatsminer import WhatsminerV2, WhatsminerV3
from harness.waiting import wait_for


@pytest.fixture(params=["v2", "v3"])
def api(request):
    return request.param


def add(home, api, **config):
    emulator = WhatsminerV2() if api == "v2" else WhatsminerV3()
    return home.add("wm", emulator, driver="whatsminer", **{"settle": "1 s", "min_write": "0 s", "api": api, **config})


def told(state):
    return state["outcome"] == "confirmed"


def heated(home, emulator, power_w, timeout=60):
    """Waits until the heater is known to hold that power."""
    state = home.wait_heater("wm", lambda s: told(s) and s["commanded_w"] == power_w, f"{power_w} W", timeout)
    assert emulator.miner.watts == power_w
    return state


def switched_off(home, emulator, timeout=60):
    home.wait_heater("wm", lambda s: told(s) and s["commanded_w"] == 0, "off", timeout)
    assert emulator.miner.off


def tokens(emulator):
    return len(emulator.asked(lambda request: '"get_token"' in request or '"salt"' in request))


def test_reads_what_the_device_tells(home, api):
    emulator = add(home, api)
    home.start()
    home.heat(1650)
    heated(home, emulator, 1650)
    state = home.wait_heater("wm", lambda s: s["power_w"] == 1650, "its power")
    assert state["hashrate_ths"] == emulator.miner.ths == 63
    assert state["board_c"] == 67
    assert state["inlet_c"] == 28.5
    assert state["chip_c"] == (81 if api == "v2" else 82)
    assert state["pool"] == "pool.example:3333"
    assert state["fan"] is None
    assert not state["problem"]


def test_is_throttled_and_switched_without_a_restart(home, api):
    emulator = add(home, api)
    home.start()
    home.heat(1650)
    heated(home, emulator, 1650)
    home.off()
    switched_off(home, emulator)
    home.heat(2640)
    heated(home, emulator, 2640)
    home.order("power_limit", 1320)
    heated(home, emulator, 1320)
    assert emulator.miner.limit_w == 3300
    assert emulator.miner.restarts == 0
    assert [w for w in emulator.miner.writes if w.startswith("percent")][-1] == "percent 40"


def test_writes_only_what_changed(home, api):
    emulator = add(home, api)
    home.start()
    home.heat(1650)
    heated(home, emulator, 1650)
    written = list(emulator.miner.writes)
    assert written[-1] == "percent 50"
    read = len(emulator.requests)
    wait_for(lambda: len(emulator.requests) > read + 20, "some more readings", 120)
    assert emulator.miner.writes == written


def test_one_token_serves_many_commands(home):
    emulator = add(home, "v2")
    home.start()
    for power_w in (1650, 1980, 2310):
        home.heat(power_w)
        heated(home, emulator, power_w)
    assert emulator.given == 1


def test_the_limit_is_raised_only_where_no_percentage_will_do(home, api):
    emulator = add(home, api, max_power=3500)
    home.start()
    home.heat(3300)
    heated(home, emulator, 3300)
    assert not [w for w in emulator.miner.writes if w.startswith("limit")]
    home.order("power_limit", 3500)
    heated(home, emulator, 3500, 120)
    assert [w for w in emulator.miner.writes if w.startswith("limit")] == ["limit 3500"]
    assert emulator.miner.restarts == 1
    home.order("power_limit", 1750)
    heated(home, emulator, 1750)
    assert emulator.miner.restarts == 1


def test_a_limit_that_it_ignores_is_found_out(home, api):
    emulator = add(home, api, max_power=4000)
    home.start()
    home.heat(4000)
    home.bridge.wait_line("so its model does not allow that: set heaters.wm.max_power", 120)
    heated(home, emulator, 3300, 120)
    assert emulator.miner.limit_w == 3300
    assert len([w for w in emulator.miner.writes if w.startswith("limit")]) <= 2


def test_is_told_again_after_a_power_cut(home, api):
    emulator = add(home, api)
    home.start()
    home.heat(1650)
    heated(home, emulator, 1650)
    emulator.stop()
    emulator.start()
    assert emulator.miner.watts == 3300, "it forgot its percentage"
    wait_for(lambda: emulator.miner.watts == 1650, "it is throttled again", 90)
    home.off()
    switched_off(home, emulator)
    emulator.stop()
    emulator.start()
    assert not emulator.miner.off, "it mines by itself after a power cut"
    wait_for(lambda: emulator.miner.off, "it is off again", 90)


def test_a_token_that_is_too_old_is_renewed(home, api):
    emulator = add(home, api)
    emulator.short_tokens = 1
    home.start()
    home.heat(1650)
    heated(home, emulator, 1650)
    assert tokens(emulator) == (2 if api == "v2" else 1)


def test_another_password_is_told_and_not_tried_again_and_again(home, api):
    emulator = add(home, api, password="wrong")
    home.start()
    home.heat(1650)
    state = home.wait_heater("wm", lambda s: s["problem"] and "heaters.wm.password" in s["problem_text"], "the problem", 60)
    assert state["outcome"] == "failed"
    read = len(emulator.requests)
    wait_for(lambda: len(emulator.requests) > read + 14, "two more rounds", 120)
    assert tokens(emulator) <= 4
    assert emulator.miner.writes == []
    assert home.heater("wm")["link"] == "ok", "it is read all the same"


def test_the_right_password_is_taken_from_the_configuration(home, api):
    emulator = add(home, api, password="my own")
    emulator.password = "my own"
    home.start()
    home.heat(1650)
    heated(home, emulator, 1650)


def test_a_closed_api_is_told_in_one_sentence(home, api):
    emulator = add(home, api)
    emulator.miner.write_api = False
    home.start()
    home.heat(1650)
    state = home.wait_heater("wm", lambda s: s["problem"] and "WhatsMinerTool" in s["problem_text"], "the problem", 60)
    assert "Miner API Switch" in state["problem_text"]
    assert state["outcome"] == "failed"
    assert emulator.miner.writes == []


def test_what_is_only_acknowledged_is_never_shown_as_done(home, api):
    emulator = add(home, api)
    emulator.miner.silent = True
    home.start()
    home.heat(1650)
    home.wait_heater("wm", lambda s: s["outcome"] == "failed", "failure", 120)
    assert emulator.miner.watts == 3300


def test_firmware_that_does_not_tell_its_percentage_is_judged_by_its_power(home, api):
    emulator = add(home, api)
    emulator.miner.tells_percent = False
    home.start()
    home.heat(1650)
    heated(home, emulator, 1650)
    home.off()
    switched_off(home, emulator)
    emulator.miner.silent = True
    home.heat(1650)
    home.wait_heater("wm", lambda s: s["outcome"] == "failed", "failure", 120)


def test_while_it_heats_up_it_is_waited_for(home, api):
    emulator = add(home, api)
    emulator.miner.ramping = True
    home.start()
    home.heat(1650)
    sent = "set_power_pct" if api == "v2" else "set.miner.power_percent"
    wait_for(lambda: emulator.asked(lambda request: sent in request), "a percentage is sent", 60)
    home.wait_heater("wm", lambda s: s["outcome"] != "confirmed", "not done")
    emulator.miner.ramping = False
    heated(home, emulator, 1650)


def test_a_miner_without_tokens_is_asked_later(home):
    emulator = add(home, "v2")
    emulator.token_limit = 0
    home.start()
    home.heat(1650)
    wait_for(lambda: tokens(emulator) >= 2, "it is asked again", 60)
    assert emulator.miner.writes == []
    emulator.token_limit = None
    heated(home, emulator, 1650)


def test_errors_are_told_in_words(home, api):
    emulator = add(home, api)
    emulator.miner.error_codes = [110, 352]
    home.start()
    state = home.wait_heater("wm", lambda s: s["problem"], "the problem")
    assert state["problem_text"] == "it reports error 352: a hash board protects itself from heat (and 1 more)"


def test_a_bad_field_is_unknown_and_the_rest_is_used(home, api):
    emulator = add(home, api)
    emulator.miner.bad = True
    home.start()
    home.heat(1650)
    heated(home, emulator, 1650)
    state = home.wait_heater("wm", lambda s: s["hashrate_ths"] == 63, "a reading")
    assert state["power_w"] is None


@pytest.mark.parametrize("vice", ["garbage", "refuse", "dribble"])
def test_a_hostile_device_is_lost_and_comes_back(home, api, vice):
    emulator = add(home, api)
    home.start()
    home.wait_heater("wm", lambda s: s["link"] == "ok", "it answers")
    emulator.vice = vice
    home.wait_heater("wm", lambda s: s["link"] == "lost", "it is lost", 120)
    emulator.vice = None
    home.wait_heater("wm", lambda s: s["link"] == "ok", "it answers again", 120)
