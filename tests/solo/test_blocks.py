"""Blocks made by heatbridge are the node's best chain: with transactions, commitment and our reward."""

import pytest
from harness.waiting import wait_for
from node import Node

TAG = "/heatbridge/".encode().hex()
COMMITMENT = "6a24aa21a9ed"
KINDS = ["legacy", "p2sh-segwit", "bech32", "bech32m"]
SOMEBODY = "bcrt1pfwxjqvtt4tcxrtdluukfmy2dv7xd2qzdfy6kajv5nwn4yam3wxkq3553uh"  # whose coins nobody here can spend


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """One for all: its chain only grows."""
    shared = Node(tmp_path_factory.mktemp("node")).start().become_rich()
    yield shared
    shared.stop()


def check_coinbase(node, block, address):
    coinbase = block["tx"][0]
    script = coinbase["vin"][0]["coinbase"]
    height = block["height"]
    size = (height.bit_length() + 8) // 8
    assert script.startswith(f"{size:02x}{height.to_bytes(size, 'little').hex()}"), "height first (BIP 34)"
    assert TAG in script
    assert coinbase["vin"][0]["txinwitness"] == ["00" * 32]
    reward, commitment = coinbase["vout"]
    assert reward["scriptPubKey"]["address"] == address
    stats = node.call("getblockstats", height)
    assert round(reward["value"] * 1e8) == stats["subsidy"] + stats["totalfee"], "not a satoshi is lost"
    assert commitment["scriptPubKey"]["hex"].startswith(COMMITMENT)
    assert commitment["value"] == 0


def has_witnesses(block):
    return any("txinwitness" in vin for tx in block["tx"][1:] for vin in tx["vin"])


def test_ten_blocks_with_transactions(node, mine):
    address = SOMEBODY
    first = node.height + 1
    miner = mine(node, address)
    sent = [node.pay(kind) for kind in KINDS]
    miner.start()
    blocks = []
    while sum(has_witnesses(block) for block in blocks) < 10:
        assert len(blocks) < 500
        wait_for(lambda: node.height >= first + len(blocks), f"block {first + len(blocks)}", 60)
        blocks.append(node.block(first + len(blocks)))
        sent += [node.pay(KINDS[len(blocks) % 4]), node.pay("bech32")]
    wait_for(lambda: all(node.wallet("gettransaction", txid)["confirmations"] > 0 for txid in sent),
             "every transaction is in a block", 60)
    assert miner.stop() == 0
    blocks = [node.block(height) for height in range(first, node.height + 1)]
    for block in blocks:
        check_coinbase(node, block, address)
    assert {tx["txid"] for block in blocks for tx in block["tx"]} >= set(sent)
    assert node.call("verifychain", 4, 0) is True
    balance = node.call("scantxoutset", "start", [f"addr({address})"])["total_amount"]
    assert round(balance * 1e8) == sum(round(b["tx"][0]["vout"][0]["value"] * 1e8) for b in blocks)
    state = miner.state
    assert state["blocks"] == len(blocks), "each one is told"
    assert state["hits"] >= state["blocks"]
    assert state["accepted"] == 0, "there is no pool that could accept shares"
    assert set(state["rejected_by_reason"].values()) == {0}
    assert state["dropped"] == 0


def test_block_with_thousands_of_outputs(node, mine):
    """A template far beyond what fits one packet, and the block the same way back."""
    descriptor = next(d["desc"] for d in node.wallet("listdescriptors")["descriptors"] if d["desc"].startswith("wpkh"))
    addresses = node.call("deriveaddresses", descriptor, [0, 2099])
    txids = [node.wallet("sendmany", "", dict.fromkeys(addresses[start:start + 700], 0.0001))
             for start in (0, 700, 1400)]
    miner = mine(node, SOMEBODY)
    first = node.height + 1
    miner.start()
    wait_for(lambda: all(node.wallet("gettransaction", txid)["confirmations"] > 0 for txid in txids), "all paid", 60)
    biggest = max(node.call("getblockstats", height)["total_size"] for height in range(first, node.height + 1))
    assert biggest > 60_000


def test_version_bits_are_rolled(node, mine):
    """The engine searches in the version too, but not in bits with a meaning, as 28 has on regtest."""
    miner = mine(node, SOMEBODY, duty=20)
    first = node.height + 1
    miner.start()

    def rolled():
        return [v for v in (node.block(h)["version"] for h in range(first, node.height + 1)) if v & 0x0fffe000]
    versions = wait_for(rolled, "a block with a rolled version", 60)
    asked = node.call("getblocktemplate", {"rules": ["segwit"]})["version"]
    assert {v & ~0x0fffe000 for v in versions} <= {0x20000000, 0x30000000, asked}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_address_is_paid(node, mine, kind):
    address = node.address(kind)
    miner = mine(node, address)
    first = node.height
    miner.start()
    wait_for(lambda: node.height > first, "a block", 60)
    check_coinbase(node, node.block(first + 1), address)
