"""Pools that misbehave, vanish or lure: shares go to the next one, and the room stays warm."""

import pytest

from conftest import BadPool
from harness.waiting import wait_for

VICES = ["garbage", "endless-line", "deep-json", "negative-difficulty", "silent", "no-jobs", "huge-numbers",
         "bad-notify", "refuse-worker"]
HARMLESS = ["close-on-configure", "string-errors", "new-extranonce", "drop-on-share"]


@pytest.mark.parametrize("vice", VICES)
def test_next_pool_takes_over(one_site, vice):
    good = one_site.pool
    one_site.pools = [BadPool(vice), good]
    site = one_site.start()
    site.watcher.wait_topic("heatbridge/living_room/state")
    site.order("mode", "heat")
    site.order("target", "22")
    wait_for(lambda: (site.heater().get("power_w") or 0) > 50, "it heats meanwhile", 15)
    good.wait_share(timeout=60)
    assert site.bridge.running
    assert f"127.0.0.1:{site.pools[0].port}" in "\n".join(site.bridge.lines), "the bad pool is named"
    assert len(site.bridge.lines) < 60, "and not over and over"


@pytest.mark.parametrize("vice", HARMLESS)
def test_quirks_are_borne(one_site, vice):
    one_site.pools = [BadPool(vice)]
    site = one_site.start()
    site.watcher.wait_topic("heatbridge/living_room/state")
    site.order("mode", "heat")
    site.order("target", "22")
    wait_for(lambda: site.pool.accepted + site.pool.rejected > 0, "shares are sent", 30)
    assert site.bridge.running


def test_redirect_to_a_foreign_host_is_refused(one_site):
    one_site.pools = [BadPool("redirect-foreign")]
    site = one_site.start()
    site.watcher.wait_topic("heatbridge/living_room/state")
    line = site.bridge.wait_line("evil.example")
    assert "refused" in line or "not allowed" in line or "not followed" in line


def test_pool_dies_and_returns(one_site):
    site = one_site.start()
    site.heat()
    site.pool.stop()
    wait_for(lambda: site.heater()["pool_link"] in ("connecting", "lost"), "the loss is told", 15)
    wait_for(lambda: (site.heater()["power_w"] or 0) > 50, "a heater stays a heater", 15)
    site.pool.start()
    site.pool.wait_share(timeout=60)
    wait_for(lambda: site.heater()["pool_link"] == "ok" and not site.heater()["problem"], "and the return")


def test_no_pool_may_mean_no_heat(one_site):
    config = one_site.config()
    config["mining"]["no_pool"] = "pause"
    site = one_site.start(config)
    site.heat()
    site.pool.stop()
    wait_for(lambda: site.heater()["power_w"] == 0, "it pauses without a pool", 15)
    wait_for(lambda: site.heater()["problem"], "and says so", 15)
    site.pool.start()
    site.pool.wait_share(timeout=60)


def test_preferred_pool_is_returned_to(one_site):
    second = one_site.pool
    first = type(second)(second.argv[0])
    one_site.pools = [first, second]
    site = one_site.start()
    site.heat()
    first.stop()
    second.wait_share(timeout=60)
    first.start()
    first.wait_share(timeout=90)
