"""kill -9 of every single process while everything runs: the others keep their process, data flows
again at once, and no limit ever rises because of it."""

import os
import pathlib
import signal
import time

import support
from readback import DBusReader, MqttReader

REPO = pathlib.Path(__file__).resolve().parents[2]
BATTERIES = 6
# From the kill to fresh data of everything the process is responsible for.
FLOWS_AGAIN = 1.0
# How long limits are watched after a kill: longer than any start, hold or first decision.
WATCH = 3.0
LIMITS = ("cvl", "ccl", "dcl")
# Limits rise slowly on purpose: a bank whose members changed takes more than a minute.
STEADY_TIMEOUT = 150


def frozen_demo(daemon, broker):
    """The demo's configuration with batteries whose values stand still."""
    text = (REPO / "config" / "demo.conf").read_text(encoding="utf-8")
    text = text.replace("@DBUS@", daemon.address).replace("@MQTT_PORT@", str(broker.port))
    lines = []
    for line in text.splitlines():
        lines.append(line)
        if line.startswith("[sim "):
            lines.append("faults = freeze")
    return "\n".join(lines) + "\n"


class KillTest(support.IntegrationTest):
    def setUp(self):
        self.stand = support.Bench()
        self.addCleanup(self.stand.close)
        daemon = self.stand.dbus()
        broker = self.stand.mosquitto()
        self.stand.write_config(frozen_demo(daemon, broker))
        self.stand.start()
        self.dbus = DBusReader(daemon.address)
        self.mqtt = MqttReader(broker.host, broker.port)
        self.addCleanup(self.mqtt.close)
        self.tap = self.stand.tap("battery/", "charge/", "health/")
        self.steady = support.wait_until(
            self.limits_if_steady, STEADY_TIMEOUT, "steady limits", self.stand.evidence
        )

    def newest(self, prefix):
        found = {}
        for message in self.tap.messages():
            if message["topic"].startswith(prefix):
                found[message["topic"]] = message
        return found

    def limits_if_steady(self):
        """Limits by topic once all are online, the last five decisions of each are equal, and the
        bank of equal batteries has risen to the sum of their limits."""
        history = {}
        for message in self.tap.messages():
            if message["topic"].startswith("charge/"):
                history.setdefault(message["topic"], []).append(message["data"])
        if len(history) != BATTERIES + 1:
            return None
        for decisions in history.values():
            last = [tuple(d.get(name) for name in LIMITS) for d in decisions[-5:]]
            if len(last) < 5 or len(set(last)) != 1 or decisions[-1]["link"] != "online":
                return None
        newest = {topic: decisions[-1] for topic, decisions in history.items()}
        for limit in ("ccl", "dcl"):
            whole = sum(d[limit] for d in newest.values() if d["kind"] == "battery")
            if abs(newest["charge/bank"][limit] - whole) > 0.1:
                return None
        return newest

    def responsible_for(self, name):
        """Predicate over messages: fresh data that shows the process works again."""
        if name.startswith("serial-"):
            return lambda m: m["topic"].startswith("battery/") and m["source"] == name
        if name.startswith("sim-"):
            reader = name.replace("sim-", "serial-")
            return lambda m: m["topic"].startswith("battery/") and m["source"] == reader
        if name == "aggregator":
            return lambda m: m["topic"].startswith("charge/")
        return lambda m: m["topic"] == f"health/{name}"

    def assert_limits_never_rose(self, since, name):
        for message in self.tap.messages():
            before = self.steady.get(message["topic"])
            if before is None or message["mono_ms"] < since:
                continue
            for limit in LIMITS:
                self.assertLessEqual(
                    message["data"][limit],
                    before[limit] + 0.001,
                    f"{limit} of {message['topic']} rose after kill -9 of {name}",
                )

    def kill(self, name):
        before = self.stand.pids()
        self.tap.skip()
        killed_ms = time.clock_gettime(time.CLOCK_MONOTONIC) * 1000
        os.kill(before[name], signal.SIGKILL)
        alive = self.responsible_for(name)
        message = self.tap.wait_for(
            lambda m: alive(m) and m["mono_ms"] > killed_ms + 1,
            what=f"data after kill -9 of {name}",
        )
        gap_ms = message["mono_ms"] - killed_ms
        self.stand.wait_running(name)
        # The limits are watched for a while: nothing that happens later may raise one either.
        end = killed_ms + WATCH * 1000
        self.tap.wait_for(
            lambda m: m["topic"].startswith("charge/") and m["mono_ms"] > end, what="later decisions"
        )
        after = self.stand.pids()
        self.assertNotEqual(after[name], before[name])
        self.assertEqual(
            {n: p for n, p in after.items() if n != name},
            {n: p for n, p in before.items() if n != name},
            f"only {name} was restarted",
        )
        self.assert_limits_never_rose(killed_ms, name)
        return gap_ms

    def test_every_process(self):
        gaps = {}
        for name in sorted(self.stand.pids()):
            with self.subTest(name):
                gaps[name] = self.kill(name)
                support.wait_until(
                    self.limits_if_steady,
                    STEADY_TIMEOUT,
                    f"steady again after {name}",
                    self.stand.evidence,
                )
                self.assertEqual(len(self.dbus.read()), BATTERIES + 1, "all are on D-Bus")
                self.assertEqual(len(self.mqtt.read()), BATTERIES + 1, "all are on MQTT")
        print("data flows again after ms:", {n: round(g) for n, g in gaps.items()})
        late = {n: g for n, g in gaps.items() if g > FLOWS_AGAIN * 1000}
        self.assertEqual(late, {})


if __name__ == "__main__":
    support.main()
