"""`heatbridge bench devices` polls its emulated fleet, and what it says hangs together."""

import json
import subprocess

import pytest

from conftest import HEATBRIDGE
from families import drivers


def test_every_poll_is_answered():
    if not {"axeos", "avalon"} <= drivers(HEATBRIDGE):
        pytest.skip("this heatbridge lacks the drivers for it")
    done = subprocess.run([HEATBRIDGE, "bench", "devices", "--count", "40", "--seconds", "5"], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    fleet, figures = (json.loads(line) for line in done.stdout.splitlines())
    assert fleet["emulated"]["axeos"] == figures["axeos"] == 30
    assert fleet["emulated"]["avalon"] == figures["avalon"] == 10
    assert figures["devices"] == 40
    # A poll at the edge of the measurement counts on one side, its answer on the other.
    assert figures["polls"] >= 36 and abs(figures["answered"] - figures["polls"]) <= 4
    assert figures["cpu_s_per_1000_polls"] > 0 and figures["memory_mb"] > 1


@pytest.mark.parametrize("count", ["0", "-1", "4001", "1.5", "many"])
def test_a_count_that_is_none(count):
    done = subprocess.run([HEATBRIDGE, "bench", "devices", "--count", count], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "usage: heatbridge bench" in done.stderr
