"""A heater that speaks nothing but Stratum mines solo on our own node, through the proxy of the daemon."""

from conftest import HEATBRIDGE
from harness.bridge import Bridge, house
from harness.broker import Broker, Watcher
from harness.program import Program, free_port
from harness.waiting import wait_for


def test_blocks_of_a_heater_behind_the_proxy(node, tmp_path):
    address, port = node.address(), free_port()
    broker = Broker(tmp_path)
    config = house(broker.port, 1, tmp_path / "state", "device")
    config["mining"] = {"pools": [{"url": node.url, "user": address, "cookie_file": str(node.cookie)}],
                        "proxy": {"port": port}}
    config["rooms"]["living_room"]["heaters"] = ["old"]
    config["heaters"] = {"old": {"driver": "stratum_proxy", "password": "x", "power": 50, "hashrate": 1e-6}}
    bridge = Bridge(HEATBRIDGE, tmp_path, config)
    heater = Program("heater", [HEATBRIDGE, "mine", "--url", f"127.0.0.1:{port}", "--user", "old", "--threads", 1,
                                "--duty", 1, "--json"])
    watcher = None
    try:
        broker.start()
        watcher = Watcher(broker.port)
        bridge.start()
        bridge.wait_line("can be pointed to")
        sent = [node.pay("bech32"), node.pay("legacy")]
        before = node.height
        heater.start()
        wait_for(lambda: node.height >= before + 5, "five blocks of the heater", 90)
        block = node.block(before + 1)
        assert block["tx"][0]["vout"][0]["scriptPubKey"]["address"] == address
        wait_for(lambda: all(node.wallet("gettransaction", txid)["confirmations"] > 0 for txid in sent),
                 "every transaction is in a block", 60)
        wait_for(lambda: (watcher.json("heatbridge/heater/old/state") or {}).get("blocks_found", 0) > 0, "they are told")
    finally:
        if watcher:
            watcher.close()
        for program in (heater, bridge, broker):
            program.stop()
