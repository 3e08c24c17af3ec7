"""A broker that is away, restarts, freezes, or cannot be found: the room stays warm."""

import signal
import time

import pytest

from conftest import HEATBRIDGE
from harness.waiting import wait_for


def test_broker_comes_later(site):
    site.start(broker=False)
    site.bridge.wait_line("not connected")
    site.broker.start()
    site.watch()
    site.watcher.wait_topic("homeassistant/device/heatbridge_room_living_room/config", timeout=20)
    site.heat()
    assert len(site.complaints("not connected")) == 1, "one message per cause"


def test_broker_restarts_and_forgets(site):
    site.start()
    site.heat()
    site.broker.stop()
    site.pool.wait_share()
    site.watcher.forget()
    site.broker.start()
    site.watcher.wait_topic("heatbridge/status", lambda text: text == "online", timeout=20)
    site.watcher.wait_topic("homeassistant/device/heatbridge_room_living_room/config", timeout=10)
    wait_for(lambda: site.room().get("target_c") == 22, "the state is told again")
    site.order("preset", "eco")
    wait_for(lambda: site.room()["preset"] == "eco", "commands work again")
    site.pool.wait_share()


def test_broker_freezes(site, figure):
    """The keepalive of 5 s finds it out; ticks stay punctual, and the heat goes on."""
    site.start()
    site.heat()
    site.broker.process.send_signal(signal.SIGSTOP)
    frozen = time.monotonic()
    said = len(site.bridge.lines)
    try:
        site.bridge.wait_line("not connected", timeout=30, since=said)
        figure(bench="frozen_broker_noticed", client=site.client, keepalive_s=5,
               s=round(time.monotonic() - frozen, 1))
        site.pool.wait_share()
    finally:
        site.broker.process.send_signal(signal.SIGCONT)
    site.bridge.wait_line("mqtt: connected", timeout=30, since=said)
    site.watcher.wait_topic("heatbridge/status", lambda text: text == "online", timeout=30)
    site.order("preset", "eco")
    wait_for(lambda: site.room()["preset"] == "eco", "commands work again", 10)
    assert site.jitter_ms() < 50


def test_dns_hangs(site, figure):
    """Looking up the broker's name takes 8 s and fails, again and again."""
    config = site.config()
    config["mqtt"]["url"] = f"mqtt://broker.invalid:{site.broker.port}"
    site.start(config, env={"LD_PRELOAD": str(HEATBRIDGE.parent / "libslow_dns.so")}, broker=False)
    wait_for(lambda: len(site.complaints("slow_dns: looking up")) >= 3, "the third look-up", 60)
    assert len(site.complaints("mqtt: ")) == 1, "one message per cause"
    late_ms = site.jitter_ms()
    figure(bench="tick_jitter_dns", client=site.client, worst_ms=late_ms)
    assert late_ms < 50


@pytest.mark.parametrize("mistake", ["no answer there", "not a broker"])
def test_unusable_broker_is_named_once(one_site, mistake):
    config = one_site.config()
    port = one_site.pool.port if mistake == "not a broker" else 1
    config["mqtt"]["url"] = f"mqtt://127.0.0.1:{port}"
    site = one_site.start(config, broker=False)
    line = site.bridge.wait_line("mqtt: not connected")
    assert f"mqtt://127.0.0.1:{port}" in line
    site.pool.wait_listening(site.pool.port)
    assert site.bridge.running
