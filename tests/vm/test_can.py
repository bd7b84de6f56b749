"""Batteries on real SocketCAN: reader and simulator as real processes, candump as a witness.

Runs as root inside the guest (run-in-guest), which has the interfaces vcan0 to vcan4.
"""

import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import support  # noqa: E402

CONFIG = """
[sim daly]
driver = daly-can
interface = vcan0
addresses = 0x01, 0x02
cells = 16
[sim jk]
driver = jk-can
interface = vcan0
addresses = 0x00
cells = 16
[sim one]
driver = jbd-can
interface = vcan1
[sim two]
driver = jbd-can
interface = vcan2
[sim three]
driver = jbd-can
interface = vcan3
[sim pylontech]
driver = pylontech-can
interface = vcan4
[can bus0]
interface = vcan0
driver = daly-can, jk-can
addresses = daly-can:0x01, daly-can:0x02
names = left, right, middle
controls = charge_fet
[can bus1]
interface = vcan1
driver = jbd-can
[can bus2]
interface = vcan2
driver = jbd-can
[can bus3]
interface = vcan3
driver = jbd-can
[can bus4]
interface = vcan4
driver = pylontech-can
"""

BATTERIES = 7
LONG = 60


def run(*words):
    subprocess.run(words, check=True)


class Witness:
    """candump on an interface: what really was on the wire."""

    def __init__(self, interface):
        self._process = support.spawn(
            ["candump", "-L", interface], stdout=subprocess.PIPE, text=True
        )
        self._lines = support.Lines(self._process.stdout)

    def frames(self):
        return [line.split()[2] for line in self._lines.all()]

    def close(self):
        support.stop_process(self._process)
        self._lines.join()
        self._process.stdout.close()


class CanTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stand = support.Bench(CONFIG)
        cls.witness = Witness("vcan0")
        cls.stand.start(timeout=LONG)
        cls.tap = cls.stand.tap("battery/", "link/", "log/")
        support.wait_until(
            lambda: len(cls.batteries()) == BATTERIES, LONG, "seven batteries", cls.evidence
        )

    @classmethod
    def tearDownClass(cls):
        cls.witness.close()
        cls.stand.close()

    @classmethod
    def batteries(cls):
        return {m["topic"]: m for m in cls.tap.messages() if m["topic"].startswith("battery/")}

    @classmethod
    def evidence(cls):
        return f"{sorted(cls.batteries())}\n{cls.stand.evidence()}"

    def of(self, driver, address=None):
        """The topic of the battery of that driver and address (or name of the port)."""
        for topic, message in self.batteries().items():
            device = message["data"]["device"]
            if device["driver"] == driver and address in (
                None,
                device.get("address"),
                device["port"],
            ):
                return topic
        raise AssertionError(f"no {driver} {address}\n{self.evidence()}")

    def fresh(self, topic, what="fresh data"):
        self.tap.skip()
        return self.tap.wait_for(lambda m: m["topic"] == topic, LONG, f"{what} of {topic}")

    def test_every_battery_is_whole(self):
        for topic, message in self.batteries().items():
            data = message["data"]
            self.assertTrue(45 < data["voltage"] < 60, (topic, data))
            self.assertIn("soc", data)
            self.assertLess(abs(data["current"]), 300)
            self.assertIn("protection", data)
        daly = self.batteries()[self.of("daly-can", "0x02")]["data"]
        self.assertEqual(daly["device"]["name"], "right")
        self.assertEqual(daly["cell_count"], 16)
        self.assertAlmostEqual(sum(c["voltage"] for c in daly["cells"]), daly["voltage"], delta=0.3)
        jk = self.batteries()[self.of("jk-can")]["data"]
        self.assertEqual(jk["cell_count"], 16)
        self.assertTrue(jk["charge_fet"])
        pylontech = self.batteries()[self.of("pylontech-can")]["data"]
        self.assertEqual(pylontech["hardware_version"], "PYLON")
        serials = {
            m["data"]["serial_number"]
            for m in self.batteries().values()
            if m["data"]["device"]["driver"] == "jbd-can"
        }
        self.assertEqual(len(serials), 3)

    def test_the_wire_shows_what_was_asked(self):
        frames = self.witness.frames()
        for board in ("01", "02"):
            for command in ("90", "93", "94", "95", "96", "98"):
                self.assertIn(f"18{command}{board}40#0000000000000000", frames)
        self.assertTrue(any(frame.startswith("2F4#") for frame in frames))
        self.assertFalse(any(frame.startswith(("18DA", "18D9", "161E")) for frame in frames))

    def test_kill_of_the_reader(self):
        topic = self.of("daly-can", "0x01")
        before = self.stand.signal("can-bus0", signal.SIGKILL)
        self.fresh(topic)
        self.assertNotEqual(self.stand.pid("can-bus0"), before)
        self.fresh(self.of("jk-can"))

    def test_interface_down_and_up(self):
        topic = self.of("jbd-can", "vcan2")
        self.tap.skip()
        run("ip", "link", "set", "vcan2", "down")
        self.tap.wait_for(
            lambda m: m["topic"].startswith("link/can-bus2/") and m["data"]["state"] == "down",
            LONG,
            "the link is down",
        )
        run("ip", "link", "set", "vcan2", "up")
        link = self.tap.wait_for(
            lambda m: m["topic"].startswith("link/can-bus2/") and m["data"]["state"] == "online",
            LONG,
            "the link is online",
        )
        self.assertEqual(link["data"]["reconnects"], 1)
        self.fresh(topic)

    def test_interface_unplugged_and_plugged_in(self):
        topic = self.of("pylontech-can")
        self.tap.skip()
        run("ip", "link", "delete", "vcan4")
        self.tap.wait_for(
            lambda m: m["topic"].startswith("link/can-bus4/") and m["data"]["state"] == "down",
            LONG,
            "the link is down",
        )
        self.stand.wait_log("vcan4 does not exist", LONG)
        run("ip", "link", "add", "vcan4", "type", "vcan")
        run("ip", "link", "set", "vcan4", "up")
        self.fresh(topic)

    def test_frames_that_mean_nothing(self):
        topic = self.of("jbd-can", "vcan3")
        pid = self.stand.pid("can-bus3")
        before = self.fresh(topic)["data"]
        for frame in ("356#00", "356#R8", "351#", "355#R", "00000356#FFFFFFFFFFFFFFFF", "123#01"):
            run("cansend", "vcan3", frame)
        run("cangen", "vcan3", "-n", "2000", "-g", "0", "-I", "7FF", "-L", "8", "-x")
        after = self.fresh(topic)["data"]
        self.assertAlmostEqual(after["voltage"], before["voltage"], delta=1)
        self.assertEqual(self.stand.pid("can-bus3"), pid)
        link = self.tap.wait_for(
            lambda m: m["topic"].startswith("link/can-bus3/"), LONG, "a link message"
        )["data"]
        self.assertGreater(link["checksum_errors"], 0)
        self.assertEqual(link["frames_lost"], 0)

    def test_half_a_cycle_is_not_published(self):
        """A second sender that gives away only a part never gets into a state."""
        topic = self.of("jbd-can", "vcan1")
        for _ in range(3):
            run("cansend", "vcan1", "356#0A00000000000000")
            message = self.fresh(topic)
            self.assertGreater(message["data"]["voltage"], 40)


if __name__ == "__main__":
    unittest.main(verbosity=2)
