"""The Stratum pool program and its own account of the work that it was sent."""

import json

from .program import Program, free_port, now
from .waiting import wait_for


class Pool(Program):
    """Independent witness: it checks each share itself and prints one JSON line for each event."""

    def __init__(self, program):
        self.port = free_port()
        self.accepted_at = []
        self.blocks = []  # hashes of the accepted shares that are blocks
        self.rejected = 0
        # Difficulties for several shares a second, so that a few seconds of silence mean something.
        super().__init__("pool", [program, "--port", self.port, "--share-interval", 0.2])

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
        if isinstance(event, dict) and event.get("event") == "share":
            if event["accepted"]:
                self.accepted_at.append(now())
                self.blocks += [event["hash"]] if event["block"] else []
            else:
                self.rejected += 1

    @property
    def accepted(self):
        return len(self.accepted_at)

    def wait_share(self, timeout=30.0):
        """A share that arrives after the call. Returns when."""
        before = self.accepted
        wait_for(lambda: self.accepted > before, "the pool accepts another share", timeout)
        return self.accepted_at[before]

    def assert_quiet(self, seconds=2.0, timeout=10.0):
        """Waits until no share has come for some time."""
        started = now()

        def silence():
            return now() - max(started, *self.accepted_at[-1:]) > seconds

        wait_for(silence, f"the pool gets no share for {seconds:g} s", timeout)
