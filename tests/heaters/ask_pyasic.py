"""What pyasic makes of a device: identifies it by its address and reads it; one JSON object.

Runs in a Python of its own (tests/ha/setup pyasic), as its requirements are none of the tests'.
"""

import asyncio
import json
import sys

import pyasic
from pyasic.miners.data import DataOptions

FIGURES = [DataOptions.MAC, DataOptions.HASHRATE, DataOptions.HASHBOARDS, DataOptions.WATTAGE, DataOptions.ENVIRONMENT_TEMP,
           DataOptions.FANS]


async def ask(address):
    miner = await pyasic.get_miner(address)
    if miner is None:
        return {"class": None}
    data = await miner.get_data(include=FIGURES)
    hashrate = data.hashrate
    return {
        "class": type(miner).__name__,
        "model": data.model,
        "mac": data.mac,
        "hashrate_ths": float(hashrate.into(hashrate.unit.TH)) if hashrate is not None else None,
        "power_w": data.wattage,
        "env_c": data.env_temp,
        "boards": [{"board_c": board.temp, "chip_c": board.chip_temp} for board in data.hashboards if not board.missing],
        "fans_rpm": [fan.speed for fan in data.fans if fan.speed is not None],
    }


print(json.dumps(asyncio.run(ask(sys.argv[1]))))
