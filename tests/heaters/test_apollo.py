"""FutureBit Apollo: modes that need a restart, started and stopped, its node left as it is."""

from emulators.apollo import Apollo

CONFIG = {"driver": "apollo", "password": "secret", "levels": [200, 280, 390], "min_write": "0 s"}


def confirmed(power_w):
    return lambda s: s["outcome"] == "confirmed" and s["commanded_w"] == power_w


def start(home):
    home.start()
    home.wait_heater("apollo", lambda s: s["model"], "the device")


def test_off_stops_the_miner_and_its_old_figures_are_not_shown(home):
    apollo = home.add("apollo", Apollo(), **CONFIG)
    start(home)
    home.off()
    state = home.wait_heater("apollo", confirmed(0), "off confirmed", 60)
    assert apollo.status() == "offline"
    assert apollo.changes() == ["{stop{"]
    assert (state["hashrate_ths"], state["power_w"], state["power_source"]) == (0, 15, "modelled")
    assert state["chip_c"] is None
    assert state["identity"] == "02:5e:50:00:00:01" and state["model"] == "Apollo II"


def test_a_mode_is_set_once_started_and_the_node_not_installed_anew(home):
    apollo = home.add("apollo", Apollo(), **CONFIG)
    start(home)
    home.heat(10000)
    state = home.wait_heater("apollo", confirmed(390), "turbo confirmed", 300)
    assert (apollo.mode, apollo.running_mode, apollo.status()) == ("turbo", "turbo", "online")
    modes = [what for what in apollo.changes() if "update" in what]
    assert modes == ["update(input:{minerMode:turbo,nodeSoftware:core_29_2}"]
    assert apollo.node_installs == 0 and apollo.flash_writes == 1
    assert state["power_w"] == 370 and state["power_source"] == "reported"
    assert state["pool"] == "pool.example:3333" and state["pool_link"] == "ok"


def test_a_firmware_without_a_choice_of_node_software_is_driven_too(home):
    apollo = home.add("apollo", Apollo(), **CONFIG)
    apollo.node_software = None
    start(home)
    home.heat(10000)
    home.wait_heater("apollo", confirmed(390), "turbo confirmed", 300)
    assert [what for what in apollo.changes() if "update" in what] == ["update(input:{minerMode:turbo}"]


def test_a_token_that_is_worth_nothing_after_a_restart_is_renewed(home):
    apollo = home.add("apollo", Apollo(), **CONFIG)
    start(home)
    logins = apollo.logins
    with apollo.lock:
        apollo.tokens.clear()
    home.wait_heater("apollo", lambda s: apollo.logins > logins, "a new login")
    home.off()
    assert home.wait_heater("apollo", confirmed(0), "off confirmed", 60)["problem"] is False


def test_a_wrong_password_is_told_and_not_tried_again_and_again(home):
    apollo = home.add("apollo", Apollo(password="other"), **CONFIG)
    home.start().heat(10000)
    home.wait_heater("apollo", lambda s: "set heaters.apollo.password" in s["problem_text"], "told")
    assert apollo.logins == 1 and apollo.changes() == []


def test_a_refusal_is_told_in_its_own_words(home):
    apollo = home.add("apollo", Apollo(), **CONFIG)
    apollo.refuses = "Failed to start miner: no board"
    start(home)
    home.heat(10000)
    home.bridge.wait_line("Failed to start miner: no board", 300)
    assert home.heater("apollo")["outcome"] != "confirmed"


def test_after_a_power_cut_it_is_stopped_again(home):
    apollo = home.add("apollo", Apollo(), **CONFIG)
    start(home)
    home.off()
    home.wait_heater("apollo", confirmed(0), "off confirmed", 60)
    apollo.stop()
    home.wait_heater("apollo", lambda s: s["link"] == "lost", "lost", 120)
    apollo.start()
    assert apollo.status() == "online"
    home.wait_heater("apollo", lambda s: apollo.status() == "offline", "stopped again", 180)
    assert apollo.changes() == ["{stop{", "{stop{"]
