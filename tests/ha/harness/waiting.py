"""Waiting for a condition with a deadline; nothing in these tests sleeps for a fixed time and hopes."""

import time

POLL_INTERVAL = 0.02


def wait_for(condition, what, timeout=10.0):
    """Returns the condition's first true value, or fails and says what it waited for."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(POLL_INTERVAL)
