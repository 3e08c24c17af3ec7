"""A home in Fahrenheit: the same room, read and set in other units."""

import pytest

from harness.home import CLIMATE


@pytest.fixture
def american(home):
    """A second Home Assistant, in US units, on the same broker."""
    ha = home.add_home_assistant("us_customary")
    ha.wait_available(CLIMATE, timeout=30)
    yield ha
    complaints = ha.complaints()
    ha.close()
    assert not complaints, "\n".join(complaints)


def _attributes(ha, accept):
    return ha.wait_state(CLIMATE, lambda s: accept(s["attributes"]))[0]["attributes"]


def test_readings(american):
    """19.4 °C are 66.9 °F, 21 °C are 69.8 °F; the limits are converted too."""
    attributes = _attributes(american, lambda a: a.get("current_temperature") is not None)
    assert attributes["current_temperature"] == pytest.approx(66.9, abs=0.06)
    assert attributes["temperature"] == pytest.approx(69.8, abs=0.06)
    assert attributes["min_temp"] == pytest.approx(41, abs=9)
    assert attributes["max_temp"] == pytest.approx(86, abs=9)


def test_set_point(home, american):
    """70 °F arrive as 21.11111111111111; the room takes 21 °C, and both Home Assistants say so."""
    american.call("climate.set_temperature", entity_id=CLIMATE, temperature=74)
    home.wait(lambda a: a["temperature"] == 23.5, 1)
    american.call("climate.set_temperature", entity_id=CLIMATE, temperature=70)
    home.wait(lambda a: a["temperature"] == 21, 1)
    american.wait_state(CLIMATE, lambda s: abs(s["attributes"]["temperature"] - 69.8) < 0.06, 1)
    home.assert_hashing()
    american.call("climate.set_temperature", entity_id=CLIMATE, temperature=60)
    home.wait(lambda a: a["temperature"] == 15.5, 1)
    home.assert_resting()
