"""Bitmain's own firmware: on and off by one key of a document of which all else must come out as it went in."""

import copy

from emulators.antminer import AntminerEmulator
from harness.waiting import wait_for

SECRETS = ["s3cret-of-pool", "s3cret-of-spare"]


def add(home, emulator=None, **config):
    return home.add("ant", emulator or AntminerEmulator(), driver="antminer", **{"restart_time": "0 s", **config})


def confirmed(home, power_w, timeout=90):
    return home.wait_heater("ant", lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == power_w,
                            f"{power_w} W", timeout)


def on(home, power_w=3250):
    home.heat()
    return confirmed(home, power_w)


def off(home):
    home.off()
    return confirmed(home, 0)


def others(conf):
    return {key: value for key, value in conf.items() if key != "bitmain-work-mode"}


def no_secret_was_told(home):
    said = "\n".join(home.bridge.lines) + "\n".join(payload for _, payload in home.watcher.messages)
    return not any(secret in said for secret in SECRETS)


def test_sleeps_and_wakes_with_all_else_as_it_was(home):
    emulator = add(home)
    before = copy.deepcopy(emulator.conf)
    home.start()
    off(home)
    assert emulator.mode == "1"
    state = on(home)
    assert emulator.mode == "0"
    assert others(emulator.conf) == others(before)
    assert emulator.flash_writes == len(emulator.posted) == 2, "one write for each change"
    assert all(document["pools"] == before["pools"] for document in emulator.posted)
    assert all(document["freq-level"] == "100" for document in emulator.posted)
    assert state["flash_writes"] == 2
    assert no_secret_was_told(home)


def test_reads_what_the_device_tells(home):
    add(home)
    home.start()
    on(home)
    state = home.wait_heater("ant", lambda s: s["hashrate_ths"], "a hash rate")
    assert state["hashrate_ths"] == 96.4806
    assert state["power_w"] == 3250 and state["power_source"] == "modelled"
    assert state["chip_c"] == 74 and state["board_c"] == 67
    assert state["pool"] == "pool.example:3333"
    assert state["shares_accepted"] == 2310 and state["shares_rejected"] == 4


def test_nothing_is_written_if_it_is_so_already(home):
    emulator = add(home)
    home.start()
    home.heat()
    wait_for(lambda: home.heater("ant").get("outcome") == "confirmed" and home.heater("ant")["commanded_w"] == 3250,
             "heat", 90)
    writes = emulator.flash_writes
    home.order("target", 25)
    wait_for(lambda: len(emulator.asked(lambda r: "get_miner_conf" in r)) > 12, "more polls", 120)
    assert emulator.flash_writes == writes


def test_low_power_is_a_level(home):
    emulator = add(home, low_power="2200 W")
    home.start()
    home.heat(2500)
    confirmed(home, 2200)
    assert emulator.mode == "3"


def test_the_mode_is_read_back_after_the_restart(home):
    emulator = add(home)
    emulator.restart_s = 3
    home.start()
    off(home)
    assert emulator.mode == "1"
    assert emulator.flash_writes == 1


def test_a_firmware_that_wants_a_text_gets_one(home):
    emulator = add(home)
    emulator.text_only = True
    home.start()
    off(home)
    assert emulator.posted[-1]["miner-mode"] == "1"
    on(home)
    assert len(emulator.posted) == 3, "the form is learnt once"


def test_another_one_at_its_address_does_not_get_its_configuration(home):
    emulator = add(home)
    home.start()
    on(home)
    emulator.restart_s = 3600  # so that what is written cannot be compared
    written = len(emulator.posted)
    home.off()
    wait_for(lambda: len(emulator.posted) > written, "the mode is written", 90)
    emulator.stop()
    other = AntminerEmulator(port=emulator.port, mac="02:5E:30:00:00:02")
    other.conf["pools"][0]["url"] = "stratum+tcp://neighbour.example:3333"
    before = copy.deepcopy(other.conf)
    home.emulators.append(other.start())
    home.bridge.wait_line("another device (02:5e:30:00:00:02) answers at its address", 90)
    reads = len(other.asked(lambda r: "pools.cgi" in r))
    wait_for(lambda: len(other.asked(lambda r: "pools.cgi" in r)) >= reads + 2, "it is read again", 90)
    assert other.posted == [] and other.conf == before


def test_what_another_changed_meanwhile_is_found_and_put_back(home):
    emulator = add(home)
    before = copy.deepcopy(emulator.conf)
    home.start()
    on(home)

    def meddle(conf):
        conf["pools"][0]["url"] = "stratum+tcp://other.example:3333"
    emulator.meddler = meddle
    home.off()
    home.bridge.wait_line("changed 'pools[0].url'", 90)
    wait_for(lambda: others(emulator.conf) == others(before), "it is as it was")
    assert no_secret_was_told(home)


def test_a_key_that_is_lost_and_cannot_be_put_back_is_told(home):
    emulator = add(home)
    home.start()
    on(home)
    emulator.forgets = "api-groups"
    home.off()
    home.bridge.wait_line("'api-groups' of the Antminer's configuration, and it could not be put back", 90)
    state = home.wait_heater("ant", lambda s: s["problem"], "the problem")
    assert "api-groups" in state["problem_text"]


def test_a_refusal_is_told_and_changes_nothing(home):
    emulator = add(home)
    before = copy.deepcopy(emulator.conf)
    emulator.refuse = "M001"
    home.start()
    home.off()
    home.bridge.wait_line("M001", 90)
    assert emulator.conf == before and emulator.flash_writes == 0


def test_hidden_passwords_are_not_written_back(home):
    emulator = add(home)
    emulator.hides = True
    home.start()
    home.off()
    home.bridge.wait_line("hides the passwords of its pools", 90)
    assert not emulator.posted


def test_a_nonce_that_is_used_up_is_renewed(home):
    emulator = add(home)
    emulator.stale = True
    home.start()
    off(home)
    assert emulator.mode == "1"


def test_says_that_the_password_is_wrong(home):
    add(home, AntminerEmulator(password="other"))
    home.start()
    home.bridge.wait_line("set heaters.ant.user and .password", 40)


def test_a_bad_field_is_unknown_and_the_rest_is_used(home):
    emulator = add(home)
    emulator.bad = True
    home.start()
    on(home)
    state = home.wait_heater("ant", lambda s: s["chip_c"] == 74, "a reading")
    assert state["hashrate_ths"] is None
