"""The loop from a command to the pool and back, and how quick it is."""

import pathlib
import signal
import statistics
import time

import paho.mqtt.client as paho
import pytest
from conftest import HEATER, ROOM
from harness.waiting import wait_for

COMMANDS = 200


def test_heat_is_hashes_for_the_pool(site):
    site.start()
    site.heat()
    wait_for(lambda: site.room().get("action") == "heating" and (site.room().get("power_w") or 0) > 20,
             "the room is heated and its power is told")
    wait_for(lambda: site.heater().get("shares_accepted", 0) > 0 and site.heater()["pool_link"] == "ok",
             "the heater tells its shares")
    assert site.heater()["power_source"] == "modelled"
    assert site.room()["reason"] in ("heating", "holding", "override")
    site.order("mode", "off")
    wait_for(lambda: site.room().get("action") == "off" and site.heater().get("commanded_w") == 0, "off")
    site.pool.assert_quiet(2.0)
    assert site.pool.rejected == 0


@pytest.mark.alone
def test_start_to_discovery(site, figure):
    site.start(broker=True)
    started = time.monotonic()
    site.watcher.wait_topic("homeassistant/device/heatbridge_room_living_room/config")
    site.watcher.wait_topic("homeassistant/device/heatbridge_heater_miner/config")
    took_ms = (time.monotonic() - started) * 1000
    figure(bench="start_to_discovery", client=site.client, ms=round(took_ms))
    assert took_ms < 1000


@pytest.mark.alone
def test_command_to_effect(site, figure):
    site.start()
    site.heat()
    waits = []
    # Quality 0 from a connection of its own: nothing of the tests' waits for a delayed TCP acknowledgement.
    sender = paho.Client(paho.CallbackAPIVersion.VERSION2)
    sender.connect("127.0.0.1", site.broker.port)
    sender.loop_start()
    for number in range(COMMANDS):
        limit = 320 if number % 2 else 80
        seen = len(site.watcher.messages)
        sent = time.monotonic()
        sender.publish(f"{ROOM}/power_limit/set", str(limit))

        def obeyed():
            return any(topic == f"{HEATER}/state" and f'"commanded_w":{limit}' in payload
                       for topic, payload in site.watcher.messages[seen:])
        while not obeyed():
            assert time.monotonic() - sent < 2, f"limit {limit} is not obeyed: {site.heater()}"
            time.sleep(0.0005)
        waits.append((time.monotonic() - sent) * 1000)
    sender.disconnect()
    sender.loop_stop()
    ordered = sorted(waits)
    p99 = ordered[int(0.99 * (len(ordered) - 1))]
    figure(bench="command_to_effect", client=site.client, commands=COMMANDS,
           p50_ms=round(statistics.median(ordered), 2), p99_ms=round(p99, 2), worst_ms=round(ordered[-1], 2))
    assert p99 < 200


@pytest.mark.alone
def test_memory(site, figure):
    site.start()
    site.heat()
    status = pathlib.Path(f"/proc/{site.bridge.process.pid}/status").read_text(encoding="utf-8")
    rss_mb = int(status.split("VmRSS:")[1].split()[0]) / 1024
    figure(bench="memory", client=site.client, rss_mb=round(rss_mb, 1))
    assert rss_mb < 40


def test_end_says_offline(site):
    site.start()
    site.watcher.wait_topic("heatbridge/status", lambda text: text == "online")
    assert site.bridge.stop() == 0
    site.watcher.wait_topic("heatbridge/status", lambda text: text == "offline")


def test_death_says_offline(site):
    site.start()
    site.watcher.wait_topic("heatbridge/status", lambda text: text == "online")
    site.bridge.process.kill()
    site.watcher.wait_topic("heatbridge/status", lambda text: text == "offline", timeout=20)


def test_settings_survive_a_restart(site):
    site.start()
    site.watcher.wait_topic(f"{ROOM}/state")
    site.order("mode", "heat")
    site.order("preset", "eco")
    wait_for(lambda: site.room().get("preset") == "eco" and site.room()["target_c"] == 19, "preset eco")
    site.bridge.stop()
    site.watcher.forget()
    site.bridge.start()
    wait_for(lambda: site.room().get("mode") == "heat", "mode after the restart")
    assert (site.room()["preset"], site.room()["target_c"]) == ("eco", 19)


def test_a_bad_file_on_reload_changes_nothing(one_site):
    site = one_site.start()
    site.heat()
    path = site.folder / "heatbridge.yaml"
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace('"presets"', '"pressets"'), encoding="utf-8")
    site.bridge.process.send_signal(signal.SIGHUP)
    site.bridge.wait_line("did you mean 'presets'?")
    site.bridge.wait_line("the old configuration stays in force")
    site.pool.wait_share()
    path.write_text(good.replace('"home": 21', '"home": 20.5'), encoding="utf-8")
    site.bridge.process.send_signal(signal.SIGHUP)
    site.bridge.wait_line("is in force")
    site.order("preset", "home")
    wait_for(lambda: site.room().get("target_c") == 20.5, "the new preset")
    site.pool.wait_share()
