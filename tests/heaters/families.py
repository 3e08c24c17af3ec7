"""Emulated heaters at addresses of their own and on the ports that the real ones have, one row per device.

What looks for devices by itself, `heatbridge discover` and pyasic, can only find them there. A row's `build` takes the
emulator's module and the address, and returns what has to be started.
"""

import dataclasses
import errno
import functools
import importlib
import json
import socket
import subprocess
import typing

import pytest


@dataclasses.dataclass(frozen=True)
class Family:
    name: str
    module: str                 # of emulators/
    driver: str
    build: typing.Callable
    url: str                    # with {} for the address
    family: str                 # as discover calls it
    model: str = ""             # what discover tells, "" for nothing
    identity: str = ""
    options: typing.Mapping = dataclasses.field(default_factory=dict)   # of the driver, beside its URL
    pyasic: str = ""            # the class that pyasic makes of it, or
    not_pyasic: str = ""        # why it makes none
    figures: tuple = ()         # that pyasic reads alike, of those of test_pyasic.py
    unlike: typing.Mapping = dataclasses.field(default_factory=dict)    # figures that it does not, and why


NO_SENSOR = "the device has none"
NOT_READ = "pyasic does not read it"
REGULATOR = "pyasic takes the voltage regulator's for it"
TURNS = "the device tells turns a minute, and not of how many"
MEAN = "pyasic reads a mean over time, heatbridge what it is now"
MEAN_OF_SENSORS = "pyasic takes the mean of the sensors, heatbridge the hottest"
NO_TEMPERATURES = "pyasic reads port 4028, and no document says which temperatures VNish tells there"


def beside(emulator, **ports):
    """With those parts of the emulator that are servers of their own, each on its port."""
    for name, port in ports.items():
        getattr(emulator, name).port = port
    return [emulator, *(getattr(emulator, name) for name in ports)]



FAMILIES = [
    Family("bitaxe", "axeos", "axeos", lambda m, a: [m.AxeOS(address=a, port=80)], "http://{}", "AxeOS",
           model="Bitaxe 602", identity="2c:54:91:88:c9:e3", options={"min_write": "0 s"}, pyasic="BitAxeGamma",
           figures=("hashrate", "power", "chip", "fan"), unlike={"board": REGULATOR, "inlet": NO_SENSOR}),
    Family("nerdqaxe", "axeos", "axeos", lambda m, a: [m.NerdQAxe(address=a, port=80)], "http://{}", "NerdAxe",
           model="NerdQAxe++", identity="aa:bb:cc:01:02:03", options={"min_write": "0 s"}, pyasic="BitAxeGamma",
           figures=("hashrate", "power", "chip", "fan"), unlike={"board": REGULATOR, "inlet": NO_SENSOR}),
    Family("avalon-q", "avalon", "avalon", lambda m, a: [m.Avalon(model="q", address=a, port=4028)], "tcp://{}", "Avalon",
           model="Avalon Q", identity="e0:e1:a9:3e:2c:7d", pyasic="CGMinerAvalonQHome", figures=("fan",),
           unlike={"hashrate": MEAN, "power": NOT_READ, "chip": NOT_READ, "board": NOT_READ, "inlet": NOT_READ}),
    Family("avalon-mini3", "avalon", "avalon", lambda m, a: [m.Avalon(model="mini3", address=a, port=4028)], "tcp://{}",
           "Avalon", model="Avalon Mini3", identity="e0:e1:a9:3e:2c:7d", pyasic="CGMinerAvalonMini3", figures=("fan",),
           unlike={"hashrate": MEAN, "power": NOT_READ, "chip": NOT_READ, "board": NOT_READ, "inlet": NOT_READ}),
    Family("avalon-nano3s", "avalon", "avalon", lambda m, a: [m.Avalon(model="nano3s", address=a, port=4028)], "tcp://{}",
           "Avalon", model="Avalon Nano3s", identity="e0:e1:a9:3e:2c:7d", pyasic="CGMinerAvalonNano3s",
           figures=("hashrate", "power", "fan"), unlike={"chip": NOT_READ, "board": NOT_READ, "inlet": NO_SENSOR}),
    Family("avalon-nano3", "avalon", "avalon", lambda m, a: [m.Avalon(model="nano3", address=a, port=4028)], "tcp://{}",
           "Avalon", model="Avalonnano", pyasic="CGMinerAvalonNano3", figures=("chip", "inlet", "fan"),
           unlike={"hashrate": MEAN, "power": NOT_READ, "board": "pyasic takes the mean of the chips for it"}),
    Family("avalon-a1566", "avalon", "avalon", lambda m, a: [m.Avalon(model="a1566", address=a, port=4028)], "tcp://{}",
           "Avalon", identity="e0:e1:a9:3e:2c:7d", options={"min_write": "0 s"}, pyasic="CGMinerAvalon1566",
           figures=("power", "chip", "inlet", "fan"), unlike={"hashrate": MEAN, "board": "pyasic takes a chip's for it"}),
    Family("braiins", "braiins", "braiins",
           lambda m, a: [m.Braiins(address=a, port=80), m.BraiinsSocket.boser(address=a, port=4028)], "http://{}",
           "Braiins OS", options={"password": "root"},
           not_pyasic="it reads Braiins OS over gRPC, which heatbridge does not speak, nor its emulator"),
    # At the power that it is set to already, so that its SSH is not needed.
    Family("bosminer", "bosminer", "bosminer", lambda m, a: beside(m.Bosminer(address=a, port=4028), page=80),
           "tcp://{}", "Braiins OS",
           model="Bitmain Antminer S9", options={"settle": "1 s", "min_write": "0 s", "max_power": "900 W"}, pyasic="BOSMinerS9",
           figures=("hashrate", "power", "chip", "board", "fan"), unlike={"inlet": NO_SENSOR}),
    Family("whatsminer", "whatsminer", "whatsminer", lambda m, a: [m.WhatsminerV2(address=a, port=4028)], "tcp://{}",
           "WhatsMiner", model="M30S+VE40", identity="d4:01:02:03:04:05",
           options={"password": "admin", "settle": "1 s", "min_write": "0 s"},
           pyasic="BTMinerM30SPlusVE40", figures=("hashrate", "power", "board", "inlet"),
           unlike={"chip": "pyasic reads a board's mean, heatbridge the hottest chip", "fan": TURNS}),
    Family("whatsminer-v3", "whatsminer", "whatsminer", lambda m, a: m.both_ports(a), "tcp://{}:4433", "WhatsMiner",
           model="M60S_VK40", identity="ce:02:01:00:8c:36",
           options={"password": "super", "settle": "1 s", "min_write": "0 s"}, pyasic="BTMinerM60SVK40",
           figures=("hashrate", "power", "board", "inlet"),
           unlike={"chip": "pyasic reads a board's mean, heatbridge the hottest chip", "fan": TURNS}),
    Family("luxos", "luxos", "luxos", lambda m, a: [m.LuxosEmulator(4028, a)], "tcp://{}", "LuxOS",
           model="Antminer S19k Pro", identity="02:5e:10:00:00:01", options={"settle": "1 s"},
           pyasic="LUXMinerS19kPro", figures=("hashrate", "power", "fan"),
           unlike={"chip": "pyasic takes the board's exhaust for it", "board": "pyasic takes the board's intake for it",
                   "inlet": NOT_READ}),
    Family("mujina", "mujina", "mujina", lambda m, a: [m.Mujina(address=a, port=7785)], "http://{}:7785", "mujina",
           not_pyasic="it does not know mujina"),
    # pyasic takes it for an Antminer if port 4028 answers before its web page does, and is asked until it does not.
    Family("vnish", "vnish", "vnish", lambda m, a: beside(m.VnishEmulator(address=a, port=80), api=4028), "http://{}",
           "VNish", model="Antminer S19", identity="02:5e:20:00:00:01", options={"settle": "1 s"}, pyasic="VNishS19",
           figures=("hashrate", "fan"),
           unlike={"power": "pyasic reads power_usage, which VNish's own description calls its efficiency",
                   "chip": NO_TEMPERATURES, "board": NO_TEMPERATURES, "inlet": NO_SENSOR}),
    Family("antminer", "antminer", "antminer",
           lambda m, a: beside(m.AntminerEmulator(address=a, port=80), api=4028), "http://{}", "Antminer",
           model="Antminer S19 Pro", options={"restart_time": "1 s"}, pyasic="BMMinerS19Pro",
           figures=("hashrate",),
           unlike={"power": "the device does not tell it, heatbridge's is of the data sheet", "chip": MEAN_OF_SENSORS,
                   "board": MEAN_OF_SENSORS, "inlet": NO_SENSOR,
                   "fan": "heatbridge tells a part of full speed, which the device does not"}),
    # Not tuned by power, of which pyasic does not know that an ePIC can be.
    Family("epic", "epic", "epic",
           lambda m, a: beside(m.EpicEmulator(by_power=False, address=a, port=4028), page=80), "http://{}:4028", "ePIC",
           model="AntMiner S19 XP", identity="02:5e:40:00:00:01", options={"settle": "1 s"}, pyasic="ePICS19XP",
           figures=("hashrate", "power", "board", "fan"),
           unlike={"chip": "the device tells its boards' only", "inlet": NO_SENSOR}),
    Family("ofen", "ofen", "ofen", lambda m, a: [m.Ofen(address=a, port=80)], "http://{}", "21energy Ofen",
           model="Ofen 2", not_pyasic="it does not know 21energy"),
    Family("port21", "ofen", "port21", lambda m, a: [m.Port21(address=a, port=80)], "http://{}", "21energy 21port",
           model="21port", options={"levels": ["900 W", "1400 W", "1900 W", "2400 W", "2900 W"]},
           not_pyasic="it does not know 21energy"),
    Family("apollo", "apollo", "apollo", lambda m, a: beside(m.Apollo(address=a, port=5000), page=80), "http://{}",
           "FutureBit Apollo", model="Apollo", options={"password": "secret"}, not_pyasic="it does not know FutureBit"),
]


@functools.cache
def drivers(heatbridge):
    """What this heatbridge can drive, by its own schema."""
    schema = json.loads(subprocess.run([heatbridge, "check", "--schema"], check=True, capture_output=True).stdout)
    found = []

    def walk(node):
        if isinstance(node, dict):
            choice = node.get("properties", {}).get("driver", {})
            found.extend(choice.get("enum", []))
            found.extend([choice["const"]] if "const" in choice else [])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)
    walk(schema)
    assert found
    return frozenset(found)


def emulators(family, address, heatbridge):
    """The row's emulators, not started. A row only waits for a driver that is not there yet."""
    if family.driver not in drivers(heatbridge):
        pytest.skip(f"this heatbridge has no driver {family.driver}")
    module = importlib.import_module(f"emulators.{family.module}")
    return family.build(module, address)


def needs_real_ports():
    """Port 80 is root's, unless the system says otherwise."""
    try:
        socket.create_server(("127.10.255.1", 80)).close()
    except OSError as error:
        if error.errno != errno.EACCES:
            raise
        pytest.skip("only root may listen on port 80")
