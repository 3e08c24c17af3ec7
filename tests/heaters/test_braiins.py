"""Braiins OS: a power target in watts, paused and resumed; old versions told so and left alone."""

import json
import time

import pytest
from emulators.braiins import Braiins, BraiinsSocket, OldBraiins

CONFIG = {"driver": "braiins", "password": "root"}


def confirmed(power_w):
    return lambda s: s["command"] == "confirmed" and s["applied_w"] == power_w


def puts(miner):
    return [what.removeprefix("PUT /api/v1") for what in miner.writes()]


def test_a_target_is_read_back_from_the_device_and_written_once(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    home.start().heat(2400)
    state = home.wait_heater("miner", confirmed(2400), "2400 W confirmed")
    assert miner.target_w == 2400
    assert puts(miner) == ['/performance/power-target {"watt":2400}']
    assert state["model"] == "Antminer S21 Pro"
    assert state["pool"] == "example.pool.com:3333"
    state = home.wait_heater("miner", lambda s: s["power_w"] and abs(s["power_w"] - 2400) < 60, "it draws 2400 W")
    assert state["power_source"] == "reported"
    assert state["chip_c"] == pytest.approx(65.4) and state["fan"] == 92
    assert miner.overlaps == 0


def test_its_own_range_bounds_what_is_asked_of_it(home):
    miner = home.add("miner", Braiins(low_w=2000, high_w=3000), **CONFIG)
    home.start().heat()
    home.wait_heater("miner", confirmed(3000), "its largest power")
    assert puts(miner)[-1] == '/performance/power-target {"watt":3000}'


def test_off_pauses_and_on_sets_the_target_before_it_resumes(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    miner.state = "paused"
    home.start()
    home.wait_heater("miner", lambda s: s["applied_w"] == 0, "it is paused" if miner.state else "")
    home.off()
    time_of_off = len(miner.writes())
    home.wait_heater("miner", lambda s: s["applied_w"] in (0, 3500), "known")
    miner_started = miner.state
    home.heat(2400)
    home.wait_heater("miner", confirmed(2400), "2400 W confirmed")
    assert miner_started in ("normal", "paused") and time_of_off <= len(miner.writes())
    assert miner.state == "normal"


def test_a_token_that_ends_is_renewed_once_and_nobody_notices(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    miner.token_requests = 5
    home.start().heat(2400)
    home.wait_heater("miner", confirmed(2400), "2400 W confirmed")
    assert miner.logins >= 2
    assert home.heater("miner")["problem"] is False


def test_refused_credentials_are_told_and_not_tried_again_and_again(home):
    miner = home.add("miner", Braiins(password="secret"), **CONFIG)
    home.start().heat(2400)
    state = home.wait_heater("miner", lambda s: s["problem"] and "password" in s["problem_text"], "the sentence")
    assert "heaters.miner.username and heaters.miner.password" in state["problem_text"]
    assert miner.logins <= 2
    assert miner.writes() == []


def test_what_it_refuses_is_told_and_it_stays_as_it_is(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    miner.changes["/configuration/constraints"] = lambda found: b"{}"  # so that only the device knows its range
    home.start().heat(900)
    home.wait_heater("miner", lambda s: s["command"] == "failed", "the refusal")
    assert miner.target_w == 3500 and miner.flash_writes == 0
    home.bridge.wait_output("is not in allowed range [Some(1700), Some(3860)]", 30)


def test_a_device_that_starts_or_stops_is_asked_again(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    miner.busy = True
    home.start()
    home.watcher.wait_topic("heatbridge/room/state")
    home.wait_heater("miner", lambda s: s["applied_w"] == 3500, "known")
    assert home.heater("miner")["command"] != "confirmed" or miner.state == "normal"


def test_after_a_power_cut_the_order_is_given_again(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    home.start()
    home.watcher.wait_topic("heatbridge/room/state")
    home.off()
    home.wait_heater("miner", confirmed(0), "off confirmed")
    assert miner.state == "paused"
    before = len(miner.writes())
    miner.stop()
    home.wait_heater("miner", lambda s: s["link"] == "lost", "lost", 60)
    miner.start()
    assert miner.state == "normal"
    home.wait_heater("miner", lambda s: s["link"] == "ok" and s["applied_w"] == 0, "paused again", 120)
    assert miner.state == "paused"
    assert puts(miner)[before:] == ["/actions/pause"]
    assert miner.target_w == 3500


def test_its_own_scaling_is_told_and_left_alone(home):
    miner = home.add("miner", Braiins("25_11"), **CONFIG)
    miner.target_w, miner.scaled_w = 3031, 2431
    home.start()
    state = home.wait_heater("miner", lambda s: s["problem"], "the sentence")
    assert "it holds 2431 W instead of the 3031 W that it is set to" in state["problem_text"]
    assert state["applied_w"] == 2431
    assert not [what for what in miner.writes() if "dps" in what]


def test_a_tuner_that_is_off_is_told_and_not_switched_on(home):
    miner = home.add("miner", Braiins(), **CONFIG)
    miner.tuner_on = False
    home.start().heat(2400)
    home.bridge.wait_output("switch the tuner on", 30)
    assert "its tuner is off" in home.wait_heater("miner", lambda s: s["problem"], "told")["problem_text"]
    assert miner.target_w == 3500 and miner.writes() == []


def test_bad_fields_become_unknown_and_the_rest_is_used(home):
    miner = home.add("miner", Braiins(), **CONFIG)

    def spoil(found):
        found["power_stats"]["approximated_consumption"]["watt"] = "much"
        found["pool_stats"]["accepted_shares"] = -1
        return json.dumps(found).replace('"best_share": 499065300', '"best_share": NaN').encode()

    miner.changes["/miner/stats"] = spoil
    home.start().heat(2400)
    state = home.wait_heater("miner", confirmed(2400), "2400 W confirmed")
    assert state["power_w"] is None
    assert state["hashrate_ths"] > 0


@pytest.mark.parametrize("socket, words", [
    (BraiinsSocket.boser, "its Braiins OS (boser-openwrt 0.1.0-11012d53) is older than 25.07"),
    (BraiinsSocket.bosminer, "is set only by its file bosminer.toml, which is never written from here"),
])
@pytest.mark.parametrize("status", [404, 405])
def test_versions_without_the_interface_are_told_so_and_never_written_to(home, socket, words, status):
    port = socket().start()
    home.emulators.append(port)
    old = home.add("old", OldBraiins(status), api_port=port.port, **CONFIG)
    home.start().heat()
    state = home.wait_heater("old", lambda s: s["problem"] and words in s["problem_text"], words)
    assert "metering plug" in state["problem_text"]
    assert state["power_w"] is None and state["link"] != "ok"
    assert old.asked(lambda what: what.split()[0] not in ("GET", "POST")) == []
    assert {what.split()[1] for what in old.asked(lambda what: what.startswith("POST"))} == {"/api/v1/auth/login"}
    assert set(port.asked(lambda what: True)) == {'{"command":"version"}'}


def test_a_slow_tuner_is_waited_for_and_not_pushed(home):
    miner = home.add("miner", Braiins(tuner_s=3600), **CONFIG)
    home.start().heat(2400)
    home.wait_heater("miner", confirmed(2400), "2400 W confirmed, although it draws little yet")
    seen = len(miner.asked(lambda what: "tuner-state" in what))
    home.wait_heater("miner", lambda s: len(miner.asked(lambda what: "tuner-state" in what)) >= seen + 3, "three rounds")
    assert puts(miner) == ['/performance/power-target {"watt":2400}']
    assert json.dumps(miner.recorded["/pools/"]) == miner.pools_before
    assert time.monotonic() > 0
