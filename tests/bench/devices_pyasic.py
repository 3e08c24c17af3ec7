#!/usr/bin/env python3
"""What polling costs heatbridge and pyasic: the same emulated devices, one after the other, in one run.

Run it by tests/bench/devices_pyasic. heatbridge polls the whole fleet; pyasic polls its Bitaxes, as often: first as its
manual shows it, with a plain get_data(), then for no more than the figures that heatbridge reads. Prints heatbridge's
line, then one for each of pyasic's: CPU seconds of both per 1,000 polls, and how many times heatbridge's is in it.
"""

import argparse
import asyncio
import json
import resource
import subprocess

from pyasic.data import MinerData  # noqa: F401: imported before the measurement, as a service would
from pyasic.miners.bitaxe import BitAxeSupra
from pyasic.miners.data import DataOptions

# What struct heater_state holds of a Bitaxe.
FIGURES = [DataOptions.MAC, DataOptions.FW_VERSION, DataOptions.HASHRATE, DataOptions.HASHBOARDS, DataOptions.WATTAGE,
           DataOptions.FANS, DataOptions.UPTIME]


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def address(emulated, device):
    per_net = emulated["per_net"]
    return f"127.77.{device // per_net}.{1 + device % per_net}"


async def poll_one(miner, figures, first_s, interval_s, rounds):
    """Every interval, as heatbridge does it; returns how many polls were answered."""
    loop = asyncio.get_running_loop()
    answered = 0
    for number in range(rounds):
        await asyncio.sleep(max(0.0, first_s + number * interval_s - loop.time()))
        data = await miner.get_data(include=figures)
        answered += data.mac is not None and data.wattage is not None and data.hashrate is not None
    return answered


async def poll_all(emulated, figures, interval_s, rounds):
    """All devices, spread over the interval; the miners are made once, as a service would."""
    miners = [BitAxeSupra(address(emulated, device)) for device in range(emulated["axeos"])]
    for miner in miners:
        miner.web.port = emulated["port"]
    await miners[0].get_data(include=figures)       # whatever is only imported when needed is there now
    before, start_s = cpu_s(), asyncio.get_running_loop().time()
    answered = await asyncio.gather(*(poll_one(miner, figures, start_s + i * interval_s / len(miners), interval_s, rounds)
                                      for i, miner in enumerate(miners)))
    return sum(answered), rounds * len(miners), cpu_s() - before, asyncio.get_running_loop().time() - start_s


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("heatbridge")
    words.add_argument("--count", type=int, default=2000)
    words.add_argument("--seconds", type=float, default=20)
    words.add_argument("--rounds", type=int, default=2, help="how often pyasic polls each of its devices")
    words = words.parse_args()
    with subprocess.Popen([words.heatbridge, "bench", "devices", "--count", str(words.count), "--seconds",
                           str(words.seconds), "--hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as bench:
        emulated, ours = (json.loads(bench.stdout.readline() or "null") for _ in range(2))
        if ours is None:
            raise SystemExit(bench.wait() or 1)
        print(json.dumps(ours), flush=True)
        good = True
        for what, figures in [("all", None), ("same", FIGURES)]:
            answered, polls, used_s, elapsed_s = asyncio.run(
                poll_all(emulated["emulated"], figures, ours["interval_s"], words.rounds))
            theirs = used_s / polls * 1000
            print(json.dumps({"bench": "devices_pyasic", "figures": what, "polls": polls, "answered": answered,
                              "polls_per_s": round(polls / elapsed_s, 1), "pyasic_cpu_s_per_1000_polls": round(theirs, 3),
                              "heatbridge_cpu_s_per_1000_polls": ours["cpu_s_per_1000_polls"],
                              "ratio": round(theirs / ours["cpu_s_per_1000_polls"], 1)}), flush=True)
            good = good and answered == polls
        bench.stdin.close()
    raise SystemExit(0 if good and bench.returncode == 0 else 1)


if __name__ == "__main__":
    main()
