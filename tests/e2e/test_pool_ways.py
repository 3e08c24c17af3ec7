"""Ways to a pool, with servers that are not ours: SOCKS5 by microsocks, TLS by OpenSSL; and its rules."""

import json
import socket
import ssl
import subprocess
import threading

import pytest

from conftest import HEATBRIDGE, POOL, BadPool
from harness.pool import Pool
from harness.program import Program, free_port
from harness.waiting import wait_for


class Mine(Program):
    """`heatbridge mine` against one pool."""

    def __init__(self, url, *options):
        super().__init__("mine", [HEATBRIDGE, "mine", "--url", url, "--user", "me.test", "--json", "--threads", 1,
                                  "--duty", 20, *options])

    def figures(self):
        """The latest line of figures."""
        rows = [line for line in self.lines if line.startswith("{")]
        return json.loads(rows[-1]) if rows else {}


class Socks(Program):
    """microsocks on loopback; it logs where it connects to, as it was asked."""

    def __init__(self, *options):
        self.port = free_port()
        super().__init__("microsocks", ["microsocks", "-i", "127.0.0.1", "-p", self.port, *options])

    def start(self):
        super().start()
        self.wait_listening(self.port)
        return self

    @property
    def url(self):
        return f"socks5://127.0.0.1:{self.port}"


class TlsFront:
    """Terminates TLS before a pool, with a certificate of its own for `localhost`."""

    def __init__(self, folder, pool_port):
        self.cert, key = folder / "cert.pem", folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", self.cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.cert, key)
        self.pool_port = pool_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                raw = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        try:
            inside = self.context.wrap_socket(raw, server_side=True)
            outside = socket.create_connection(("127.0.0.1", self.pool_port))
        except OSError:
            return
        threading.Thread(target=pump, args=(outside, inside), daemon=True).start()
        pump(inside, outside)

    def close(self):
        self.listener.close()


def pump(source, sink):
    try:
        while data := source.recv(4096):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        end.close()


@pytest.fixture
def programs():
    """Started programs, all of which end with the test."""
    started = []

    def start(program):
        started.append(program)
        return program.start()

    yield start
    for program in reversed(started):
        program.stop()


def test_a_pool_behind_a_proxy(programs):
    pool, socks = programs(Pool(POOL)), programs(Socks())
    mine = programs(Mine(f"stratum+tcp://localhost:{pool.port}", "--proxy", socks.url))
    pool.wait_share(timeout=60)
    socks.wait_line(f"localhost:{pool.port}")  # the name itself: it was not looked up here
    wait_for(lambda: mine.figures().get("accepted", 0) > 0, "the miner counts it")


def test_a_proxy_with_user_and_password(programs):
    pool, socks = programs(Pool(POOL)), programs(Socks("-u", "me", "-P", "secret"))
    login = ("--proxy", socks.url, "--proxy-user", "me", "--proxy-password")
    stranger = programs(Mine(f"stratum+tcp://127.0.0.1:{pool.port}", *login, "wrong"))
    stranger.wait_line(f"proxy 127.0.0.1:{socks.port}: it refuses the user or the password")
    programs(Mine(f"stratum+tcp://127.0.0.1:{pool.port}", *login, "secret"))
    pool.wait_share(timeout=60)


def test_a_proxy_says_why_the_pool_is_out_of_reach(programs):
    socks = programs(Socks())
    mine = programs(Mine(f"stratum+tcp://127.0.0.1:{free_port()}", "--proxy", socks.url))
    mine.wait_line(f"proxy 127.0.0.1:{socks.port}: connection refused")
    mine = programs(Mine("stratum+tcp://no-such-host.invalid:3333", "--proxy", socks.url))
    mine.wait_line(f"proxy 127.0.0.1:{socks.port}: it failed", 30)  # SOCKS5 has no word for names


def test_an_onion_service_needs_a_proxy():
    done = subprocess.run([HEATBRIDGE, "mine", "--url", "stratum+tcp://abcdef.onion:3333", "--user", "me"],
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "socks5://127.0.0.1:9050" in done.stderr and "only Tor reaches 'abcdef.onion'" in done.stderr


def test_tls_through_a_proxy(programs, tmp_path):
    pool, socks = programs(Pool(POOL)), programs(Socks())
    front = TlsFront(tmp_path, pool.port)
    url = f"stratum+ssl://localhost:{front.port}"
    stranger = programs(Mine(url, "--proxy", socks.url))
    stranger.wait_line("the certificate is not trusted: self-signed certificate")
    programs(Mine(url, "--proxy", socks.url, "--ca-file", front.cert))
    pool.wait_share(timeout=60)
    front.close()


def test_the_pin_is_what_openssl_prints(programs, tmp_path):
    pool = programs(Pool(POOL))
    front = TlsFront(tmp_path, pool.port)
    printed = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", front.cert], check=True,
                             capture_output=True, text=True).stdout
    pin = printed.strip().partition("=")[2]
    url = f"stratum+tls://127.0.0.1:{front.port}"  # not the certificate's name: the pin suffices
    stranger = programs(Mine(url, "--tls-pin", "00" * 32))
    stranger.wait_line(f"the certificate is not the pinned one: its SHA-256 is {pin}")
    programs(Mine(url, "--tls-pin", pin))
    pool.wait_share(timeout=60)
    front.close()


# The blocks' own versions, among them rolled ones; a bit of the job's own inside the mask.
@pytest.mark.parametrize("version", ["00000000", "30000000"])
@pytest.mark.parametrize("rule", ["or", "xor", "replace"])
def test_rolled_versions_are_accepted_by_every_rule(programs, rule, version):
    pool = Pool(POOL)
    pool.argv += ["--version-rule", rule, "--version", version]
    mine = programs(Mine(f"stratum+tcp://127.0.0.1:{programs(pool).port}"))
    wait_for(lambda: pool.accepted > 20, "twenty shares are accepted", 60)
    assert pool.rejected <= (3 if rule == "replace" else 0), "a server to the letter is understood from its refusal"
    wait_for(lambda: mine.figures()["pools"][0]["answer_p95_ms"] is not None, "the answers are timed")
    figures = mine.figures()["pools"][0]
    assert figures["state"] == "working" and figures["answer_p50_ms"] <= figures["answer_p95_ms"] < 5000


def test_every_shape_of_a_refusal_is_counted_under_its_reason(programs):
    pool = programs(BadPool("error-shapes"))
    mine = programs(Mine(f"stratum+tcp://127.0.0.1:{pool.port}", "--duty", 100))
    wait_for(lambda: mine.figures().get("rejected", 0) >= 12, "each shape has been sent", 90)
    counts = mine.figures()["rejected_by_reason"]
    expected = {"stale": 4, "duplicate": 2, "low_difficulty": 2, "unauthorized": 2, "other": 2}
    assert counts.keys() == expected.keys()
    assert all(expected[kind] <= counts[kind] <= 2 * expected[kind] for kind in expected), counts
    # The more so as nothing else was ever accepted.
    mine.wait_line("the pool refused 20 shares in a row, the last one because: ", 90)


def test_a_hundred_clean_jobs_a_second(programs):
    pool = Pool(POOL)
    pool.argv += ["--job-interval", "0.01", "--clean-every", "1"]
    mine = programs(Mine(f"stratum+tcp://127.0.0.1:{programs(pool).port}", "--duty", 100))

    def shares():
        return [json.loads(line) for line in pool.lines if '"event":"share"' in line]
    wait_for(lambda: [share for share in shares() if share["accepted"] and int(share["job"], 16) > 100],
             "a share is accepted after a hundred jobs", 120)
    refused = [share for share in shares() if not share["accepted"]]
    assert all(share["code"] == 21 for share in refused), "only of jobs that ended while the share was on its way"
    assert mine.running and mine.figures()["pools"][0]["losses"] == 0


def test_a_change_of_pool_is_published_with_its_reason(one_site):
    second = one_site.pool
    first = Pool(POOL)
    one_site.pools = [first, second]
    site = one_site.start()
    site.heat()
    where = f"127.0.0.1:{first.port}"
    wait_for(lambda: site.heater().get("pool") == where, "the first pool is used")
    changes = site.heater()["pool_changes"]
    first.stop()
    second.wait_share(timeout=60)
    wait_for(lambda: site.heater()["pool"] == f"127.0.0.1:{second.port}", "the second is told")
    assert site.heater()["pool_reason"].startswith(where)
    first.start()
    wait_for(lambda: site.heater()["pool"] == where, "the first is returned to", 90)
    assert site.heater()["pool_reason"] == f"{where} works again"
    assert site.heater()["pool_changes"] >= changes + 3
    wait_for(lambda: all(row["accepted"] > 0 for row in site.heater()["pools"]), "each pool has its account", 30)
    row = next(row for row in site.heater()["pools"] if row["pool"] == where)
    assert row["answer_p95_ms"] >= row["answer_p50_ms"] >= 0  # whole milliseconds, and this is the loopback
    assert set(row["refused"]) == {"stale", "duplicate", "low_difficulty", "unauthorized", "other"}


def test_a_silent_pool_is_passed_over_in_time(one_site):
    second = one_site.pool
    first = Pool(POOL)
    first.argv += ["--job-interval", "3600"]
    one_site.pools = [first, second]
    config = one_site.config()
    config["mining"]["pools"][0]["silence"] = "10 s"
    site = one_site.start(config)
    site.heat()
    first.wait_share(timeout=30)
    second.wait_share(timeout=30)
    wait_for(lambda: "no new job for too long" in (site.heater().get("pool_reason") or ""), "and why")
