"""A FutureBit Apollo: the GraphQL interface as its published source has it; no recording exists.

Its vices are those of that source: everything is a query, the figures of the last run stay after a stop, start and stop
answer at once and take effect later, a mode is taken up only when the miner starts anew, a wrong password is an error in
a good answer, and an update that does not name the node's software installs it anew.
"""

import json
import re
import secrets
import time

from .base import HttpEmulator, Page

BOARDS_W = {"eco": 180.0, "balanced": 262.0, "turbo": 370.0, "custom": 300.0}


class Apollo(HttpEmulator):
    """`mode` is kept in flash; the miner starts with the power."""

    def __init__(self, password="secret", start_s=1.0, stop_s=0.3, **network):
        super().__init__(**network)
        self.page = Page(308, {"Location": "/overview"}, b"", address=self.address)  # on port 80
        self.password, self.start_s, self.stop_s = password, start_s, stop_s
        self.mode = self.running_mode = "balanced"
        self.node_software = "core_29_2"   # None: a firmware without that setting
        self.node_installs = self.restarts = self.logins = self.flash_writes = 0
        self.refuses = None                # a message with which it refuses to start
        self.tokens = set()
        self._goal, self._since = "online", 0.0

    def on_power(self):
        with self.lock:
            self.tokens.clear()
            self._go("online", 0)

    def _go(self, goal, takes_s):
        self._goal, self._since = goal, time.monotonic() + takes_s
        if goal == "online":
            self.running_mode = self.mode

    def status(self):
        return self._goal if time.monotonic() >= self._since else "pending"

    def changes(self):
        """Everything that was sent to change it, without the query around it."""
        found = self.asked(lambda what: re.search(r"update\(|\{(start|stop|restart)\{", what))
        return [re.search(r"update\(input:\{([^}]*)\}|\{(start|stop|restart)\{", what).group(0) for what in found]

    def answer(self, method, path, headers, body):
        with self.lock:
            if (method, path) != ("POST", "/api/graphql"):
                return 404, {}, b""
            asked = json.loads(body)
            query = asked["query"]
            if "Auth" in query:
                return self._login(asked["variables"]["input"]["password"])
            if headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
                return self._error("You must be authenticated to access this resource", "UNAUTHENTICATED")
            if "nodeSoftware" in query and self.node_software is None:
                return self._error('Cannot query field "nodeSoftware" on type "Settings".', "GRAPHQL_VALIDATION_FAILED", 400)
            if "update(" in query:
                return self._update(query)
            action = re.search(r"\{(start|stop|restart)\{", query)
            return self._act(action.group(1)) if action else self.json({"data": self._read(query)})

    def _error(self, message, code, status=200):
        return self.json({"errors": [{"message": message, "extensions": {"code": code}}], "data": None}, status)

    def _login(self, password):
        self.logins += 1
        if password != self.password:
            return self.json({"data": {"Auth": {"login": {"result": None, "error": {"message": "Invalid password"}}}}})
        token = secrets.token_urlsafe(24)
        self.tokens.add(token)
        return self.json({"data": {"Auth": {"login": {"result": {"accessToken": token}, "error": None}}}})

    def _update(self, query):
        given = dict(re.findall(r"(\w+):(\w+)", re.search(r"input:\{([^}]*)\}", query).group(1)))
        if self.node_software is not None and given.get("nodeSoftware") != self.node_software:
            self.node_installs += 1
        self.flash_writes += given["minerMode"] != self.mode
        self.mode = given["minerMode"]
        return self.json({"data": {"Settings": {"update": {"result": {"settings": {"minerMode": self.mode}},
                                                           "error": None}}}})

    def _act(self, action):
        if action != "stop" and self.refuses:
            error = {"message": self.refuses}
        else:
            error = None
            self.restarts += action == "restart"
            self._go("offline" if action == "stop" else "online", self.stop_s if action == "stop" else self.start_s)
        return self.json({"data": {"Miner": {action: {"error": error}}}})

    def _read(self, query):
        if "nodeSoftware" in query:
            return {"Settings": {"read": {"result": {"settings": {"nodeSoftware": self.node_software}}, "error": None}}}
        interval = {"sharesAccepted": 1200, "sharesRejected": 3, "inService": 86100}
        board = {"version": "v2", "versions": {"miner": "2.0.2"},
                 "master": {"upTime": 86460, "boardsW": BOARDS_W[self.running_mode]},
                 "pool": {"host": "pool.example", "port": 3333, "userName": "me.apollo", "intervals": {"int_0": interval}},
                 "temperature": {"max": 72}, "slots": {"int_0": {"ghs": 6900.5, "temperature": 68}}}
        return {
            "Miner": {"online": {"result": {"online": {"status": self.status()}}, "error": None},
                      "stats": {"result": {"stats": [board]}, "error": None}},
            "Settings": {"read": {"result": {"settings": {"minerMode": self.mode}}, "error": None}},
            "Mcu": {"stats": {"result": {"stats": {"network": [
                {"name": "lo", "mac": "00:00:00:00:00:00"}, {"name": "eth0", "mac": "02:5e:50:00:00:01"}]}}, "error": None}},
        }
