"""Whatever comes in: one clear message, nothing changed, nothing lost, and the heat goes on."""

import subprocess

import pytest

from conftest import HEATBRIDGE, ROOM
from harness.bridge import ROOM_TOPIC
from harness.waiting import wait_for

BAD_COMMANDS = [
    ("target", "NaN", "target"),
    ("target", "1e999", "target"),
    ("target", '"21"', "target"),
    ("target", "", "target"),
    ("target", "warm", "target"),
    ("target", "85", "85"),
    ("mode", "cool", "mode"),
    ("preset", "comfy", "comfy"),
    ("power", "maybe", "power"),
    ("power_limit", "-1", "power_limit"),
    ("power_limit", "null0", "power_limit"),
]
BAD_JSON = ["[", "{}", '{"target":"21"}', '{"mode":1}', '{"taget":21}', '{"target":1e999}', "[[[[[[[[" * 20]


def settled(site):
    site.heat()
    return wait_for(lambda: site.room() if site.room().get("target_c") == 22 else None, "target 22")


def still_the_same(site, before):
    now = site.room()
    for key in ("mode", "target_c", "preset", "power_limit_w"):
        assert now[key] == before[key], key


@pytest.mark.parametrize("command, payload, named", BAD_COMMANDS, ids=[f"{c}={p[:8]}" for c, p, _ in BAD_COMMANDS])
def test_bad_command_is_answered(one_site, command, payload, named):
    site = one_site.start()
    before = settled(site)
    site.order(command, payload)
    text = site.watcher.wait_topic(f"{ROOM}/error")
    error = site.watcher.topics[f"{ROOM}/error"]
    assert text and named in error and "\n" not in error
    still_the_same(site, before)
    site.pool.wait_share()


def test_bad_json_commands_are_answered(site):
    site.start()
    before = settled(site)
    for payload in BAD_JSON:
        site.watcher.topics.pop(f"{ROOM}/error", None)
        site.watcher.publish(f"{ROOM}/set", payload)
        site.watcher.wait_topic(f"{ROOM}/error")
        still_the_same(site, before)
    site.watcher.publish(f"{ROOM}/set", '{"mode":"heat","target":23}')
    wait_for(lambda: site.room()["target_c"] == 23, "a good one is obeyed")


def test_ten_megabytes_are_not_even_read(site):
    site.start()
    before = settled(site)
    site.watcher.publish(f"{ROOM}/target/set", "2" * 10_000_000)
    site.order("preset", "eco")
    wait_for(lambda: site.room()["preset"] == "eco", "the next small message arrives")
    assert site.room()["mode"] == before["mode"]
    site.pool.wait_share()


def test_retained_commands_are_ignored_and_told_once(site):
    site.broker.start()
    site.watch()
    for command in ("mode", "preset"):
        site.watcher.publish(f"{ROOM}/{command}/set", "heat", retain=True)
        site.watcher.wait_topic(f"{ROOM}/{command}/set")
    site.start(broker=False)
    site.bridge.wait_line("retained")
    wait_for(lambda: site.room().get("mode"), "a state")
    assert site.room()["mode"] == "off"
    site.order("mode", "heat")
    wait_for(lambda: site.room()["mode"] == "heat", "a command that is not retained is obeyed")
    assert len(site.complaints("retained")) == 1


BAD_TEMPERATURES = ["NaN", '{"temperature": "21"}', '{"temperature": 1e999}', '{"temperature": null}', '{"temp": 21}',
                    '{"temperature": true}', "{", '{"temperature": 85}', '{"temperature": -127}']


def test_bad_temperatures_never_count(one_site):
    config = one_site.config()
    config["rooms"]["living_room"]["temperature"]["stale_after"] = "3 s"
    site = one_site.start(config)
    settled(site)
    site.sensor.close()
    for payload in BAD_TEMPERATURES:
        site.watcher.publish(ROOM_TOPIC, payload)
    wait_for(lambda: site.room()["reason"] in ("room_stale", "room_implausible"), "no heat on bad data", 8)
    wait_for(lambda: site.heater()["commanded_w"] == 0, "the heater is off")
    assert site.room()["room_c"] is None and site.room()["available"] is False
    site.pool.assert_quiet(1.0)
    site.watcher.publish(ROOM_TOPIC, '{"temperature": 18.5}')
    site.pool.wait_share()


def test_a_bad_value_beside_a_good_one_is_told_once(one_site):
    config = one_site.config()
    config["rooms"]["living_room"]["humidity"] = {"topic": ROOM_TOPIC, "value": "humidity"}
    site = one_site.start(config)
    settled(site)  # the sensor sends no humidity at all: the one message
    site.sensor.close()
    for number in range(5):
        site.watcher.publish(ROOM_TOPIC, {"temperature": 18 + number / 10, "humidity": "wet"})
    wait_for(lambda: site.room()["room_c"] == 18.4, "the temperatures are taken")
    assert len(site.complaints("source: ")) == 1


def test_one_bad_room_does_not_stop_the_other(one_site):
    config = one_site.config()
    config["rooms"]["attic"] = {"temperature": {"topic": "test/attic", "stale_after": "2 s"}, "heaters": ["sim"]}
    config["heaters"]["sim"] = {"driver": "simulated", "max_power": "800 W"}
    site = one_site.start(config)
    settled(site)
    site.watcher.publish("heatbridge/attic/mode/set", "heat")
    site.watcher.publish("test/attic", "garbage \x00 here")
    site.watcher.publish("heatbridge/attic/target/set", "NaN")
    site.watcher.wait_topic("heatbridge/attic/error")
    attic = site.watcher.json("heatbridge/attic/state")
    assert attic["reason"] in ("starting", "room_never_seen") and attic["requested_w"] == 0
    site.pool.wait_share()


def test_config_mistakes_are_all_named(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("mqtt: {url: 'mqtt://127.0.0.1', usernam: x}\n"
                    "rooms:\n  hall:\n    temperature: {topic: a/b, stale_after: 15}\n    heaters: [ofn]\n"
                    "    frost: .nan\n"
                    "heaters:\n  ofen: {driver: simulated, max_power: 85 F}\n", encoding="utf-8")
    for command in (["check", path], ["run", "--config", path]):
        done = subprocess.run([HEATBRIDGE, *command], capture_output=True, text=True, check=False, timeout=10)
        assert done.returncode == 2
        for named in ("1:", "did you mean 'username'?", "stale_after", "ofn", "did you mean 'ofen'?", "frost", "max_power"):
            assert named in done.stderr, named
        assert str(path) in done.stderr


def test_usage_mistakes_exit_with_2():
    for words in ([], ["fly"], ["run", "--fast"], ["run", "extra"], ["check"], ["demo", "--seconds", "-1"],
                  ["bench", "nonsense"], ["mine"]):
        done = subprocess.run([HEATBRIDGE, *words], capture_output=True, text=True, check=False, timeout=10)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert done.stderr
    for words in (["--help"], ["run", "--help"], ["demo", "--help"], ["check", "--help"], ["mine", "--help"],
                  ["bench", "--help"], ["--version"]):
        done = subprocess.run([HEATBRIDGE, *words], capture_output=True, text=True, check=False, timeout=10)
        assert done.returncode == 0 and done.stdout and not done.stderr, words
