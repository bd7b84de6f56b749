#!/usr/bin/python3
"""The whole of Busbar on simulated batteries: started by ./demo.

Starts a private D-Bus daemon and MQTT broker and `busbar run` with config/demo.conf in a temporary
folder. On a terminal it shows the live picture until Ctrl-C. With --json it runs for a while and
then compares every battery and the bank as seen on the bus, over D-Bus and over MQTT.
"""

import argparse
import json
import pathlib
import sys
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests" / "integration"))

import support  # noqa: E402  (needs the path above)
from readback import DBusReader, MqttReader  # noqa: E402

BATTERIES = 6
FRESH_MS = 5000
# Long enough for a slow machine: detection of three states each, D-Bus names, retained topics.
APPEAR_TIMEOUT = 40.0
AGREE_TIMEOUT = 20.0

# What is compared: field of the bus, D-Bus path, digits that both audiences carry.
BATTERY_VALUES = [
    ("voltage", "/Dc/0/Voltage", 2),
    ("current", "/Dc/0/Current", 2),
    ("soc", "/Soc", 2),
    ("min_cell_voltage", "/System/MinCellVoltage", 3),
    ("max_cell_voltage", "/System/MaxCellVoltage", 3),
]
BANK_VALUES = BATTERY_VALUES + [
    ("cvl", "/Info/MaxChargeVoltage", 2),
    ("ccl", "/Info/MaxChargeCurrent", 3),
    ("dcl", "/Info/MaxDischargeCurrent", 3),
]


class Picture:
    """Newest message of every topic on the bus."""

    def __init__(self, bench):
        self._tap = bench.tap("battery/", "charge/")

    def read(self):
        newest = {}
        for message in self._tap.messages():
            newest[message["topic"]] = message
        return newest

    def charges(self):
        """Decisions by id: the batteries and the bank."""
        newest = self.read()
        return {
            topic.partition("/")[2]: message
            for topic, message in newest.items()
            if topic.startswith("charge/")
        }


def age_ms(message):
    return time.clock_gettime(time.CLOCK_MONOTONIC) * 1000 - message["mono_ms"]


def is_complete(charges):
    online = [c for c in charges.values() if c["data"].get("link") == "online"]
    banks = [c for c in online if c["data"]["kind"] == "bank"]
    return len(online) - len(banks) == BATTERIES and len(banks) == 1


def values_of(charge):
    return BANK_VALUES if charge["data"]["kind"] == "bank" else BATTERY_VALUES


def on_bus(charge):
    data = charge["data"]
    return {name: round(data[name], digits) for name, _, digits in values_of(charge) if name in data}


def over_dbus(charge, service):
    return {
        name: round(service[path], digits)
        for name, path, digits in values_of(charge)
        if isinstance(service.get(path), (int, float))
    }


def over_mqtt(charge, state):
    return {
        name: round(state[name], digits)
        for name, _, digits in values_of(charge)
        if isinstance(state.get(name), (int, float))
    }


def compare(charges, services, states):
    """The result object: status and, per battery, what each audience sees."""
    result = {"status": "ok", "batteries": {}, "problems": []}
    for identity, charge in sorted(charges.items()):
        wanted = on_bus(charge)
        seen = {
            "kind": charge["data"]["kind"],
            "age_ms": round(age_ms(charge)),
            "bus": wanted,
            "dbus": over_dbus(charge, services.get(identity, {})),
            "mqtt": over_mqtt(charge, states.get(identity, {})),
        }
        result["batteries"][identity] = seen
        if len(wanted) != len(values_of(charge)):
            result["problems"].append(f"{identity}: the bus lacks a value")
        if seen["age_ms"] > FRESH_MS:
            result["problems"].append(f"{identity}: {seen['age_ms']} ms old")
        for audience in ("dbus", "mqtt"):
            if seen[audience] != wanted:
                result["problems"].append(f"{identity}: {audience} differs from the bus")
    if not is_complete(charges):
        result["problems"].append(f"not {BATTERIES} batteries and one bank online")
    if result["problems"]:
        result["status"] = "failed"
    return result


class Demo:
    def __init__(self):
        self.bench = support.Bench()
        daemon = self.bench.dbus()
        broker = self.bench.mosquitto()
        text = (REPO / "config" / "demo.conf").read_text(encoding="utf-8")
        text = text.replace("@DBUS@", daemon.address).replace("@MQTT_PORT@", str(broker.port))
        self.bench.write_config(text)
        self.bench.start()
        self.picture = Picture(self.bench)
        self.dbus = DBusReader(daemon.address)
        self.mqtt = MqttReader(broker.host, broker.port)

    def close(self):
        self.mqtt.close()
        self.bench.close()

    def wait_complete(self):
        support.wait_until(
            lambda: is_complete(self.picture.charges()),
            APPEAR_TIMEOUT,
            f"{BATTERIES} batteries and their bank",
            self.bench.evidence,
        )

    def agree(self):
        """The bus moves on while the others are read: look again until one look is of a piece."""
        end = time.monotonic() + AGREE_TIMEOUT
        while True:
            before = self.picture.charges()
            services = self.dbus.read()
            states = self.mqtt.read()
            result = compare(before, services, states)
            if result["status"] == "ok" or time.monotonic() > end:
                return result
            time.sleep(support.LOOK_AGAIN)


def row(identity, data, services):
    limits = f"{data.get('cvl', 0):6.2f} V {data.get('ccl', 0):6.1f} A {data.get('dcl', 0):6.1f} A"
    seen = "yes" if identity in services else "no"
    return (
        f"{identity:22} {data.get('link', ''):8} {data.get('voltage', 0):6.2f} V "
        f"{data.get('current', 0):7.1f} A {data.get('soc', 0):5.1f} % "
        f"{data.get('min_cell_voltage', 0):5.3f} {data.get('max_cell_voltage', 0):5.3f} V "
        f"{limits}  {seen:5} {data.get('mode', '')[:16]}"
    )


def show(demo, seconds):
    end = time.monotonic() + seconds if seconds else None
    while end is None or time.monotonic() < end:
        charges = demo.picture.charges()
        services = demo.dbus.read()
        ordered = sorted(charges.items(), key=lambda item: (item[1]["data"]["kind"], item[0]))
        lines = [
            "Busbar demo: simulated batteries on real wire protocols          Ctrl-C ends it",
            "",
            f"{'battery':22} {'link':8} {'voltage':>8} {'current':>9} {'SoC':>7} "
            f"{'cells min max':>13} {'CVL':>10} {'CCL':>8} {'DCL':>8}  D-Bus mode",
        ]
        lines += [row(identity, charge["data"], services) for identity, charge in ordered]
        bank = next((c["data"] for c in charges.values() if c["data"]["kind"] == "bank"), {})
        lines += [
            "",
            f"charging limited by:    {bank.get('ccl_reason', '')}",
            f"discharging limited by: {bank.get('dcl_reason', '')}",
            "",
            "In another terminal:",
            f"  export BUSBAR_RUN_DIR={demo.bench.run_dir} PATH=$PATH:{pathlib.Path(support.BUSBAR).parent}",
            "  busbar status | busbar tap charge/ | busbar tap --stats | busbar restart serial-jk",
        ]
        sys.stdout.write("\x1b[H\x1b[J" + "\n".join(lines) + "\n")
        sys.stdout.flush()
        time.sleep(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=0, help="end by itself after that time")
    parser.add_argument("--json", action="store_true", help="no terminal: one JSON object at the end")
    options = parser.parse_args()
    demo = Demo()
    try:
        demo.wait_complete()
        if not options.json:
            show(demo, options.seconds)
            return 0
        # The time the loop is given to charge, discharge and move the limits.
        time.sleep(options.seconds)
        result = demo.agree()
        print(json.dumps(result, indent=2))
        return 0 if result["status"] == "ok" else 1
    except AssertionError as error:
        print(json.dumps({"status": "failed", "problems": [str(error)], "batteries": {}}, indent=2))
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        demo.close()


if __name__ == "__main__":
    sys.exit(main())
