#!/usr/bin/python3
"""What publishing on D-Bus costs: CPU and memory of busbar-dbus and of dbus-daemon.

    BUSBAR=build/release/bin/busbar tests/bench/bench_dbus.py [--batteries 16] [--cells 16] [--seconds 30]

Feeds readings and decisions of many batteries and their bank once a second, with the noise of a real
battery (voltage, current, power, SoC and every second cell change each time), to a private
D-Bus daemon with one client that reads all signals. Prints one JSON object.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import support  # noqa: E402  (needs the path above)
from dbus_stand import BUSITEM, Stand, battery, charge, turn_loop  # noqa: E402


class Cleanups:
    """Stands in for a test case."""

    def __init__(self):
        self._calls = []

    def addCleanup(self, call, *args):
        self._calls.append((call, args))

    def run(self):
        for call, args in reversed(self._calls):
            call(*args)


def cpu_seconds(pid):
    """Time all threads of a process have run, to the nanosecond."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total / 1e9


def pss_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))


def noisy(rng, cells):
    """Voltages of the cells, a second of noise later."""
    return [{"voltage": round(3.3 + rng.choice((0, 0.001)), 3)} for _ in range(cells)]


def feed_once(stand, rng, count, cells):
    for i in range(count):
        voltage = round(3.3 * cells + rng.random() / 5, 2)
        current = round(-20 + rng.random(), 2)
        soc = round(50 + rng.random(), 2)
        reading = battery(f"ttyUSB{i}", cells, voltage=voltage, current=current, soc=soc)
        reading["cells"] = noisy(rng, cells)
        values = {"voltage": voltage, "current": current, "power": voltage * current, "soc": soc}
        stand.publish(f"battery/rack-{i}", reading)
        stand.publish(f"charge/rack-{i}", charge(cells=cells, **values))
    stand.publish("charge/bank", charge(kind="bank", cells=cells, soc=soc))


def measure(stand, options):
    """Feeds once a second; returns CPU seconds used and latencies in ms."""
    rng = random.Random(1)
    watched = {
        "busbar-dbus": stand.dbus_process.pid,
        "dbus-daemon": stand.daemon._process.pid,
    }
    stand.client.add_signal_receiver(
        lambda items: arrivals.append(len(items)), "ItemsChanged", BUSITEM, path="/"
    )
    arrivals = []
    latencies = []
    before = {name: cpu_seconds(pid) for name, pid in watched.items()}
    wanted = 0
    for _ in range(options.seconds):
        started = time.monotonic()
        feed_once(stand, rng, options.batteries, options.cells)
        fed = time.monotonic()
        wanted += options.batteries + 1
        support.wait_until(lambda: turn_loop() or len(arrivals) >= wanted, 5, "all signals")
        latencies.append((time.monotonic() - fed) * 1000)
        time.sleep(max(0, started + 1 - time.monotonic()))
    used = {name: cpu_seconds(pid) - before[name] for name, pid in watched.items()}
    updates = options.seconds * (options.batteries + 1)
    return {
        "updates": updates,
        "signals": len(arrivals),
        "items_per_signal": round(statistics.mean(arrivals), 1),
        "cpu_percent": {n: round(100 * s / options.seconds, 2) for n, s in used.items()},
        "cpu_us_per_update": {n: round(1e6 * s / updates) for n, s in used.items()},
        "last_signal_ms": {
            "median": round(statistics.median(latencies), 1),
            "max": round(max(latencies), 1),
        },
        "pss_kb": pss_kb(stand.dbus_process.pid),
        "descriptors": len(os.listdir(f"/proc/{stand.dbus_process.pid}/fd")),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batteries", type=int, default=16)
    parser.add_argument("--cells", type=int, default=16)
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    cleanups = Cleanups()
    try:
        stand = Stand(cleanups)
        feed_once(stand, random.Random(0), options.batteries, options.cells)
        for i in range(options.batteries):
            stand.wait_name(f"ttyUSB{i}")
        stand.wait_name("bank")
        result = {"batteries": options.batteries, "cells": options.cells}
        result.update(measure(stand, options))
        print(json.dumps(result, indent=1))
    finally:
        cleanups.run()


if __name__ == "__main__":
    main()
