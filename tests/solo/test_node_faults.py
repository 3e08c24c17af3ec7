"""Nodes that restart, refuse, lag or grow without us."""

import hashlib
import hmac
import time

from conftest import HEATBRIDGE, POOL, Miner
from harness.bridge import Bridge, house
from harness.broker import Broker, RoomSensor, Watcher
from harness.pool import Pool
from harness.program import free_port
from harness.waiting import wait_for

MAINNET = "bc1qvyq0cc6rahyvsazfdje0twl7ez82ndmuac2lhv"
REGTEST = "bcrt1qdavt4j2sd7dlhqsavtnfxvzppw6k7qy97tmnu9"


def test_a_block_of_somebody_else_is_built_upon_at_once(node, mine):
    miner = mine(node, node.address(), duty=0)
    miner.start()
    miner.wait_working()
    wait_for(node.waiting_s, "it waits for news")
    worst = 0.0
    for _ in range(5):
        found_at = time.monotonic()
        node.call("generatetoaddress", 1, node.address())

        def renewed():
            waited = node.waiting_s()
            return waited is not None and waited < time.monotonic() - found_at
        wait_for(renewed, "it asks for the next news, having taken these")
        worst = max(worst, time.monotonic() - found_at)
    assert worst < 2, "without waiting for the half minute to pass"


def test_found_blocks_do_not_compete_with_those_of_others(node, mine):
    miner = mine(node, node.address())
    miner.start()
    wait_for(lambda: miner.state.get("blocks", 0) > 0, "a block of ours", 60)
    for _ in range(20):
        node.call("generatetoaddress", 1, node.address())
    before = miner.state["blocks"]
    wait_for(lambda: miner.state["blocks"] > before, "and another one on top", 60)
    assert miner.stop() == 0
    best = [tip for tip in node.call("getchaintips") if tip["status"] == "active"]
    assert best[0]["height"] == node.height


def test_node_restarts(node, mine):
    """The new start has a new cookie."""
    miner = mine(node, node.address())
    miner.start()
    wait_for(lambda: miner.state.get("blocks", 0) > 0, "a block", 60)
    old = node.cookie.read_text()
    node.stop()
    wait_for(lambda: miner.state["link"] != "ok", "the loss is told", 20)
    node.start()
    assert node.cookie.read_text() != old
    before = miner.state["blocks"]
    wait_for(lambda: miner.state["link"] == "ok" and miner.state["blocks"] > before, "and work goes on", 60)
    assert f"127.0.0.1:{node.rpc_port}" in "\n".join(miner.messages)


def test_node_that_is_not_there(node, mine):
    address = node.address()
    miner = mine(node, address)
    node.stop()
    line = miner.expect_failure("cookie file")
    assert "is the node running?" in line
    login = Miner(node.url, address, "--rpc-user", "me", "--rpc-password", "sesame")
    assert "onnect" in login.expect_failure(f"127.0.0.1:{node.rpc_port}: ")


def test_wrong_password(node):
    miner = Miner(node.url, node.address(), "--rpc-user", "me", "--rpc-password", "sesame")
    miner.expect_failure("the node refuses the user name or password")
    assert "sesame" not in "\n".join(miner.lines)


def test_user_and_password(nodes):
    """As in bitcoin.conf: a name, salt and HMAC-SHA-256 of the password under it."""
    salt, password = "5f3b8b3c0f2c9a4e", "sesame"
    digest = hmac.new(salt.encode(), password.encode(), hashlib.sha256).hexdigest()
    node = nodes(options=("-listen=0", "-connect=0", f"-rpcauth=me:{salt}${digest}",
                          "-rpcwhitelist=me:getblockchaininfo,getblocktemplate,submitblock", "-rpcwhitelistdefault=0"))
    miner = Miner(node.url, REGTEST, "--rpc-user", "me", "--rpc-password", password).start()
    try:
        wait_for(lambda: miner.state.get("blocks", 0) > 0, "a block", 60)
    finally:
        assert miner.stop() == 0


def test_address_of_another_network(node, mine):
    line = mine(node, MAINNET).expect_failure("nobody can be paid")
    assert "chain 'regtest'" in line and MAINNET in line
    assert mine(node, "not-an-address").start().process.wait(10) == 2


def test_node_without_peers_and_node_that_catches_up(nodes, mine):
    lonely = nodes("main")
    mine(lonely, MAINNET).expect_failure("the node has no peers")
    meeting = free_port()
    nodes("main", ("-listen", f"-bind=127.0.0.1:{meeting}", "-connect=0"))
    guest = nodes("main", ("-listen=0", f"-connect=127.0.0.1:{meeting}"))
    wait_for(lambda: guest.call("getconnectioncount") > 0, "they meet", 30)
    mine(guest, MAINNET).expect_failure("the node is still catching up with the chain")


def test_pool_until_the_node_is_there(node, tmp_path):
    """In the daemon: the node first, a pool for the time without it; the room stays warm."""
    address = node.address()
    node.stop()
    broker, pool = Broker(tmp_path), Pool(POOL)
    config = house(broker.port, pool.port, tmp_path / "state", "device")
    config["mining"]["pools"].insert(0, {"url": node.url, "user": address, "cookie_file": str(node.cookie)})
    bridge = Bridge(HEATBRIDGE, tmp_path, config)
    watcher = sensor = None
    try:
        pool.start()
        broker.start()
        watcher = Watcher(broker.port)
        sensor = RoomSensor(watcher, "test/living_room", 18.0)
        bridge.start()
        watcher.wait_topic("heatbridge/living_room/state")
        watcher.publish("heatbridge/living_room/mode/set", "heat")
        watcher.publish("heatbridge/living_room/target/set", "22")
        pool.wait_share(timeout=60)
        node.start()
        before = node.height
        wait_for(lambda: node.height > before, "blocks on our own node", 90)
        assert node.block(before + 1)["tx"][0]["vout"][0]["scriptPubKey"]["address"] == address
    finally:
        for end in (sensor, watcher):
            if end:
                end.close()
        for program in (bridge, pool, broker):
            program.stop()
