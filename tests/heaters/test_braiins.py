"""Braiins OS: a power target in watts, paused and resumed; old versions told so and left alone."""

import json

import pytest
from emulators.braiins import Braiins, BraiinsSocket, OldBraiins

CONFIG = {"driver": "braiins", "password": "root", "min_write": "0 s"}


def confirmed(power_w):
    return lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == power_w


def puts(miner):
    return [what.removeprefix("PUT /api/v1") for what in miner.writes()]


def rounds(miner):
    return len(miner.asked(lambda what: what.startswith("GET /api/v1/miner/stats")))


def start(home, **config):
    """Until the device is known."""
    home.start()
    home.wait_heater("miner", lambda s: s["model"], "the device")


def wait_rounds(home, miner, count):
    before = rounds(miner)
    home.wait_heater("miner", lambda s: rounds(miner) >= before + count, f"{count} more rounds")


def test_a_target_is_written_once_and_read_back(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    start(home)
    home.heat(2400)
    state = home.wait_heater("miner", confirmed(2400), "2400 W confirmed", 120)
    assert miner.target_w == 2400
    assert puts(miner).count('/performance/power-target {"watt":2400}') == 1
    assert state["model"] == "Antminer S21 Pro"
    assert state["firmware"] == "2026-04-14-0-912d084c-26.04-plus"
    assert state["pool"] == "example.pool.com:3333"
    state = home.wait_heater("miner", lambda s: s["power_w"] and abs(s["power_w"] - 2400) < 60, "it draws 2400 W")
    assert state["power_source"] == "reported"
    assert state["chip_c"] == pytest.approx(65.4) and state["fan"] == 92
    assert miner.overlaps == 0
    assert json.dumps(miner.recorded["/pools/"]) == miner.pools_before


def test_its_own_range_bounds_what_is_asked_of_it(home):
    miner = home.add("miner", Braiins(low_w=2000, high_w=3000), **CONFIG)
    home.start().heat()  # which is before it was asked for its range
    home.wait_heater("miner", confirmed(3000), "its largest power", 60)
    assert all(2000 <= json.loads(what.split()[1])["watt"] <= 3000 for what in puts(miner) if "power-target" in what)


def test_a_paused_miner_is_set_first_and_resumed_then(home):
    miner = Braiins()
    home.add("miner", miner, **CONFIG)
    with miner.lock:
        miner.state = "paused"
    start(home)
    home.heat(2400)
    home.wait_heater("miner", confirmed(2400), "2400 W confirmed", 120)
    assert miner.state == "normal"
    assert puts(miner)[-2:] == ['/performance/power-target {"watt":2400}', "/actions/resume"]


def test_a_token_that_ends_is_renewed_and_nobody_notices(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    miner.token_requests = 3
    start(home)
    home.heat(2400)
    state = home.wait_heater("miner", confirmed(2400), "2400 W confirmed", 120)
    assert miner.logins >= 3
    assert state["problem"] is False
    assert miner.flash_writes == 1


def test_refused_credentials_are_told_and_not_tried_again_and_again(home):
    miner = home.add("miner", Braiins(password="secret"), **CONFIG)
    home.start().heat(2400)
    state = home.wait_heater("miner", lambda s: s["problem"] and "password" in s["problem_text"], "the sentence")
    assert "heaters.miner.username and heaters.miner.password" in state["problem_text"]
    assert state["power_w"] is None
    assert miner.logins == 1
    assert miner.writes() == []


def test_what_the_device_refuses_is_told_and_it_stays_as_it_is(home):
    miner = home.add("miner", Braiins(), max_power="3000 W", **CONFIG)
    miner.changes["/configuration/constraints"] = lambda found: b"{}"  # only the device itself knows its range
    start(home)
    home.heat(900)
    home.bridge.wait_line("is not in allowed range [Some(1700), Some(3860)]", 60)
    assert miner.target_w == 3500 and miner.flash_writes == 0


def test_a_device_that_starts_or_stops_is_asked_again(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    miner.busy = True
    start(home)
    home.off()
    home.bridge.wait_line("is put off: HTTP 409 miner is stopping", 30)
    assert home.heater("miner")["outcome"] != "confirmed"
    assert miner.state == "normal"
    miner.busy = False
    home.wait_heater("miner", confirmed(0), "off confirmed", 60)


def test_a_miner_that_takes_no_target_now_is_not_resumed_at_its_old_one(home):
    miner = Braiins()
    home.add("miner", miner, **CONFIG)
    with miner.lock:
        miner.state, miner.takes_target = "paused", False
    start(home)
    home.heat(2400)
    home.bridge.wait_line("power-target is put off: HTTP 503 tuner is not ready", 60)
    wait_rounds(home, miner, 2)
    assert "/actions/resume" not in puts(miner) and miner.state == "paused"
    miner.takes_target = True
    home.heat(2600)
    home.wait_heater("miner", confirmed(2600), "2600 W confirmed", 120)
    assert puts(miner)[-2:] == ['/performance/power-target {"watt":2600}', "/actions/resume"]


def test_after_a_power_cut_the_order_is_given_again(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    start(home)
    home.off()
    home.wait_heater("miner", confirmed(0), "off confirmed", 60)
    assert miner.state == "paused"
    before = len(puts(miner))
    miner.stop()
    home.wait_heater("miner", lambda s: s["link"] == "lost", "lost", 60)
    miner.start()
    assert miner.state == "normal"
    home.wait_heater("miner", lambda s: miner.state == "paused", "paused again", 120)
    home.wait_heater("miner", lambda s: s["link"] == "ok" and s["outcome"] == "confirmed", "confirmed again", 60)
    assert puts(miner)[before:] == ["/actions/pause"]
    assert miner.target_w == 3500


def test_its_own_scaling_is_told_and_left_alone(home):
    miner = home.add("miner", Braiins("composed_25_11", low_w=1000), **CONFIG)
    miner.target_w, miner.scaled_w = 2800, 2200
    start(home)
    home.heat(2800)
    state = home.wait_heater("miner", lambda s: "it holds" in s["problem_text"], "the sentence", 120)
    assert "it holds 2200 W instead of the 2800 W that it is set to" in state["problem_text"]
    assert not [what for what in miner.writes() if "dps" in what]


def test_a_tuner_that_is_off_is_told_and_not_switched_on(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    miner.tuner_on = False
    start(home)
    home.heat(2400)
    home.bridge.wait_line("command refused: its tuner is off", 120)
    home.wait_heater("miner", lambda s: "its tuner is off" in s["problem_text"], "told")
    assert miner.target_w == 3500
    assert set(puts(miner)) <= {"/actions/pause"}


def test_bad_fields_become_unknown_and_the_rest_is_used(home):
    miner = home.add("miner", Braiins(), **CONFIG)

    def spoil(found):
        found["power_stats"]["approximated_consumption"]["watt"] = "much"
        found["pool_stats"]["accepted_shares"] = -1
        return json.dumps(found).replace('"best_share": 499065300', '"best_share": NaN').encode()

    miner.changes["/miner/stats"] = spoil
    start(home)
    home.heat(2400)
    state = home.wait_heater("miner", confirmed(2400), "2400 W confirmed", 120)
    assert state["power_w"] is None
    assert state["hashrate_ths"] > 0


@pytest.mark.parametrize("vice", ["redirect", "garbage"])
def test_nonsense_is_not_believed_and_an_honest_answer_is_taken_again(home, vice):
    miner = home.add("miner", Braiins(), **CONFIG)
    start(home)
    miner.vice = vice
    home.wait_heater("miner", lambda s: s["link"] == "lost", "lost", 60)
    miner.vice = None
    home.wait_heater("miner", lambda s: s["link"] == "ok", "back", 120)


def test_hash_boards_that_cannot_be_switched_off_show_what_they_draw(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    miner.nopic_w = 320
    start(home)
    home.off()
    home.wait_heater("miner", confirmed(0), "off confirmed", 60)
    home.wait_heater("miner", lambda s: s["power_w"] and abs(s["power_w"] - 320) < 30, "it draws 320 W")


def test_a_slow_tuner_is_waited_for_and_not_pushed(home):
    miner = home.add("miner", Braiins(tuner_s=3600), **CONFIG)
    start(home)
    home.heat(2400)
    home.wait_heater("miner", confirmed(2400), "2400 W confirmed, although it draws little yet", 120)
    home.bridge.wait_line("its tuner is tuning", 30)
    wait_rounds(home, miner, 2)
    assert puts(miner).count('/performance/power-target {"watt":2400}') == 1
    assert miner.restarts == 0


@pytest.mark.parametrize("make_socket, words, status", [
    (BraiinsSocket.boser, "its Braiins OS (boser-buildroot 0.1.0-75912fc7) is older than 25.07", 404),
    (BraiinsSocket.boser, "its Braiins OS (boser-buildroot 0.1.0-75912fc7) is older than 25.07", 405),
    (BraiinsSocket.bosminer, "is set only by its file bosminer.toml: give heaters.old driver: bosminer", 404),
])
def test_versions_without_the_interface_are_told_so_and_never_written_to(home, make_socket, words, status):
    """And which driver is theirs."""
    port = make_socket().start()
    home.emulators.append(port)
    old = home.add("old", OldBraiins(status), api_port=port.port, **CONFIG)
    home.start().heat()
    state = home.wait_heater("old", lambda s: s["problem"] and words in s["problem_text"], words)
    assert "metering plug" in state["problem_text"]
    assert state["power_w"] is None
    # The login is all that was sent to it: no setting, no file, no other interface.
    assert set(what.split(" {")[0] for what in old.asked(lambda what: True)) == {"POST /api/v1/auth/login"}
    assert set(port.asked(lambda what: True)) == {'{"command":"version"}'}
