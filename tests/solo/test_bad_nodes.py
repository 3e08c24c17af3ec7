"""Whatever answers at a node's address, heatbridge says in plain words what is wrong, and lives on."""

import json

import pytest
from bad_node import BadNode, SocksDoor, TlsDoor
from conftest import Miner
from harness.waiting import wait_for

ADDRESS = "bcrt1qdavt4j2sd7dlhqsavtnfxvzppw6k7qy97tmnu9"
CHAIN = {"chain": "regtest", "blocks": 1, "headers": 1}
TEMPLATE = {"version": 0x20000000, "rules": ["csv", "!segwit"], "previousblockhash": "11" * 32, "transactions": [],
            "coinbasevalue": 5000000000, "bits": "1d00ffff", "curtime": 1795645940, "mintime": 1, "height": 7}


def result(value):
    return 200, json.dumps({"result": value, "error": None, "id": 1}).encode()


def error(code, message):
    return 500, json.dumps({"result": None, "error": {"code": code, "message": message}, "id": 1}).encode()


def template(**changes):
    """A node that is good but for its template."""
    return lambda method, params: result(CHAIN if method == "getblockchaininfo" else {**TEMPLATE, **changes})


def always(answer):
    return lambda method, params: answer


CASES = {
    "not json": (always((200, b"<html>hello</html>")), "this is no Bitcoin node: HTTP status 200"),
    "nothing": (always((200, b"")), "this is no Bitcoin node"),
    "not found": (always((404, b"not found")), "this is no Bitcoin node: HTTP status 404"),
    "redirect": (always((302, b"elsewhere")), "this is no Bitcoin node: HTTP status 302"),
    "other json": (always((200, b"[1,2]")), "this is no Bitcoin node"),
    "deep json": (always((200, b"[" * 100000)), "this is no Bitcoin node"),
    "not utf-8": (always((200, b'{"result":"\xff\xfe"}')), "this is no Bitcoin node"),
    "forbidden": (always((403, b"")), "the node refuses this machine"),
    "busy": (always((503, b"Work queue depth exceeded")), "the node has too many calls to answer"),
    "starting": (always(error(-28, "Verifying blocks...")), "the node is still starting: Verifying blocks..."),
    "no wallet of ours": (always(error(-5, "odd\x1b[31mwords")), "the node answers: odd"),
    "other service": (always(error(-32601, "Method not found")), "this is no node that blocks can be made with"),
    "error of another kind": (always((500, b'{"result":null,"error":"no"}')), "the node answers: an error without words"),
    "signet": (always(result({"chain": "signet"})), "must be signed by its keepers"),
    "endless": (always((200, b'{"result":"' + b"x" * 30_000_000)), "the answer is too long"),
    "odd template": (template(height=-1), "block template: height: expected a whole number from 1"),
    "no target": (template(bits="00000000"), "block template: bits: expected a target above 0"),
    "unknown rule": (template(rules=["!novelty"]), "block template: rules: 'novelty' is not known"),
    "foreign commitment": (template(default_witness_commitment="6a24aa21a9ed" + "00" * 32),
                           "block template: default_witness_commitment: expected the one that follows"),
    "a hundred thousand transactions": (template(transactions=[{"data": "00"}] * 100_000),
                                        "block template: transactions: expected at most 16666"),
}


@pytest.fixture
def bad(request):
    made = []

    def make(answer):
        made.append(BadNode(answer))
        return made[-1]

    yield make
    for node in made:
        node.close()


def login(url, *options, **more):
    return Miner(url, ADDRESS, "--rpc-user", "me", "--rpc-password", "sesame", *options, **more)


@pytest.mark.parametrize("name", CASES)
def test_nonsense_is_named(bad, name):
    answer, words = CASES[name]
    miner = login(bad(answer).url)
    line = miner.expect_failure(words)
    assert "\x1b" not in line
    assert "sesame" not in "\n".join(miner.lines)


def test_silent_node_is_given_up(bad):
    """Until then another pool would be tried: that is the business of pools and tested there."""
    node = bad(always(None))
    miner = login(node.url)
    miner.start()
    wait_for(lambda: node.calls, "it asks")
    miner.wait_message("no whole answer within 30000 ms", 45)
    assert miner.stop() == 1


def test_refused_proposal_and_block_without_long_polling(bad):
    """A node that offers neither to judge proposals nor to wait: it is asked for templates again and again."""
    node = bad(template())
    miner = login(node.url)
    miner.start()
    miner.wait_working()
    wait_for(lambda: node.calls.count("getblocktemplate") >= 3, "it asks again", 20)
    assert miner.stop() == 0

    refusing = bad(lambda method, params: result(
        CHAIN if method == "getblockchaininfo" else "bad-txns" if params[0].get("mode") == "proposal"
        else {**TEMPLATE, "capabilities": ["proposal"]}))
    login(refusing.url).expect_failure("the node would not take our block: bad-txns")


def test_a_block_is_submitted_until_the_node_answers(bad):
    """The first calls come to nothing; the block is taken all the same, and counted once."""
    def answer(method, params):
        if method == "getblockchaininfo":
            return result(CHAIN)
        if method == "submitblock":
            tries.append(params[0])
            return (503, b"") if len(tries) < 3 else result(None)
        return result({**TEMPLATE, "bits": "207fffff"})
    tries = []
    miner = login(bad(answer).url)
    miner.start()
    miner.wait_message("block 7 found and taken by the node", 30)
    wait_for(lambda: miner.state.get("blocks") == 1, "it is counted")
    assert miner.stop() == 0
    assert len(tries) == 3 and len(set(tries)) == 1, "one block on one parent, and no other"


def test_refused_block_is_told(bad):
    def answer(method, params):
        if method == "submitblock":
            return result("time-too-new")
        return result(CHAIN if method == "getblockchaininfo" else {**TEMPLATE, "bits": "207fffff"})
    miner = login(bad(answer).url)
    miner.start()
    line = miner.wait_message("the node does not take block 7", 30)
    assert "time-too-new" in line
    wait_for(lambda: miner.state.get("rejected_by_reason", {}).get("other", 0) > 0, "and counted")
    miner.stop()
    assert miner.state["blocks"] == 0


def test_encrypted_node(node, tmp_path):
    door = TlsDoor(tmp_path, node.rpc_port)
    try:
        stranger = Miner(door.url, ADDRESS, "--cookie-file", str(node.cookie))
        assert "ertificate" in stranger.expect_failure("SSL")
        miner = Miner(door.url, ADDRESS, "--cookie-file", str(node.cookie), "--ca-file", str(door.certificate))
        miner.start()
        wait_for(lambda: miner.state.get("blocks", 0) > 0, "a block through TLS", 60)
        assert miner.stop() == 0
    finally:
        door.close()


def test_node_behind_tor(node):
    """Its name is left to the proxy, and it has a circuit of its own."""
    door = SocksDoor(node.rpc_port)
    try:
        miner = Miner("solo+http://mynode.onion:8332", ADDRESS, "--cookie-file", str(node.cookie), "--proxy", door.url)
        miner.start()
        wait_for(lambda: miner.state.get("blocks", 0) > 0, "a block through the proxy", 60)
        assert miner.stop() == 0
    finally:
        door.close()
    assert set(door.names) == {("mynode.onion", 8332)}
    assert set(door.users) == {("heatbridge", "mynode.onion:8332")}
