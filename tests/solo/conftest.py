"""A node for each test, and the plain miner on it."""

import json
import os
import pathlib

import pytest

from harness.program import Program
from harness.waiting import wait_for
from node import Node

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEATBRIDGE = pathlib.Path(os.environ.get("HEATBRIDGE") or ROOT / "build/heatbridge").absolute()
POOL = pathlib.Path(os.environ.get("HEATBRIDGE_POOL") or HEATBRIDGE.parent / "demo-pool").absolute()
PROGRAMS = []


class Miner(Program):
    """`heatbridge mine`: its JSON lines and its messages."""

    def __init__(self, url, address, *options, duty=10):
        super().__init__("heatbridge", [HEATBRIDGE, "mine", "--url", url, "--user", address, "--threads", "1",
                                        "--duty", str(duty), "--json", *options])
        PROGRAMS.append(self)

    @property
    def state(self):
        """The newest JSON line."""
        lines = [line for line in self.lines if line.startswith("{")]
        return json.loads(lines[-1]) if lines else {}

    @property
    def messages(self):
        return [line for line in self.lines if not line.startswith("{")]

    def wait_message(self, text, timeout=20.0, since=0):
        return self.wait_line(text, timeout, since)

    def wait_working(self, timeout=20.0):
        wait_for(lambda: self.state.get("link") == "ok", "the node gives work", timeout)

    def expect_failure(self, text, timeout=20.0):
        """It says so, gets no work, and ends with status 1."""
        self.start()
        line = self.wait_message(text, timeout)
        assert self.state.get("link") != "ok"
        assert self.stop() == 1
        return line


@pytest.fixture
def nodes(tmp_path):
    """Makes nodes that end with the test."""
    made = []

    def make(chain="regtest", options=("-listen=0", "-connect=0")):
        node = Node(tmp_path / f"node{len(made)}", chain, options)
        made.append(node)
        PROGRAMS.append(node)
        return node.start()

    yield make
    for node in made:
        node.stop()


@pytest.fixture
def node(nodes):
    return nodes().become_rich()


@pytest.fixture
def mine():
    """Makes miners that end with the test."""
    made = []

    def make(node, address, *options, **more):
        miner = Miner(node.url, address, "--cookie-file", str(node.cookie), *options, **more)
        made.append(miner)
        return miner

    yield make
    for miner in made:
        miner.stop()


@pytest.fixture(autouse=True)
def no_old_programs():
    PROGRAMS.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for program in PROGRAMS:
            report.sections.append((f"output of {program.name}", program.tail(40)))
    return report
