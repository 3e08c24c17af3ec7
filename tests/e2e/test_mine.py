"""`heatbridge mine` as somebody sees it who sits before a terminal, or reads its output elsewhere."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

import pytest

from conftest import HEATBRIDGE, POOL
from harness.pool import Pool
from harness.program import free_port
from harness.waiting import wait_for

ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@pytest.fixture
def pool():
    made = Pool(POOL).start()
    yield made
    made.stop()


def arguments(*pools, seconds=60):
    argv = [str(HEATBRIDGE), "mine", "--threads", "1", "--seconds", str(seconds)]
    for one in pools:
        argv += ["--url", f"stratum+tcp://127.0.0.1:{one}", "--user", "test.mine"]
    return argv


class Terminal:
    """A program on a pseudo-terminal of a given width."""

    def __init__(self, argv, width, env=()):
        self.text = ""
        leader, follower = pty.openpty()
        self.leader = leader
        self.resize(width)
        self.process = subprocess.Popen(
            argv, stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
            # Its controlling terminal, so that it hears of a new size.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8", **dict(env)})
        os.close(follower)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def resize(self, width):
        fcntl.ioctl(self.leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))

    def _read(self):
        while True:
            try:
                data = os.read(self.leader, 4096)
            except OSError:
                return
            if not data:
                return
            self.text += data.decode(errors="replace")

    def drawn(self):
        """Every line as it stood on the screen, without colours: what was cleared counts too."""
        plain = ESCAPE.sub(lambda m: "\n" if m.group().endswith("K") else "", self.text)
        return [line.rstrip() for line in re.split(r"[\r\n]+", plain) if line.strip()]

    def status_lines(self):
        return [line for line in self.drawn() if re.search(r"\d [kMGT]?H/s", line) and " ok " in line]

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        status = self.process.wait(10)
        self.reader.join(5)
        os.close(self.leader)
        return status


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_line_fits_the_terminal(pool, width):
    terminal = Terminal(arguments(pool.port), width)
    pool.wait_share()
    wait_for(lambda: any(re.search(r"[1-9]\d* ok", line) for line in terminal.status_lines()),
             "the line counts the share")
    wait_for(lambda: len(terminal.status_lines()) > 3, "the line lives")
    assert terminal.close() == 0
    assert max(len(line) for line in terminal.status_lines()) < width
    assert any(line.startswith("share accepted: ") for line in terminal.drawn()), "shares scroll above it"
    assert "\x1b[32m" in terminal.text, "a share is good news"
    drawn = terminal.drawn()
    end = len(drawn) - 1 - drawn[::-1].index(terminal.status_lines()[-1])
    assert drawn[end + 1].startswith("work "), "the summary stands alone at the end"


def test_a_resized_terminal_is_noticed(pool):
    terminal = Terminal(arguments(pool.port), 120)
    wait_for(lambda: any(len(line) > 62 for line in terminal.status_lines()), "a wide line", 30)
    terminal.resize(50)
    seen = len(terminal.text)
    wait_for(lambda: len(terminal.text) > seen + 400, "more lines", 20)
    terminal.text = terminal.text[seen:]
    terminal.close()
    assert terminal.status_lines()
    assert max(len(line) for line in terminal.status_lines()[2:]) < 50


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_none_are_wanted(pool, env):
    terminal = Terminal(arguments(pool.port), 80, env)
    pool.wait_share()
    wait_for(lambda: len(terminal.status_lines()) > 2, "the line lives")
    terminal.close()
    assert not re.search(r"\x1b\[[0-9;]*m", terminal.text)


def test_without_a_terminal_there_is_a_line_now_and_then(pool):
    done = subprocess.run(arguments(pool.port, seconds=6.5) + ["--every", "2"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr and "\r" not in done.stdout
    lines = [line for line in done.stdout.splitlines() if " ok " in line]
    assert 3 <= len(lines) <= 5
    assert "share accepted" not in done.stdout
    for word in ("work ", "shares ", "money "):
        assert any(line.startswith(word) for line in done.stdout.splitlines())


def test_json_is_one_line_a_second_and_nothing_else(pool):
    done = subprocess.run(arguments(pool.port, seconds=5.5) + ["--json"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) >= 5
    assert all(row.keys() == rows[0].keys() for row in rows)
    last = rows[-1]
    assert last["link"] == "ok" and last["hashes"] > 0
    assert last["network_difficulty"] > 1e6 and last["reward_source"] == "job"
    assert last["block_reward_sat"] == 50e8
    assert last["sat_per_hour"] > 0
    assert last["height"] == 0x030201 and last["next_halving_height"] == 210000
    text = subprocess.run([str(HEATBRIDGE), "mine", "--help"], capture_output=True, text=True, check=True).stdout
    assert not [key for key in last if not re.search(rf"\b{key}\b", text)], "the help tells every key"


@pytest.mark.parametrize("named", ["each", "last"])
def test_the_next_pool_takes_over(pool, named):
    dead = free_port()
    argv = arguments(dead, pool.port)
    if named == "last":
        where = argv.index("--user")
        del argv[where:where + 2]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        pool.wait_share(60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert f"127.0.0.1:{dead}" in err, "the dead one is named"
    assert f"127.0.0.1:{pool.port}" in out


def test_a_block_is_hard_to_miss(request):
    lucky = Pool(POOL)
    lucky.argv += ["--nbits", "1e00f9ff"]
    lucky.start()
    request.addfinalizer(lucky.stop)
    terminal = Terminal(arguments(lucky.port), 100)
    wait_for(lambda: lucky.blocks, "a block", 60)
    wait_for(lambda: "accepts the block" in terminal.text, "the pool's answer is told")
    wait_for(lambda: "1 block" in terminal.status_lines()[-1], "it is on the line")
    assert terminal.close() == 0
    assert f"BLOCK FOUND: {lucky.blocks[0]}" in terminal.text.replace("\r\n", "")
    assert re.search(r"^blocks +\d+ found", "\n".join(terminal.drawn()), re.MULTILINE)


@pytest.mark.parametrize("wrong, said", [
    (["--url", "stratum+tcp://h:1"], "expected --url and --user"),
    (["--fee", "101"], "--fee: expected a number from 0 to 100, got '101'"),
    (["--every", "0"], "--every: expected"),
    (["--power", "0"], "--power: expected a number from 1 to 100000, got '0'"),
    (["more"], "expected options only, got 'more'"),
    (["--url", "ftp://h:1", "--user", "u"], "got 'ftp"),
])
def test_mistakes_are_told_and_end_it(wrong, said):
    done = subprocess.run([str(HEATBRIDGE), "mine", *wrong], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
