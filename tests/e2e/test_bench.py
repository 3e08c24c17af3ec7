"""`heatbridge bench sha256d` measures every kernel, and what it says hangs together."""

import json
import os
import subprocess

import pytest

from conftest import HEATBRIDGE

pytestmark = pytest.mark.alone


def test_every_kernel_is_measured():
    done = subprocess.run([HEATBRIDGE, "bench", "sha256d", "--seconds", "1", "--json"],
                          capture_output=True, text=True, check=True, timeout=120)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    kernels = {line["kernel"] for line in lines}
    threads = {1, os.cpu_count()}
    assert "portable-4" in kernels
    assert {line["kernel"] for line in lines if line["chosen"]} < kernels
    assert sum(line["chosen"] for line in lines) == 2 * len(threads)
    assert {(line["kernel"], line["threads"], line["versions"]) for line in lines} == \
        {(kernel, count, versions) for kernel in kernels for count in threads for versions in (1, 64)}
    for line in lines:
        assert line["bench"] == "sha256d" and line["cycles_from"] in ("perf", "clock")
        assert abs(line["ratio"] - line["mhs"] / line["openssl_mhs"]) < 0.02 * line["ratio"]
        # Hashes per second times cycles per hash is the clock rate of a processor.
        assert 0.2e9 < line["mhs"] * 1e6 * line["cycles_per_hash"] / line["threads"] < 10e9
        assert ("scaling" in line) == (line["threads"] > 1)
        if line["chosen"]:
            assert line["ratio"] > 2
