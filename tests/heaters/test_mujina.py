"""heatbridge against mujina's HTTP API, over real sockets."""

import json

import pytest
from emulators.mujina import Mujina
from harness.waiting import wait_for


def add(home, emulator, **config):
    return home.add("usb", emulator, driver="mujina", **config)


def writes(emulator):
    return [json.loads(what.split(" ", 2)[2]) for what in emulator.asked(lambda w: not w.startswith("GET"))]


def confirmed(state):
    return state.get("outcome") == "confirmed"


def test_on_and_off_and_off_again_after_a_restart(home):
    usb = add(home, Mujina())
    usb.paused = True
    home.start()
    home.heat()
    state = home.wait_heater("usb", lambda s: confirmed(s) and s["commanded_w"] > 0, "heat", 60)
    assert not usb.paused and writes(usb)[-1] == {"paused": False}
    assert state["model"] == "mujina: Bitaxe Gamma" and state["pool"] == "pool.example:3333"
    home.wait_heater("usb", lambda s: s["power_w"] == 15.5 and s["hashrate_ths"] == 1.07 and s["chip_c"] == 58.5, "readings")
    del usb.requests[:]
    home.order("power_limit", 1)
    home.wait_heater("usb", lambda s: confirmed(s) and s["commanded_w"] == 0, "off", 60)
    assert usb.paused and writes(usb) == [{"paused": True}]
    usb.stop()
    usb.start()
    wait_for(lambda: usb.paused, "the pause, said again", 40)


def test_a_pause_in_name_only_is_not_shown_as_done(home):
    """What it does as of August 2026."""
    usb = add(home, Mujina(stops=False))
    home.start()
    home.order("mode", "off")
    state = home.wait_heater("usb", lambda s: "hashes on" in s.get("problem_text", ""), "the sentence", 90)
    assert usb.paused and state["power_w"] == 15.5
    assert not confirmed(state)


def test_several_boards_are_one_heater(home):
    usb = add(home, Mujina(boards=3), power="50 W")
    home.start()
    home.heat()
    state = home.wait_heater("usb", lambda s: confirmed(s) and s["commanded_w"] == 50, "heat", 90)
    assert state["power_w"] == pytest.approx(46.5) and state["model"] == "mujina: Bitaxe Gamma and 2 more"
    assert not usb.paused


def test_a_deaf_one_and_bad_fields(home):
    usb = add(home, Mujina())
    usb.deaf = True
    usb.extra = {"hashrate": "fast", "uptime_secs": None}
    home.start()
    home.order("mode", "off")
    state = home.wait_heater("usb", lambda s: s.get("outcome") == "failed", "the failure", 60)
    assert "does not pause" in state["outcome_text"] + state["problem_text"]
    assert state["hashrate_ths"] is None and state["power_w"] == 15.5 and state["bad_fields"] >= 2


def test_another_server_is_told_so(home):
    usb = add(home, Mujina())
    usb.answer = lambda *_: (404, {}, b"")
    home.start()
    home.wait_heater("usb", lambda s: "7785" in s.get("problem_text", ""), "the sentence", 60)
