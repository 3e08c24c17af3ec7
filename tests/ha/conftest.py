"""What all Home Assistant tests share: one house for each lane, its logs on failure, and its log kept clean."""

import os
import pathlib
import signal
import statistics

import pytest

from harness.home import Home
from harness.lane import LANES

ROOT = pathlib.Path(__file__).resolve().parents[2]
_latencies = {}


def pytest_configure():
    # Asked to end, it tears down what it has started, as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--lane", action="append", choices=sorted(LANES),
                     help="Home Assistant to test with; may be given twice (default: all)")


def pytest_generate_tests(metafunc):
    if "lane" in metafunc.fixturenames:
        names = metafunc.config.getoption("--lane") or list(LANES)
        metafunc.parametrize("lane", [LANES[name] for name in names], ids=names, scope="session")


def _program(variable, default):
    path = pathlib.Path(os.environ.get(variable) or default).absolute()
    if not os.access(path, os.X_OK):
        pytest.exit(f"{variable}: no program at {path}", returncode=2)
    return path


@pytest.fixture(scope="session")
def house(lane):
    """The lane's house, shared by its tests: starting it is most of what a test would cost."""
    if not lane.ready:
        pytest.fail(f"the {lane.name} lane is not set up; tests/ha/setup makes it")
    heatbridge = _program("HEATBRIDGE", ROOT / "build/heatbridge")
    home = Home(lane, heatbridge, _program("HEATBRIDGE_POOL", heatbridge.parent / "demo-pool"))
    home.settle()
    home.started = len(home.ha.lines)
    yield home
    _latencies[lane.name] = home.latencies
    home.close()


@pytest.fixture
def expected_complaints():
    """A test that provokes Home Assistant adds the patterns of what it may log."""
    return []


@pytest.fixture
def home(house, request, expected_complaints):
    """The house in its usual state; afterwards Home Assistant must not have complained."""
    starts = {program: len(program.lines) for program in house.programs}
    request.node.log_starts = starts
    house.settle()
    yield house
    complaints = house.ha.complaints(since=starts[house.ha], allowed=expected_complaints)
    assert not complaints, "Home Assistant complains:\n" + "\n".join(complaints)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for program, start in getattr(item, "log_starts", {}).items():
            report.sections.append((f"log of {program.name}", program.tail(80, start)))
    return report


def pytest_terminal_summary(terminalreporter):
    for name, values in _latencies.items():
        if values:
            ordered = sorted(values)
            terminalreporter.write_line(
                f"{name}: command to state echo in Home Assistant, {len(ordered)} commands: "
                f"p50 {statistics.median(ordered) * 1000:.0f} ms, "
                f"p99 {ordered[round(0.99 * (len(ordered) - 1))] * 1000:.0f} ms, worst {ordered[-1] * 1000:.0f} ms")
