"""A real Bitcoin node of one's own, on loopback, and calls to it."""

import base64
import http.client
import json
import os
import pathlib

from harness.program import Program, free_port
from harness.waiting import wait_for

BITCOIND = pathlib.Path(os.environ["BITCOIN_NODE"]) / "bitcoind"


class RpcError(Exception):
    """What the node answers instead of a result."""


class Node(Program):
    """start() and stop() may alternate; the chain is kept."""

    def __init__(self, folder, chain="regtest", options=("-listen=0", "-connect=0")):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.chain = chain
        self.rpc_port = free_port()
        super().__init__("bitcoind", [
            BITCOIND, f"-datadir={self.folder}", f"-chain={chain}", f"-rpcport={self.rpc_port}",
            "-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1", "-server", "-dnsseed=0", "-fixedseeds=0",
            "-natpmp=0", "-listenonion=0", "-fallbackfee=0.0001", "-dbcache=4", "-keypool=5", "-changetype=bech32",
            "-printtoconsole",
            *options])

    @property
    def cookie(self):
        below = {"main": "", "regtest": "regtest"}[self.chain]
        return self.folder / below / ".cookie"

    @property
    def url(self):
        return f"solo+http://127.0.0.1:{self.rpc_port}"

    def call(self, method, *params, wallet=False):
        connection = http.client.HTTPConnection("127.0.0.1", self.rpc_port, timeout=60)
        login = base64.b64encode(self.cookie.read_bytes()).decode()
        connection.request("POST", "/wallet/test" if wallet else "/",
                           json.dumps({"id": 1, "method": method, "params": params}),
                           {"Authorization": f"Basic {login}"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        if answer["error"]:
            raise RpcError(answer["error"]["message"])
        return answer["result"]

    def wallet(self, method, *params):
        return self.call(method, *params, wallet=True)

    def _answers(self):
        if not self.running:
            raise AssertionError(f"bitcoind ended with {self.process.returncode}:\n{self.tail()}")
        try:
            return self.call("getblockchaininfo")
        except (OSError, RpcError, ValueError, http.client.HTTPException):
            return None

    def start(self):
        super().start()
        wait_for(self._answers, "bitcoind answers", 60)
        return self

    def become_rich(self):
        """A wallet with coins that can be spent."""
        self.call("createwallet", "test")
        self.call("generatetoaddress", 10, self.wallet("getnewaddress"))
        self.call("generatetodescriptor", 100, "raw(51)#8lvh9jxk")  # until they may be spent
        return self

    def address(self, kind="bech32"):
        return self.wallet("getnewaddress", "", kind)

    def pay(self, kind, amount=0.1):
        """A transaction to an address of that kind; returns its id."""
        return self.wallet("sendtoaddress", self.address(kind), amount)

    @property
    def height(self):
        return self.call("getblockcount")

    def block(self, height):
        return self.call("getblock", self.call("getblockhash", height), 2)

    def waiting_s(self):
        """For how long somebody waits for news of the chain, None if nobody does."""
        durations = [c["duration"] / 1e6 for c in self.call("getrpcinfo")["active_commands"]
                     if c["method"] == "getblocktemplate"]
        return max(durations, default=None)
