"""heatbridge against Bitaxes with AxeOS and a NerdQAxe, over real sockets."""

import json
import re
import time

import pytest
from emulators.axeos import AxeOS, NerdQAxe
from harness.waiting import wait_for

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def writes(emulator):
    """What changed something, as "pause" or ("frequency", 525), in order."""
    found = []
    for what in emulator.asked(lambda w: not w.startswith("GET")):
        patch = re.match(r"PATCH /api/system (.*)", what)
        found += list(json.loads(patch.group(1)).items()) if patch else [what.split("/")[-1].strip()]
    return found


def polls(emulator):
    return len(emulator.asked(lambda what: what == "GET /api/system/info"))


def polled(emulator, times):
    """Once it was read so often more: what heatbridge wants to do, it has done by then."""
    wanted = polls(emulator) + times
    wait_for(lambda: polls(emulator) >= wanted, f"{times} more polls", 30 + 30 * times)


def add(home, emulator, heater_id="axe", **config):
    return home.add(heater_id, emulator, driver="axeos", min_write="0 s", **config)


def confirmed(state):
    return state.get("outcome") == "confirmed"


def confirmed_off(state):
    return confirmed(state) and state["commanded_w"] == 0


def stop_heating(home):
    """Off at once: a limit asks for no least time on."""
    home.order("power_limit", 1)


def test_voltage_before_frequency_up_and_after_it_down(home):
    axe = add(home, AxeOS())
    axe.flash.update(frequency=400, coreVoltage=1060)
    home.start()
    home.heat()
    state = home.wait_heater("axe", lambda s: confirmed(s) and s["commanded_w"] > 16, "full power")
    assert writes(axe) in [[("coreVoltage", 1150), ("frequency", 525)],
                           ["pause", ("coreVoltage", 1150), ("frequency", 525), "resume"]]  # paused before heat was asked
    assert state["commanded_w"] == pytest.approx(18, abs=1) and state["identity"] == "2c:54:91:88:c9:e3"
    home.wait_heater("axe", lambda s: s["power_w"] > 16 and s["hashrate_ths"] > 1, "watts and hashes")
    del axe.requests[:]
    home.order("power_limit", 14)
    state = home.wait_heater("axe", lambda s: confirmed(s) and 12 < s["commanded_w"] < 14, "the lower point")
    wait_for(lambda: len(writes(axe)) == 2, "both settings", 60)
    assert writes(axe) == [("frequency", 400), ("coreVoltage", 1060)]
    assert len(axe.flash_writes) == 4
    polled(axe, 2)
    assert len(writes(axe)) == 2  # and no more: it is where it should be
    assert axe.overlaps == 0


def test_off_is_a_pause_and_is_said_again_after_a_power_cut(home):
    axe = add(home, AxeOS())
    home.start()
    home.heat()
    home.wait_heater("axe", lambda s: confirmed(s) and s["commanded_w"] > 10, "heat")
    stop_heating(home)
    state = home.wait_heater("axe", confirmed_off, "off")
    assert axe.paused and state["power_w"] == pytest.approx(5, abs=0.5)
    axe.power_cut()
    assert not axe.paused  # it mines on, as the real one does
    wait_for(lambda: axe.paused, "the pause, said again", 40)
    home.wait_heater("axe", confirmed_off, "off again")
    assert axe.flash_writes == []


def test_resumes_a_paused_one_without_a_write_to_flash(home):
    axe = add(home, AxeOS())
    axe.paused = True
    home.start()
    home.heat()
    home.wait_heater("axe", lambda s: confirmed(s) and s["commanded_w"] > 16, "heat")
    assert not axe.paused and axe.flash_writes == []
    assert set(writes(axe)) <= {"pause", "resume"}


def test_without_pause_off_is_the_lowest_setting_and_says_so(home):
    axe = add(home, AxeOS(firmware="v2.10.0", board="401"))
    home.start()
    home.order("mode", "off")
    state = home.wait_heater("axe", lambda s: confirmed_off(s) and axe.flash["frequency"] == 400, "the floor")
    assert "plug" in state["problem_text"] and "2.14" in state["problem_text"]
    assert axe.flash_writes == [("frequency", 400)]  # one write, and never a restart
    assert writes(axe) == [("frequency", 400)]
    home.wait_heater("axe", lambda s: s["power_w"] > 5, "what it draws, which is not hidden")


def test_very_old_firmware_without_its_settings_on_offer(home):
    axe = add(home, AxeOS(firmware="v2.4.5", board="401"))
    home.start()
    home.heat()
    state = home.wait_heater("axe", lambda s: confirmed(s) and s["commanded_w"] > 10, "heat")
    assert state["best_difficulty"] == pytest.approx(187e6)  # a text, "187M"
    assert axe.flash_writes in ([], [("frequency", 400), ("frequency", 490)])


def test_nerdqaxe_is_shut_down_and_restarted_and_takes_whole_numbers(home):
    nerd = add(home, NerdQAxe())
    home.start()
    home.heat()
    state = home.wait_heater("axe", lambda s: confirmed(s) and s["commanded_w"] > 50, "heat", 90)
    assert state["model"] == "NerdQAxe++"
    lower_w = state["commanded_w"] - 8
    home.order("power_limit", lower_w)
    home.wait_heater("axe", lambda s: confirmed(s) and 0 < s["commanded_w"] <= lower_w, "a lower point", 60)
    assert nerd.flash["frequency"] < 600 and type(nerd.flash["frequency"]) is int
    del nerd.requests[:]
    stop_heating(home)
    home.wait_heater("axe", confirmed_off, "the shutdown", 60)
    assert nerd.off and writes(nerd)[-1] == "shutdown"
    polled(nerd, 2)
    assert writes(nerd).count("shutdown") == 1


def test_nerdqaxe_wakes_by_a_restart(home):
    nerd = add(home, NerdQAxe())
    nerd.off = True
    home.start()
    home.heat()
    home.wait_heater("axe", lambda s: confirmed(s) and s["commanded_w"] > 50, "heat", 60)
    assert not nerd.off and writes(nerd).count("restart") == 1 and nerd.flash_writes == []


def test_one_time_passwords_open_one_session(home):
    nerd = add(home, NerdQAxe(totp_secret=SECRET), totp_secret=SECRET)
    nerd.flash["frequency"] = 500
    nerd.flash["coreVoltage"] = 1120
    home.start()
    home.heat()
    home.wait_heater("axe", lambda s: confirmed(s) and s["commanded_w"] > 60, "heat", 90)
    assert nerd.flash["frequency"] == 600
    assert len(nerd.asked(lambda w: "otp/session" in w)) == 1 and nerd.failures == 0
    assert len(nerd.asked(lambda w: w.startswith("PATCH"))) == 2


@pytest.mark.parametrize("secret, words", [(None, "set totp_secret"), ("MFRGGZDFMZTWQ2LK", "check totp_secret")])
def test_without_the_right_secret_one_sentence_says_what_to_do(home, secret, words):
    nerd = add(home, NerdQAxe(totp_secret=SECRET), **({"totp_secret": secret} if secret else {}))
    nerd.flash["frequency"] = 500
    home.start()
    home.heat()
    home.wait_heater("axe", lambda s: words in s.get("problem_text", "") + s.get("outcome_text", ""), "the sentence", 60)
    assert nerd.flash_writes == []
    polled(nerd, 2)
    assert nerd.failures <= 1  # five would lock its owner out


def test_what_is_accepted_and_not_done_is_not_shown_as_done(home):
    axe = add(home, AxeOS())
    axe.flash.update(frequency=400, coreVoltage=1060)
    axe.deaf = True
    home.start()
    home.heat()
    state = home.wait_heater("axe", lambda s: s.get("outcome") == "failed", "the failure", 90)
    assert "does not do it" in state["outcome_text"] + state["problem_text"]
    assert not confirmed(home.heater("axe"))


def test_a_refused_setting_is_told_in_the_words_of_the_device(home):
    axe = add(home, AxeOS())
    axe.flash.update(frequency=400, coreVoltage=1060)
    axe.patch = lambda body: (400, {"Content-Type": "text/plain"}, b"Wrong API input")
    home.start()
    home.heat()
    state = home.wait_heater("axe", lambda s: s.get("outcome") == "failed", "the refusal", 60)
    assert "Wrong API input" in state["outcome_text"] + state["problem_text"]


def test_overheating_is_undone_once_one_step_lower(home):
    axe = add(home, AxeOS(board="401"))  # its sensor tells the temperature of a chip without power
    home.start()
    home.heat()
    home.wait_heater("axe", lambda s: confirmed(s) and s["commanded_w"] > 10, "heat")
    before = axe.flash["frequency"]
    axe.overheat()
    home.wait_heater("axe", lambda s: s.get("health") == "overheated", "overheated", 60)
    del axe.requests[:]
    polled(axe, 2)
    assert writes(axe) == []  # it is hot, and its firmware at work
    axe.cool_down()
    wait_for(lambda: axe.flash["autofanspeed"] == 1 and axe.flash["frequency"] > before - 100, "its settings again", 60)
    state = home.wait_heater("axe", lambda s: s.get("health") == "healthy" and confirmed(s), "healthy", 60)
    assert axe.flash["frequency"] < before and state["commanded_w"] > 0
    axe.overheat()
    axe.cool_down()
    home.wait_heater("axe", lambda s: s.get("health") == "overheated", "overheated again", 60)
    del axe.requests[:]
    polled(axe, 3)
    assert [what for what in writes(axe) if what not in ("pause", "resume")] == []
    assert "clean it" in home.heater("axe")["problem_text"]


def test_bad_fields_are_unknown_and_the_rest_is_used(home):
    axe = add(home, AxeOS())
    axe.extra = {"power": "12 W", "hashRate": None, "temp": 1e9, "fanspeed": [], "uptimeSeconds": None}
    home.start()
    state = home.wait_heater("axe", lambda s: s.get("bad_fields", 0) >= 4, "the faults counted")
    assert state["hashrate_ths"] is None and state["chip_c"] is None and state["fan"] is None
    assert state["power_source"] == "modelled"
    assert state["model"] == "Bitaxe Gamma 602 (BM1370)" and state["available"]


@pytest.mark.parametrize("answer, words", [
    ((404, {"Content-Type": "text/html"}, b"<html>"), "set url"),
    ((401, {"Content-Type": "text/plain"}, b"Unauthorized"), "private network"),
    ((200, {"Content-Type": "text/html"}, b"<html>a television</html>"), "set url"),
])
def test_what_is_no_axeos_is_told_so(home, answer, words):
    axe = add(home, AxeOS())
    axe.answer = lambda *_: answer
    home.start()
    home.wait_heater("axe", lambda s: words in s.get("problem_text", ""), words, 90)
    assert home.heater("axe")["power_w"] is None


def test_pyasic_questions_are_answered(home):
    """What an independent client asks to recognise and read it (see pyasic's factory and espminer)."""
    import urllib.request
    axe, nerd = AxeOS().start(), NerdQAxe().start()
    home.emulators += [axe, nerd]
    for emulator in (axe, nerd):
        assert b"AxeOS" in urllib.request.urlopen(emulator.url + "/", timeout=10).read()
        info = json.load(urllib.request.urlopen(emulator.url + "/api/system/info", timeout=10))
        for name in ("ASICModel", "hashRate", "power", "temp", "vrTemp", "fanrpm", "macAddr", "version", "hostname",
                     "smallCoreCount", "frequency", "uptimeSeconds", "voltage"):
            assert name in info
    stranger = urllib.request.Request(axe.url + "/api/system/info", headers={"Origin": "http://example.com"})
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(stranger, timeout=10)
    assert error.value.code == 401


def test_a_desk_with_three_of_them(home):
    """Users-and-field P3: two Bitaxes, of which one cannot pause, and a NerdQAxe."""
    new = add(home, AxeOS(firmware="v2.14.0", mac="AA:00:00:00:00:01"), "new")
    old = add(home, AxeOS(firmware="v2.10.0", mac="AA:00:00:00:00:02"), "old")
    nerd = add(home, NerdQAxe(mac="AA:00:00:00:00:03"), "nerd")
    ids, all_three = ("new", "old", "nerd"), (new, old, nerd)
    home.start()
    home.heat()
    for name in ids:
        home.wait_heater(name, lambda s: confirmed(s) and s["commanded_w"] > 10, "heat", 60)
    stop_heating(home)
    for name in ids:
        home.wait_heater(name, confirmed_off, "off", 60)
    assert new.paused and old.flash["frequency"] == 400 and nerd.off
    assert "restart" not in writes(new) + writes(old)

    # One reboots and forgets its pause.
    new.power_cut()
    wait_for(lambda: new.paused, "the pause, said again", 40)

    # Two swap their addresses: they are followed, and nothing reaches the wrong one.
    new.stop()
    old.stop()
    new.port, old.port = old.port, new.port
    del new.requests[:], old.requests[:]
    new.start()
    old.start()
    wait_for(lambda: "they are followed" in home.bridge.tail(60), "the swap seen", 60)
    wait_for(lambda: new.paused, "the pause of the right one", 60)
    for name in ("new", "old"):
        home.wait_heater(name, confirmed_off, "the right one, off", 60)
    assert writes(new) == ["pause"] and writes(old) == [] and old.flash["frequency"] == 400

    # One goes silent: it is unavailable, without zeros, and the others are polled as ever.
    old.vice = "silent"
    home.wait_heater("old", lambda s: s.get("available") is False, "unavailable", 120)
    state = home.wait_heater("old", lambda s: s["power_w"] is None, "no stale watts", 120)
    assert state["hashrate_ths"] is None and state["chip_c"] is None
    began = time.monotonic()
    polled(new, 4)
    assert time.monotonic() - began < 4 * 10 * 1.1 + 5
    assert all(len(emulator.flash_writes) <= 6 for emulator in all_three)
    assert new.overlaps == nerd.overlaps == 0
