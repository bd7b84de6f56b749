"""The real aggregator on a real bus, fed by hand: what is published when batteries speak, fall
silent and come back, and what a restart remembers."""

import signal
import time

import support
from feeding import FeedingTest

CELLS = 16
LOST = 10.0  # seconds of silence after which a battery is lost (proto/deadlines.h)
STALE = 5.0
SLACK = 3.0  # for a busy machine
EXIT_CONFIG = 78


def battery(cell=3.3, temperature=25.0, **fields):
    return {
        "cell_count": CELLS,
        "capacity": 100.0,
        "voltage": round(CELLS * cell, 3),
        "current": 0.0,
        "soc": 60.0,
        "temperature_1": temperature,
        "temperature_2": 25.0,
        "charge_fet": True,
        "discharge_fet": True,
        "cells": [{"voltage": cell}] * CELLS,
        **fields,
    }


def warmer(voltage):
    """A battery whose pack voltage tells its messages apart."""
    return battery(voltage=52.8 + voltage * 0.001)


class AggregatorTest(FeedingTest):
    def start(self, config="[charge]\n"):
        self.room = self.stand(config)
        self.program = self.room.start_program("aggregator")
        self.feeder = self.room.feeder()
        self.tap = self.room.tap("charge/")
        return self.room

    def keep(self, name, state):
        self.feeder.keep(f"battery/{name}", state, interval_ms=1000)

    def wait_charge(self, name, predicate, timeout=support.WAIT_TIMEOUT):
        return self.tap.wait_topic(
            f"charge/{name}", lambda m: predicate(m["data"]), timeout
        )["data"]

    def wait_saved(self, name):
        path = self.room.state_dir / "aggregator.state"
        support.wait_until(lambda: f'"id": "{name}"' in path.read_text(), what=f"{name} is saved")

    def restart(self, number=signal.SIGKILL):
        self.program.process.send_signal(number)
        self.program.process.wait(support.STOP_TIMEOUT)
        self.tap.skip()
        self.program = self.room.start_program("aggregator")

    def test_one_battery_is_its_bank(self):
        self.start()
        self.keep("b1", battery(cell=3.41))
        one = self.wait_charge("b1", lambda d: d["ccl"] > 0)
        self.assertAlmostEqual(one["ccl"], 8.5, places=2)
        self.assertEqual(one["dcl"], 60)
        self.assertEqual(one["cvl"], 55.2)
        self.assertEqual(one["ccl_reason"], "Cell Voltage")
        bank = self.wait_charge("bank", lambda d: d["ccl"] > 0)
        for field in ("cvl", "ccl", "dcl", "voltage", "soc", "mode"):
            self.assertEqual(bank[field], one[field], field)
        self.assertEqual(bank["ccl_reason"], "b1: Cell Voltage")
        self.assertEqual([m["id"] for m in bank["members"]], ["b1"])

    def test_decisions_come_every_second_but_not_more_than_five_times(self):
        self.start()
        self.feeder.publish("battery/b1", battery(), interval_ms=1000)
        self.wait_charge("b1", lambda d: d["ccl"] > 0)
        self.tap.skip()
        begin = time.monotonic()
        count = 0
        while time.monotonic() - begin < 3:  # far more messages than decisions
            count += 1
            self.feeder.publish("battery/b1", warmer(count % 200), interval_ms=1000)
        elapsed = time.monotonic() - begin
        self.keep("b1", battery(voltage=53.1))
        self.wait_charge("b1", lambda d: d.get("voltage") == 53.1)
        decisions = [m["mono_ms"] for m in self.tap.messages("charge/b1")]
        busiest = max(sum(1 for t in decisions if s <= t < s + 1000) for s in decisions)
        self.assertGreater(count / elapsed, 20)
        self.assertLessEqual(busiest, 7)  # five, and the one of every second
        gaps = [b - a for a, b in zip(decisions, decisions[1:])]
        self.assertLess(max(gaps), 1000 + SLACK * 1000)

    def test_silence_marks_then_blocks_and_the_decision_stays(self):
        self.start()
        self.keep("b1", battery(cell=3.39))
        self.keep("b2", battery(cell=3.39))
        self.wait_charge("bank", lambda d: d["dcl"] > 0 and d["modules_online"] == 2)
        self.feeder.let_go("battery/b2")
        silent = time.monotonic()
        before = self.wait_charge("b2", lambda d: True)
        self.wait_charge("b2", lambda d: d["link"] == "stale")
        self.assertGreater(time.monotonic() - silent, STALE - 1)
        lost = self.wait_charge("b2", lambda d: d["link"] == "lost", LOST + SLACK)
        self.assertGreater(before["dcl"], 0)
        self.assertLess(time.monotonic() - silent, LOST + SLACK)
        self.assertEqual((lost["ccl"], lost["dcl"], lost["cvl"]), (0, 0, 54.0))
        self.assertNotIn("voltage", lost)
        self.assertFalse(lost["allow_charge"] or lost["allow_discharge"])
        bank = self.wait_charge("bank", lambda d: d["dcl"] == 0)
        self.assertIn("b2: Battery lost", bank["dcl_reason"])
        self.assertEqual(bank["modules_offline"], 1)
        self.assertEqual(bank["link"], "online")
        self.program.wait_error("b2: lost")
        for _ in range(3):  # it goes on being published
            self.wait_charge("b2", lambda d: d["link"] == "lost", 1 + SLACK)

    def test_kill_lifts_no_limit_and_forgets_no_battery(self):
        self.start("[charge]\nccl_recovery_hold_sec = 60\n")
        self.keep("b1", battery(temperature=-5.0))
        self.keep("b2", battery())
        frost = self.wait_charge("b1", lambda d: d["dcl"] > 0)
        self.assertEqual(frost["ccl"], 0)
        self.wait_charge("bank", lambda d: d.get("modules_online") == 2)
        self.wait_saved("b1")
        self.wait_saved("b2")
        self.keep("b1", battery(temperature=25.0))
        self.feeder.let_go("battery/b2")
        self.restart()
        back = self.wait_charge("b1", lambda d: d["dcl"] > 0)
        self.assertEqual(back["ccl"], 0)
        self.assertEqual(back["ccl_reason"], "Max Battery Charge Current *")
        self.assertLessEqual(back["dcl"], frost["dcl"] + 0.001)
        bank = self.wait_charge("bank", lambda d: len(d["members"]) == 2)
        self.assertEqual(bank["ccl"], 0)

    def test_crash_loop_is_answered_with_a_minute_of_zero(self):
        self.start()
        self.keep("b1", battery())
        self.wait_charge("b1", lambda d: d["dcl"] > 0)
        for _ in range(4):
            self.restart(signal.SIGTERM)
            self.wait_charge("b1", lambda d: d["dcl"] > 0)  # an orderly stop is no crash
        for _ in range(3):
            self.restart()
            self.wait_charge("b1", lambda d: d["dcl"] > 0)
        self.restart()
        blocked = self.wait_charge("b1", lambda d: d["link"] == "online")
        self.assertEqual((blocked["ccl"], blocked["dcl"]), (0, 0))
        self.assertEqual(blocked["dcl_reason"], "Restarts")
        self.program.wait_error("more than three crashes")

    def test_damaged_state_file_is_set_aside(self):
        self.start()
        self.keep("b1", battery())
        self.wait_charge("b1", lambda d: d["dcl"] > 0)
        self.wait_saved("b1")
        self.program.process.kill()
        self.program.process.wait(support.STOP_TIMEOUT)
        path = self.room.state_dir / "aggregator.state"
        path.write_text(path.read_text().replace("b1", "b7"))
        self.restart()
        self.program.wait_error("the checksum is wrong")
        self.wait_charge("b1", lambda d: d["dcl"] > 0)
        self.assertTrue((self.room.state_dir / "aggregator.state.damaged").exists())
        self.assertNotIn("b7", path.read_text())

    def test_second_source_of_a_battery_is_refused(self):
        self.start()
        self.keep("b1", battery())
        self.wait_charge("b1", lambda d: d["dcl"] > 0)
        other = self.room.feeder("serial-other")
        for _ in range(3):
            other.publish("battery/b1", battery(cell=3.6), interval_ms=1000)
        self.program.wait_error("battery 'b1' comes from feeder and from serial-other")
        after = self.wait_charge("b1", lambda d: True)
        self.assertEqual(after["max_cell_voltage"], 3.3)

    def test_battery_and_bank_sections(self):
        self.start(
            "[charge]\nmax_battery_charge_current = 80\n"
            "[battery b2]\nname = Garage\nmax_battery_charge_current = 20\n"
            "[bank house]\nname = House\nmembers = b1, b2\nmax_discharge_current = 90\n"
        )
        for name in ("b1", "b2", "b3"):
            self.keep(name, battery())
        self.wait_charge("b1", lambda d: d["ccl"] == 80)
        garage = self.wait_charge("b2", lambda d: d["ccl"] == 20)
        self.assertEqual(garage["name"], "Garage")
        house = self.wait_charge("house", lambda d: d["ccl"] > 0)
        self.assertEqual(house["name"], "House")
        self.assertEqual(house["ccl"], 40)  # half each, and the smaller takes 20
        self.assertEqual(house["dcl"], 90)
        self.assertEqual(house["ccl_reason"], "Garage: Max Battery Charge Current")
        self.assertEqual([m["id"] for m in house["members"]], ["b1", "b2"])

    def test_wrong_configuration_starts_nothing(self):
        room = self.stand("[charge]\nfloat_cell_voltage = 3.6\n")
        program = room.start_program("aggregator")
        self.assertEqual(program.wait(), EXIT_CONFIG)
        program.wait_error("float_cell_voltage")


if __name__ == "__main__":
    support.main()
