"""The Stratum pool program and its own account of the work that it was sent."""

import json

from .program import Program, free_port
from .waiting import wait_for


class Pool(Program):
    """Independent witness: it checks each share itself and prints one JSON line for each event."""

    def __init__(self, program):
        self.port = free_port()
        self.events = []
        super().__init__("pool", [program, "--port", self.port, "--share-interval", 0])

    def start(self):
        super().start()
        self.wait_listening(self.port)
        return self

    def on_line(self, line):
        super().on_line(line)
        try:
            event = json.loads(line)
        except ValueError:
            return
        if isinstance(event, dict):
            self.events.append(event)

    @property
    def accepted(self):
        return sum(1 for e in list(self.events) if e.get("event") == "share" and e.get("accepted"))

    @property
    def rejected(self):
        return sum(1 for e in list(self.events) if e.get("event") == "share" and not e.get("accepted"))

    def wait_share(self, timeout=20.0):
        """A share that arrives after the call."""
        before = self.accepted
        wait_for(lambda: self.accepted > before, "the pool accepts another share", timeout)

    def assert_quiet(self, settle, watch):
        """No share for `watch` seconds; what was under way may still arrive in the first `settle` seconds."""
        def silent_for(seconds):
            before = self.accepted
            try:
                wait_for(lambda: self.accepted > before, "", seconds)
            except AssertionError:
                return True
            return False
        wait_for(lambda: silent_for(watch), "the pool gets no more shares", settle + watch)
