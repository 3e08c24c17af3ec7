"""What the bridge knows of its own work: what it earns, what its shares prove, blocks and records."""

import json

from conftest import HEATER, POOL
from harness.pool import Pool
from harness.program import now
from harness.waiting import wait_for

EASY_BLOCKS = "1e00f9ff"  # difficulty 0.004: a processor finds one every few seconds


def easy_pool(nbits=EASY_BLOCKS):
    pool = Pool(POOL)
    pool.argv += ["--nbits", nbits]
    return pool


def events(site):
    """Those told on the heater's event topic."""
    return [json.loads(text) for topic, text in site.watcher.messages if topic == f"{HEATER}/event"]


def test_money_is_told_with_its_source(one_site):
    config = one_site.config()
    config["mining"]["pools"][0]["fee"] = "50 %"
    site = one_site.start(config)
    first = json.loads(site.watcher.wait_topic(f"{HEATER}/state"))
    assert first["sat_per_hour"] is None, "no job, no money: not known is not nothing"
    assert first["revenue_source"] is None
    site.heat()
    wait_for(lambda: site.heater().get("sat_per_hour"), "the expected revenue is told")
    wait_for(lambda: site.heater().get("hashrate_15m_ths") and site.heater().get("hashrate_shares_ths"),
             "both ways to know the hash rate")
    state = site.heater()
    assert state["revenue_source"] == "job"
    hashes_per_block = state["network_difficulty"] * 2**48 / 65535
    # The demo pool's coinbase pays 50 coins, half of which the pool keeps.
    expected = state["hashrate_ths"] * 1e12 * 3600 / hashes_per_block * 50e8 * 0.5
    assert abs(state["sat_per_hour"] / expected - 1) < 1e-3
    assert abs(state["sat_per_kwh"] / (state["sat_per_hour"] * 1000 / state["power_w"]) - 1) < 2e-2
    assert state["hashrate_shares_low_ths"] <= state["hashrate_shares_ths"] <= state["hashrate_shares_high_ths"]
    assert state["shares_check"] in (None, "agrees")


def test_found_blocks_are_events(one_site):
    one_site.pools = [easy_pool()]
    site = one_site.start()
    site.heat()
    wait_for(lambda: site.pool.blocks, "the pool sees a block", 60)
    wait_for(lambda: site.heater().get("blocks_found", 0) >= len(site.pool.blocks), "it is counted", 10)
    told = wait_for(lambda: events(site), "and told")
    assert told[0]["event_type"] == "block_found"
    assert {event["hash"] for event in told} <= set(site.pool.blocks)
    assert told[0]["height"] == 0x030201
    assert told[0]["difficulty"] >= told[0]["network_difficulty"]
    assert told[0]["pool"] == f"127.0.0.1:{site.pool.port}"
    assert site.complaints("BLOCK FOUND"), "and logged"
    retained = site.watcher.__class__(site.broker.port)
    try:
        retained.wait_topic(f"{HEATER}/state")
        assert f"{HEATER}/event" not in retained.topics, "an old event must not look like a new one"
    finally:
        retained.close()


def test_a_test_network_does_not_fill_the_log(one_site):
    one_site.pools = [easy_pool("207fffff")]  # regtest: every share is a block
    site = one_site.start()
    started = now()
    site.heat()
    wait_for(lambda: site.heater().get("blocks_found", 0) >= 20, "twenty blocks", 60)
    assert 1 <= len(site.complaints("BLOCK FOUND")) <= now() - started + 1


def test_records_survive_a_restart(one_site):
    one_site.pools = [easy_pool()]
    site = one_site.start()
    site.heat()
    wait_for(lambda: site.heater().get("blocks_found", 0) > 0, "a block", 60)
    site.order("mode", "off")
    wait_for(lambda: site.heater().get("commanded_w") == 0, "off")
    site.pool.assert_quiet(1.5)
    before = site.heater()
    site.bridge.process.kill()  # nothing is left to an orderly end
    site.bridge.process.wait()
    site.watcher.forget()
    site.bridge.start()
    wait_for(lambda: site.heater().get("best_difficulty"), "the state after the restart")
    after = site.heater()
    assert after["best_difficulty"] == before["best_difficulty"] == before["session_best_difficulty"]
    assert after["session_best_difficulty"] is None
    assert after["blocks_found"] == before["blocks_found"]


def test_missing_credit_is_a_problem(one_site):
    bad = Pool(POOL)
    bad.argv += ["--misbehave", "reject-all"]
    one_site.pools = [bad]
    site = one_site.start()
    site.watcher.wait_topic("heatbridge/living_room/state")
    site.order("mode", "heat")
    site.order("target", "22")
    wait_for(lambda: site.heater().get("shares_check") == "below", "the missing credit is noticed", 90)
    wait_for(lambda: site.heater().get("problem"), "and is a problem")
