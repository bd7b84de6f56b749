"""What the D-Bus tests share: a private daemon, the bus, busbar-dbus, and messages fed by hand."""

import json
import pathlib
import re
import subprocess

import dbus
import dbus.bus
import dbus.mainloop.glib
from gi.repository import GLib

import support

PREFIX = "com.victronenergy.battery."
BUSITEM = "com.victronenergy.BusItem"
BUILD = pathlib.Path(support.BUSBAR).resolve().parents[1]
PROGRAMS = BUILD / "libexec" / "busbar"
PUBLISH = BUILD / "tests" / "busbar-publish"
TABLE = json.loads((pathlib.Path(__file__).parent / "dbus_paths.json").read_text(encoding="utf-8"))

dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)


def battery(port="ttyUSB0", cells=16, **fields):
    """Body of a reading."""
    body = {
        "device": {"driver": "jbd", "port": port, "connection": f"Serial /dev/{port}"},
        "cell_count": cells,
        "voltage": 53.1,
        "current": -5.0,
        "capacity": 100.0,
        "capacity_remain": 45.0,
        "soc": 45.0,
        "hardware_version": "HW 1.2",
        "temperature_1": 20.5,
        "charge_fet": True,
        "cells": [{"voltage": 3.3 + i / 1000, "balance": i == 3} for i in range(cells)],
        "history": {"charge_cycles": 120, "deepest_discharge": 54.1},
        "protection": {"low_voltage": 0},
    }
    body.update(fields)
    return body


def charge(kind="battery", cells=16, **fields):
    """Body of a decision."""
    body = {
        "kind": kind,
        "link": "online",
        "cvl": 55.2,
        "ccl": 50.0,
        "dcl": 60.0,
        "cvl_reason": "absorption",
        "ccl_reason": "cell voltage",
        "dcl_reason": "configured maximum",
        "mode": "Bulk",
        "allow_charge": True,
        "allow_discharge": True,
        "float_voltage": 53.6,
        "max_voltage": 55.2,
        "battery_low_voltage": 46.4,
        "cell_count": cells,
        "voltage": 53.12,
        "current": -5.2,
        "current_avg": -5.1,
        "power": -276.22,
        "soc": 45.87,
        "soh": 98.5,
        "capacity": 100.0,
        "capacity_remain": 45.9,
        "consumed": -54.1,
        "time_to_go": 17909,
        "cell_sum": 53.04,
        "cell_diff": 0.03,
        "min_cell_voltage": 3.3,
        "max_cell_voltage": 3.33,
        "min_cell_id": "C1",
        "max_cell_id": "C16",
        "temperature": 20.5,
        "alarms": {"low_voltage": 0, "high_cell_voltage": 1},
    }
    body.update(fields)
    return body


class Signals:
    """Every ItemsChanged of one service, in order."""

    def __init__(self, bus, name):
        self.seen = []
        bus.add_signal_receiver(
            self._take, "ItemsChanged", BUSITEM, bus_name=name, path="/", byte_arrays=False
        )

    def _take(self, items):
        self.seen.append({str(path): (item["Value"], item["Text"]) for path, item in items.items()})

    def wait_for(self, predicate, what="signal", timeout=support.WAIT_TIMEOUT):
        """The first signal for which predicate(items) is true."""
        return support.wait_until(
            lambda: turn_loop() or next((s for s in self.seen if predicate(s)), None), timeout, what
        )


def turn_loop():
    """Lets python3-dbus deliver what has arrived."""
    while GLib.MainContext.default().iteration(False):
        pass


class Stand:
    """The programs under test, without a supervisor."""

    def __init__(self, test, options="", daemon=None):
        self.bench = support.Bench()
        test.addCleanup(self.close)
        self.bench.run_dir.mkdir(mode=0o700)
        self.bench.state_dir.mkdir()
        self.daemon = daemon or self.bench.dbus()
        self.bench.write_config(f"[dbus]\nbus = {self.daemon.address}\n{options}")
        self._log = open(self.bench.log_path, "ab")
        self._processes = []
        self._clients = []
        self.bus_process = self._start("busbar-bus")
        self.dbus_process = self._start("busbar-dbus")
        self._feeder = None
        self._answers = None
        self.start_feeder()
        self.client = self.connect()

    def _start(self, program):
        args = [PROGRAMS / program, "--config", self.bench.config]
        args += ["--run-dir", self.bench.run_dir, "--state-dir", self.bench.state_dir]
        process = support.spawn(args, stdout=self._log, stderr=self._log)
        self._processes.append(process)
        return process

    def start_feeder(self):
        self._feeder = support.spawn(
            [PUBLISH, self.bench.run_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._processes.append(self._feeder)
        assert self._feeder.stdout.readline() == "connected\n", "no bus"

    def restart_dbus(self):
        status = support.stop_process(self.dbus_process)
        assert status == 0, f"busbar-dbus ended with {status}"
        self.dbus_process = self._start("busbar-dbus")

    def connect(self):
        client = dbus.bus.BusConnection(self.daemon.address)
        self._clients.append(client)
        return client

    def close(self):
        for client in self._clients:
            client.close()
        turn_loop()  # python3-dbus must see the end of its connections while they exist
        status = support.stop_process(self.dbus_process)
        for process in reversed(self._processes):
            support.stop_process(process)
        self._log.close()
        for stream in (self._feeder.stdin, self._feeder.stdout):
            stream.close()
        self.bench.close()
        assert status == 0, f"busbar-dbus ended with {status}"

    # --- Feeding ---

    def publish(self, topic, data, **head):
        line = json.dumps({"topic": topic, "data": data, **head})
        self._feeder.stdin.write(line + "\n")
        self._feeder.stdin.flush()
        answer = self._feeder.stdout.readline().strip()
        assert answer == "sent", f"{topic}: {answer}"

    def feed(self, identity="rack-1", port="ttyUSB0", **fields):
        """One reading and the decision about it; fields go to the decision."""
        self.publish(f"battery/{identity}", battery(port=port))
        self.publish(f"charge/{identity}", charge(**fields))

    # --- Looking ---

    def log(self):
        return self.bench.log()

    def names(self, bus=None):
        return sorted(str(n) for n in (bus or self.client).list_names() if n.startswith(PREFIX))

    def wait_name(self, suffix="ttyUSB0", timeout=support.START_TIMEOUT):
        name = PREFIX + suffix
        support.wait_until(lambda: name in self.names(), timeout, name, self.bench.evidence)
        return name

    def call(self, name, path, member, *args, interface=BUSITEM, bus=None, **options):
        proxy = (bus or self.client).get_object(name, path, introspect=False)
        return proxy.get_dbus_method(member, interface)(*args, **options)

    def items(self, name):
        """GetItems: path -> (value, text), as python3-dbus sees them."""
        items = self.call(name, "/", "GetItems")
        return {str(path): (item["Value"], item["Text"]) for path, item in items.items()}

    def write(self, name, path, value):
        return self.call(name, path, "SetValue", value, signature="v")

    def value(self, name, path):
        return self.call(name, path, "GetValue")

    def wait_value(self, name, path, expected, timeout=support.WAIT_TIMEOUT):
        support.wait_until(
            lambda: self.value(name, path) == expected, timeout, f"{path} is {expected}",
            self.bench.evidence,
        )


def pattern_of(path):
    """Regular expression for a path of the table."""
    names = {"n": "[1-9][0-9]*", "soc": "[0-9]+", "name": "[A-Za-z0-9_]+"}
    return re.compile(re.sub(r"\{(\w+)\}", lambda m: names[m.group(1)], path) + r"\Z")


def is_invalid(value):
    return isinstance(value, dbus.Array) and len(value) == 0 and value.signature == "i"
