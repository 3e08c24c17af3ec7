#!/usr/bin/env python3
"""demo-pool as a miner sees it: a client of its own (hashlib) finds shares and breaks every rule.

usage: test_pool.py PATH-OF-DEMO-POOL
"""
import hashlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

POOL = os.environ.get("DEMO_POOL", "")
SHARES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "shares.json")
DEADLINE_S = 20


def sha256d(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


class Pool:
    def __init__(self, *options):
        self.process = subprocess.Popen([POOL, "--seconds", "60", *options], stdout=subprocess.PIPE,
                                        text=True)
        self.port = self.event("listening")["port"]

    def event(self, kind):
        """The next event of that kind."""
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == kind:
                return event
        raise AssertionError(f"the pool ended without the event '{kind}'")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=DEADLINE_S)


class Miner:
    def __init__(self, pool):
        self.socket = socket.create_connection(("127.0.0.1", pool.port), timeout=DEADLINE_S)
        self.file = self.socket.makefile("rb")
        self.next_id = 1
        self.calls = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def read(self):
        line = self.file.readline()
        if not line:
            raise EOFError
        return json.loads(line)

    def ask(self, method, params):
        """Answer to a request; calls of the pool that come before it are kept in `calls`."""
        number, self.next_id = self.next_id, self.next_id + 1
        line = json.dumps({"id": number, "method": method, "params": params}) + "\n"
        self.socket.sendall(line.encode())
        while True:
            message = self.read()
            if message.get("method") is None and message["id"] == number:
                return message
            self.calls.append(message)

    def call(self, method):
        """The next call of that method, kept or still to come."""
        while True:
            for i, message in enumerate(self.calls):
                if message.get("method") == method:
                    return self.calls.pop(i)["params"]
            self.calls.append(self.read())

    def login(self, rolling=True):
        if rolling:
            answer = self.ask("mining.configure", [["version-rolling"],
                              {"version-rolling.mask": "1fffe000",
                               "version-rolling.min-bit-count": 2}])["result"]
            assert answer["version-rolling"] is True, answer
        result = self.ask("mining.subscribe", ["test/1"])["result"]
        self.extranonce1, self.extranonce2_size = result[1], result[2]
        assert self.ask("mining.authorize", ["me", "x"])["result"] is True
        self.difficulty = self.call("mining.set_difficulty")[0]
        self.job = self.call("mining.notify")

    def submit(self, extranonce2, ntime, nonce, bits=None, job=None, worker="me"):
        params = [worker, job or self.job[0], extranonce2, ntime, nonce]
        return self.ask("mining.submit", params + ([] if bits is None else [bits]))

    def search(self, bits=0, extranonce2=0, want=lambda difficulty, d: difficulty >= d, version=None):
        """A (extranonce2, ntime, nonce) whose hash is wanted."""
        _, prevhash, coinb1, coinb2, branches, own_version, nbits, ntime, _ = self.job
        text = extranonce2.to_bytes(self.extranonce2_size, "big").hex()
        root = sha256d(bytes.fromhex(coinb1 + self.extranonce1 + text + coinb2))
        for branch in branches:
            root = sha256d(root + bytes.fromhex(branch))
        previous = b"".join(bytes.fromhex(prevhash[i:i + 8])[::-1] for i in range(0, 64, 8))
        head = (struct.pack("<I", version or int(own_version, 16) | bits) + previous + root +
                struct.pack("<II", int(ntime, 16), int(nbits, 16)))
        for nonce in range(1 << 32):
            value = int.from_bytes(sha256d(head + struct.pack("<I", nonce)), "little")
            if want((0xffff << 208) / value, self.difficulty):
                return text, ntime, f"{nonce:08x}"
        raise AssertionError("no nonce")


EASY = ("--difficulty", "1e-7", "--share-interval", "0", "--job-interval", "600")


class Rules(unittest.TestCase):
    def setUp(self):
        self.pool = self.enterContext(Pool(*EASY))
        self.miner = self.enterContext(Miner(self.pool))
        self.miner.login()

    def refused(self, answer, code):
        self.assertIs(answer["result"], False)
        self.assertEqual(answer["error"][0], code, answer)

    def test_a_found_share_is_accepted_and_told_with_its_hash(self):
        answer = self.miner.submit(*self.miner.search(), "00000000")
        self.assertEqual((answer["result"], answer["error"]), (True, None))
        event = self.pool.event("share")
        self.assertIs(event["accepted"], True)
        self.assertEqual(event["worker"], "me")
        self.assertGreaterEqual(event["difficulty"], 1e-7)
        value = int(event["hash"], 16)
        self.assertAlmostEqual((0xffff << 208) / value / event["difficulty"], 1, 9)

    def test_rolled_version_bits_count_only_inside_the_mask(self):
        share = self.miner.search(bits=0x00802000)
        self.assertIs(self.miner.submit(*share, "00802000")["result"], True)
        self.refused(self.miner.submit(*share, "00000001"), 20)

    def test_blocks_are_as_hard_as_mainnets_unless_asked_otherwise(self):
        def targets(*options):
            rapid = ("--difficulty", "1e-7", "--share-interval", "0", "--job-interval", "0.05", "--clean-every", "1")
            with Pool(*rapid, *options) as pool, Miner(pool) as miner:
                miner.login()
                return {miner.call("mining.notify")[6] for _ in range(14)}
        hard = targets()
        self.assertGreater(len(hard), 2, "several real blocks")
        for nbits in hard:
            exponent, mantissa = int(nbits[:2], 16), int(nbits[2:], 16)
            self.assertGreater((0xffff << 208) / (mantissa << 8 * (exponent - 3)), 1e9)
        self.assertEqual(targets("--nbits", "1e00f9ff"), {"1e00f9ff"})

    def test_missing_version_bits_are_refused(self):
        self.refused(self.miner.submit(*self.miner.search()), 20)

    def test_the_same_share_twice_is_a_duplicate(self):
        share = self.miner.search()
        self.assertIs(self.miner.submit(*share, "00000000")["result"], True)
        self.refused(self.miner.submit(*share, "00000000"), 22)

    def test_a_hash_above_the_target_is_refused(self):
        share = self.miner.search(want=lambda difficulty, d: difficulty < d)
        self.refused(self.miner.submit(*share, "00000000"), 23)

    def test_unknown_jobs_wrong_sizes_and_times_are_refused(self):
        text, ntime, nonce = self.miner.search()
        early = f"{int(ntime, 16) - 1:08x}"
        late = f"{int(ntime, 16) + 7001:08x}"
        self.refused(self.miner.submit(text, ntime, nonce, "00000000", job="nope"), 21)
        self.refused(self.miner.submit(text + "00", ntime, nonce, "00000000"), 20)
        self.refused(self.miner.submit(text[2:], ntime, nonce, "00000000"), 20)
        self.refused(self.miner.submit(text, early, nonce, "00000000"), 20)
        self.refused(self.miner.submit(text, late, nonce, "00000000"), 20)
        self.refused(self.miner.submit(text, ntime, nonce, "00000000", worker="you"), 24)

    def test_who_has_not_subscribed_cannot_submit(self):
        with Miner(self.pool) as stranger:
            stranger.job = ["1"]
            self.refused(stranger.submit("00000000", "00000000", "00000000"), 25)

    def test_summary_counts_and_a_signal_asks_for_it(self):
        self.miner.submit(*self.miner.search(), "00000000")
        self.miner.submit("00000000", "00000000", "00000000", "00000000", job="nope")
        self.pool.process.send_signal(signal.SIGUSR1)
        event = self.pool.event("summary")
        self.assertEqual((event["accepted"], event["rejected"]), (1, 1))

    def test_not_json_closes_only_that_connection(self):
        with Miner(self.pool) as broken:
            broken.socket.sendall(b"[" * 5000 + b"\n")
            self.assertEqual(broken.file.readline(), b"")
        with Miner(self.pool) as endless:
            try:
                endless.socket.sendall(b"a" * 100000)
                self.assertEqual(endless.file.readline(), b"")
            except ConnectionError:
                pass
        self.assertIs(self.miner.submit(*self.miner.search(), "00000000")["result"], True)


class Service(unittest.TestCase):
    def test_jobs_renew_and_a_clean_job_makes_older_ones_stale(self):
        options = ("--difficulty", "1e-7", "--share-interval", "0", "--job-interval", "0.2",
                   "--clean-every", "2")
        with Pool(*options) as pool, Miner(pool) as miner:
            miner.login()
            share, first = miner.search(), miner.job
            headers = {first[1]}
            for _ in range(4):
                miner.job = miner.call("mining.notify")
                headers.add(miner.job[1])
            self.assertGreaterEqual(len(headers), 2)
            answer = miner.submit(*share, "00000000", job=first[0])
            self.assertEqual(answer["error"][0], 21)

    def test_suggested_difficulty_holds_and_old_jobs_keep_the_easier_one(self):
        with Pool(*EASY) as pool, Miner(pool) as miner:
            miner.login()
            share = miner.search(want=lambda difficulty, d: 1e-7 <= difficulty < 1)
            self.assertIs(miner.ask("mining.suggest_difficulty", [8.5])["result"], True)
            self.assertEqual(miner.call("mining.set_difficulty"), [8.5])
            self.assertIs(miner.submit(*share, "00000000")["result"], True)
            self.assertIs(miner.ask("mining.suggest_difficulty", [-1])["result"], False)

    def test_difficulty_rises_with_the_rate_of_shares(self):
        with Pool("--difficulty", "1e-7", "--share-interval", "5") as pool, Miner(pool) as miner:
            miner.login(rolling=False)
            for extranonce2 in range(24):
                share = miner.search(extranonce2=extranonce2)
                self.assertIs(miner.submit(*share)["result"], True)
            self.assertGreater(miner.call("mining.set_difficulty")[0], 1e-7)

    def test_without_a_mask_no_version_rolling(self):
        with Pool("--mask", "00000000", *EASY) as pool, Miner(pool) as miner:
            answer = miner.ask("mining.configure", [["version-rolling"], {}])["result"]
            self.assertIs(answer["version-rolling"], False)

    def test_version_bits_are_applied_by_the_rule_asked_for(self):
        # A bit of the job's own inside the mask, which is sent or not: (rule, bits sent, version hashed).
        cases = [("or", 0x2000, 0x30002000), ("or", 0x10002000, 0x30002000), ("xor", 0x2000, 0x30002000),
                 ("xor", 0x10002000, 0x20002000), ("replace", 0x2000, 0x20002000),
                 ("replace", 0x10002000, 0x30002000)]
        for rule, bits, version in cases:
            with Pool("--version", "30000000", "--version-rule", rule, *EASY) as pool, Miner(pool) as miner:
                miner.login()
                self.assertEqual(miner.job[5], "30000000")
                share = miner.search(version=version)
                self.assertIs(miner.submit(*share, f"{bits:08x}")["result"], True, (rule, bits))

    def test_recorded_shares_are_accepted_on_their_recorded_jobs(self):
        with open(SHARES, encoding="utf-8") as file:
            recorded = [s for s in json.load(file) if s["difficulty"] > 1e-6]
        self.assertEqual(len(recorded), 6)
        for share in recorded:
            with tempfile.NamedTemporaryFile("w", suffix=".json") as job:
                json.dump(share["notify_params"], job)
                job.flush()
                options = ("--notify", job.name, "--extranonce1", share["extranonce1"],
                           "--extranonce2-size", str(len(share["extranonce2"]) // 2),
                           "--difficulty", str(share["difficulty"] * 0.999999), "--share-interval", "0")
                with Pool(*options) as pool, Miner(pool) as miner:
                    miner.login()
                    answer = miner.submit(share["extranonce2"], share["ntime"], share["nonce"],
                                          share["version_bits"])
                    self.assertIs(answer["result"], True, answer)
                    self.assertEqual(pool.event("share")["hash"], share["hash"])

    def test_many_clients_at_once(self):
        with Pool(*EASY) as pool:
            miners = [self.enterContext(Miner(pool)) for _ in range(60)]
            for miner in miners:
                miner.login()
            self.assertEqual(len({miner.extranonce1 for miner in miners}), 60)
            self.assertIs(miners[37].submit(*miners[37].search(), "00000000")["result"], True)


class Misbehaviour(unittest.TestCase):
    def bad(self, kind, *options):
        pool = self.enterContext(Pool(*EASY, "--misbehave", kind, *options))
        return pool, self.enterContext(Miner(pool))

    def test_unknown_kind_is_a_usage_error(self):
        for arguments in (["--misbehave", "nicely"], ["--port", "70000"], ["--what"]):
            done = subprocess.run([POOL, *arguments], capture_output=True, text=True,
                                  timeout=DEADLINE_S, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(arguments[0], done.stderr)

    def test_silent(self):
        _, miner = self.bad("silent")
        miner.socket.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            miner.ask("mining.subscribe", [])

    def test_close_on_configure(self):
        _, miner = self.bad("close-on-configure")
        miner.ask("mining.configure", [[], {}])
        self.assertEqual(miner.file.readline(), b"")

    def test_endless_line(self):
        _, miner = self.bad("endless-line")
        miner.ask("mining.subscribe", [])
        self.assertNotIn(b"\n", miner.file.read(1000000)[400:])

    def test_deep_json(self):
        _, miner = self.bad("deep-json")
        miner.ask("mining.subscribe", [])
        self.assertEqual(miner.file.readline(), b"[" * 20000 + b"\n")

    def test_redirect(self):
        _, miner = self.bad("redirect-foreign", "--redirect", "127.0.0.1:22")
        miner.ask("mining.subscribe", [])
        self.assertEqual(miner.call("client.reconnect"), ["127.0.0.1", 22, 0])

    def test_rejections(self):
        for kind, error in (("reject-all", 20), ("string-errors", "Stale")):
            _, miner = self.bad(kind)
            miner.login()
            answer = miner.submit(*miner.search(), "00000000")
            self.assertIs(answer["result"], False)
            self.assertIn(error, (answer["error"], answer["error"][0]))

    def test_garbage_and_bad_notify_go_on_with_normal_service(self):
        for kind in ("garbage", "bad-notify", "negative-difficulty"):
            _, miner = self.bad(kind)
            miner.ask("mining.subscribe", [])
            miner.socket.sendall(b'{"id":9,"method":"mining.authorize","params":["me","x"]}\n')
            lines = [miner.file.readline() for _ in range(5)]
            while b"mining.notify" not in lines[-1] or len(lines[-1]) < 300:
                lines.append(miner.file.readline())
                self.assertLess(len(lines), 40)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        POOL = sys.argv.pop(1)
    unittest.main()
