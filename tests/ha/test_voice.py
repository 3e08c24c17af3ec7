"""A spoken sentence, through Home Assistant's own voice assistant."""

import pytest


def test_question(home):
    kind, answer = home.ha.say("what is the temperature of living room")
    assert (kind, answer) == ("query_answer", "19.4 degrees")


def test_set_the_temperature(home):
    if not home.lane.modern:
        pytest.skip("this version has no sentence that sets a temperature")
    kind, answer = home.ha.say("set the temperature of living room to 22 degrees")
    assert kind == "action_done", answer
    home.wait(lambda a: a["temperature"] == 22, 1)
    home.assert_hashing()
    kind, answer = home.ha.say("set the temperature in the living room to 16 degrees")
    assert kind == "action_done", answer
    home.wait(lambda a: a["temperature"] == 16, 1)
    home.assert_resting()


def test_turn_off_and_on(home):
    kind, answer = home.ha.say("turn off living room")
    assert kind == "action_done", answer
    home.wait(lambda a: a["state"] == "off", 1)
    home.assert_resting()
    kind, answer = home.ha.say("turn on living room")
    assert kind == "action_done", answer
    home.wait(lambda a: a["state"] == "heat", 1)
