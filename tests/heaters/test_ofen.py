"""21energy: five levels counted from 0, read back; the scenario of the hallway heater that is told to boost."""

import pytest
from emulators.ofen import Ofen, Port21

OFEN = {"driver": "ofen", "min_write": "0 s"}
PORT = {"driver": "port21", "levels": [1800, 2800, 3800, 4800, 5800], "min_write": "0 s"}


def confirmed(power_w):
    return lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == power_w


def levels(heater):
    return [what for what in heater.posts() if "powerTarget" in what or "powerLevel" in what]


def start(home):
    home.start()
    home.wait_heater("ofen", lambda s: s["model"], "the device")


@pytest.mark.parametrize("form", ["forge", "older"])
def test_boost_sets_level_4_once_and_reads_it_back(home, form):
    """P1-wire; that nothing sends a level 5 is the next test's, and test_ofen.c's."""
    ofen = home.add("ofen", Ofen(form), **OFEN)
    start(home)
    home.watcher.wait_topic("heatbridge/room/state")
    home.order("mode", "heat")
    home.order("preset", "boost")
    state = home.wait_heater("ofen", confirmed(2900), "level 4 confirmed", 300)
    assert levels(ofen) == ["POST /21control/heater/powerTarget/4"]
    last = ofen.asked(lambda what: "powerTarget" in what)
    assert "GET /21control/heater/powerTarget" in last[last.index("POST /21control/heater/powerTarget/4"):]
    assert (ofen.level, ofen.enabled) == (4, True)
    assert state["power_w"] == 2900 and state["power_source"] == "reported"
    assert state["identity"] == "21E-0042" and state["firmware"] == "0.4.2"
    assert state["pool"] == "pool.example:3333" and state["pool_link"] == "ok"
    home.bridge.wait_line("it gives 8700 W (a third: 2900 W) for level 4", 30)


def test_no_order_reaches_a_level_5(home):
    ofen = home.add("ofen", Ofen(), **OFEN)
    start(home)
    home.heat(10000)
    home.wait_heater("ofen", confirmed(2900), "its highest level", 300)
    assert all(what.rpartition("/")[2] in "01234" for what in levels(ofen))


def test_off_disables_and_leaves_its_level_alone(home):
    ofen = home.add("ofen", Ofen(), **OFEN)
    start(home)
    home.off()
    home.wait_heater("ofen", confirmed(0), "off confirmed", 60)
    assert ofen.enabled is False and ofen.level == 2
    assert ofen.posts() == ['POST /21control/heater/enable {"enabled":false}']


def test_a_level_that_it_takes_only_while_on_is_set_after_enabling(home):
    ofen = home.add("ofen", Ofen(), **OFEN)
    ofen.enabled, ofen.level_needs_on = False, True
    start(home)
    home.heat(10000)
    home.wait_heater("ofen", confirmed(2900), "level 4 confirmed", 300)
    assert ofen.posts() == ["POST /21control/heater/powerTarget/4", 'POST /21control/heater/enable {"enabled":true}',
                            "POST /21control/heater/powerTarget/4"]


def test_yes_is_not_believed_without_reading_back(home):
    ofen = home.add("ofen", Ofen(), **OFEN)
    ofen.stuck = True
    ofen.enabled = False
    start(home)
    home.heat(10000)
    home.wait_heater("ofen", lambda s: levels(ofen) and s["power_w"] == 1900, "it stays at level 2", 300)
    assert home.heater("ofen")["outcome"] != "confirmed"


def test_a_firmware_without_local_control_is_told_so(home):
    ofen = home.add("ofen", Ofen(), **OFEN)
    ofen.gone.add("/21control/status/system")
    home.start().heat(10000)
    home.wait_heater("ofen", lambda s: "firmware is too old for local control" in s["problem_text"], "told")
    assert ofen.posts() == []


def test_a_21port_is_driven_as_a_whole(home):
    port = home.add("ofen", Port21(), **PORT)
    start(home)
    home.off()
    state = home.wait_heater("ofen", confirmed(0), "off confirmed", 60)
    assert port.posts() == ['POST /21port/mining/enable {"enabled":false}']
    assert (port.enabled, port.other_enabled) == (False, False)
    assert state["identity"] == "21P-0007" and state["firmware"] == "1.4.0"


def test_one_miner_behind_a_21port_is_driven_alone(home):
    port = home.add("ofen", Port21(), miner="a", **PORT)
    start(home)
    home.off()
    home.wait_heater("ofen", confirmed(0), "off confirmed", 60)
    assert port.posts() == ['POST /21port/mining/enable {"enabled":false,"minerId":"a"}']
    assert (port.enabled, port.other_enabled) == (False, True)


def test_a_miner_that_is_not_behind_it_is_told(home):
    port = home.add("ofen", Port21(), miner="z", **PORT)
    home.start().heat(10000)
    home.wait_heater("ofen", lambda s: "no device 'z' behind the 21port" in s["problem_text"], "told")
    assert port.posts() == []
