"""The serial reader against simulated batteries on real pseudo terminals, over the real bus."""

import fcntl
import os
import signal

import support

CELLS = 16


def sections(driver, reader="", sim="", name="rack"):
    """A simulated wire and the reader on it."""
    return (
        f"[sim {name}]\ndriver = {driver}\n{sim}\n"
        f"[serial {name}]\ndevice = sim-{name}\ndriver = {driver}\n{reader}\n"
    )


class SerialTest(support.IntegrationTest):
    def begin(self, config):
        bench = self.bench(config)
        bench.start()
        return bench, bench.tap("battery/", "link/serial-rack/")

    def fault(self, bench, verb, value=1, target="sim-rack"):
        bench.busbar("command", target, verb, value, check=True)

    def wait_link(self, tap, state, address="0", timeout=support.WAIT_TIMEOUT):
        """The next link message of that state."""
        return tap.wait_topic(
            f"link/serial-rack/{address}", lambda m: m["data"]["state"] == state, timeout
        )["data"]

    def wait_identity(self, tap, address="0"):
        """Battery id of a place on the wire."""
        return tap.wait_topic(
            f"link/serial-rack/{address}", lambda m: m["data"].get("battery"), again=True
        )["data"]["battery"]

    def check_state(self, message, driver):
        data = message["data"]
        self.assertEqual(data["device"]["driver"], driver)
        self.assertEqual(data["cell_count"], CELLS)
        self.assertEqual(len(data["cells"]), CELLS)
        total = sum(cell["voltage"] for cell in data["cells"])
        self.assertAlmostEqual(total, data["voltage"], delta=0.3)
        self.assertTrue(0 <= data["soc"] <= 100)
        self.assertGreaterEqual(message["interval_ms"], 1000)
        self.assertLess(message["interval_ms"], 3000)


class Values(SerialTest):
    def test_states_of_every_protocol_reach_the_bus(self):
        drivers = {"jbd": "0", "daly": "0x40", "jk-pb": "0x01"}
        config = "".join(
            sections(driver, "names = House", f"cells = {CELLS}", driver) for driver in drivers
        )
        bench = self.bench(config)
        bench.start()
        tap = bench.tap("battery/", "link/")
        for driver, address in drivers.items():
            with self.subTest(driver=driver):
                link = tap.wait_topic(
                    f"link/serial-{driver}/{address}",
                    lambda m: m["data"].get("battery") and m["data"]["state"] == "online",
                    again=True,
                )
                battery = f"battery/{link['data']['battery']}"
                first = tap.wait_topic(battery, again=True)
                self.check_state(first, driver)
                device = first["data"]["device"]
                self.assertEqual(device["name"], "House")
                self.assertEqual(device["connection"], f"Serial {bench.run_dir}/sim-{driver}")
                self.assertEqual(device["port"], f"sim-{driver}")
                later = tap.wait_topic(
                    battery, lambda m, age=first["mono_ms"]: m["mono_ms"] >= age + 3000, again=True
                )
                self.check_state(later, driver)
                status = bench.wait_process(
                    f"serial-{driver}", lambda p: p.get("status") == "1 of 1 batteries answer"
                )
                self.assertEqual(status["state"], "running")

    def test_damaged_answers_never_become_states(self):
        bench, tap = self.begin(sections("jbd"))
        battery = f"battery/{self.wait_identity(tap)}"
        good = tap.wait_topic(battery)
        self.fault(bench, "corrupt", 100)
        before = self.wait_link(tap, "online")
        tap.wait_topic(
            "link/serial-rack/0",
            lambda m: m["data"]["checksum_errors"] >= before["checksum_errors"] + 5,
        )
        after = self.wait_link(tap, "silent", timeout=30)
        self.assertLessEqual(after["snapshots"], before["snapshots"] + 1)
        self.fault(bench, "clear")
        self.wait_link(tap, "online", timeout=45)
        back = tap.wait_topic(battery)
        self.assertAlmostEqual(back["data"]["voltage"], good["data"]["voltage"], delta=1)
        for message in tap.messages(battery):
            self.check_state(message, "jbd")

    def test_garbage_around_answers_is_counted_and_skipped(self):
        bench, tap = self.begin(sections("jk-pb", sim="faults = garbage=100"))
        battery = f"battery/{self.wait_identity(tap, '0x01')}"
        for _ in range(3):
            self.check_state(tap.wait_topic(battery), "jk-pb")
        tap.wait_topic("link/serial-rack/0x01", lambda m: m["data"]["garbage_bytes"] > 10)


class Silence(SerialTest):
    def test_a_silent_battery_is_told_and_comes_back(self):
        bench, tap = self.begin(sections("jk-pb"))
        battery = f"battery/{self.wait_identity(tap, '0x01')}"
        tap.wait_topic(battery)
        self.fault(bench, "silence")
        link = self.wait_link(tap, "silent", "0x01", timeout=30)
        self.assertEqual(link["last_error"], "no answer")
        last = tap.messages(battery)[-1]
        self.assertEqual(last["mono_ms"], link["last_good_ms"])
        bench.wait_log("jk-pb 0x01 is silent (no answer)")
        self.assertIn("jk-pb 0x01 raw ", bench.log())  # the last exchanges, as evidence
        bench.wait_process(
            "serial-rack", lambda p: p.get("status") == "0 of 1 batteries answer; not 0x01"
        )
        tap.skip()
        self.fault(bench, "silence", 0)
        self.wait_link(tap, "online", "0x01", timeout=45)
        self.assertGreater(tap.wait_topic(battery)["mono_ms"], last["mono_ms"])
        bench.wait_log("jk-pb 0x01 is back")

    def test_a_silent_neighbour_costs_little(self):
        bench, tap = self.begin(
            sections(
                "jk-pb", "addresses = 1, 2\npoll_interval = 0", "addresses = 1, 2\npace = yes"
            )
        )
        self.wait_identity(tap, "0x01")
        self.wait_identity(tap, "0x02")

        def rate(seconds):
            """States of 0x01 per second over that many seconds of link messages."""
            tap.skip()
            first = self.wait_link(tap, "online", "0x01")
            last = tap.wait_topic(
                "link/serial-rack/0x01",
                lambda m: m["data"]["last_good_ms"] >= first["last_good_ms"] + seconds * 1000,
                seconds + support.WAIT_TIMEOUT,
            )["data"]
            states = last["snapshots"] - first["snapshots"]
            return states * 1000 / (last["last_good_ms"] - first["last_good_ms"])

        together = rate(10)
        self.fault(bench, "silence", target="sim-rack-0x02")
        alone = rate(20)
        self.assertGreaterEqual(alone, 0.8 * together)
        tap.wait_topic(
            "link/serial-rack/0x02", lambda m: m["data"]["state"] == "silent", 30, again=True
        )
        bench.wait_process(
            "serial-rack", lambda p: p.get("status") == "1 of 2 batteries answer; not 0x02"
        )


class Port(SerialTest):
    def test_the_adapter_is_pulled_out_and_plugged_in(self):
        bench, tap = self.begin(sections("daly"))
        battery = f"battery/{self.wait_identity(tap, '0x40')}"
        pid = bench.pid("serial-rack")
        for round_number in (1, 2):
            tap.skip()
            self.fault(bench, "vanish")
            self.wait_link(tap, "down", "0x40")
            bench.wait_process(
                "serial-rack", lambda p: p.get("status", "").startswith("waiting: ")
            )
            tap.skip()
            self.fault(bench, "vanish", 0)
            link = self.wait_link(tap, "online", "0x40")
            self.assertEqual(link["reconnects"], round_number)
            self.check_state(tap.wait_topic(battery), "daly")
        self.assertEqual(bench.pid("serial-rack"), pid)

    def test_a_missing_port_is_waited_for(self):
        bench, tap = self.begin(sections("jbd", sim="faults = vanish"))
        path = f"{bench.run_dir}/sim-rack"
        bench.wait_log(f"{path} is not there; trying again until it can be opened")
        bench.wait_process(
            "serial-rack", lambda p: p.get("status") == f"waiting: {path} is not there"
        )
        self.wait_link(tap, "down")
        self.fault(bench, "vanish", 0)
        self.wait_link(tap, "online")
        self.assertEqual(bench.log().count("trying again"), 1)

    def test_a_busy_port_names_who_has_it(self):
        bench, tap = self.begin(sections("jbd", sim="faults = vanish"))
        path = f"{bench.run_dir}/sim-rack"
        bench.wait_log("is not there")
        # Take the port before the reader finds it.
        bench.signal("serial-rack", signal.SIGSTOP)
        try:
            self.fault(bench, "vanish", 0)
            held = os.open(path, os.O_RDWR | os.O_NOCTTY)
            self.addCleanup(os.close, held)
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            bench.signal("serial-rack", signal.SIGCONT)
        bench.wait_log(f"{path} is in use by process {os.getpid()} (python3)")
        fcntl.flock(held, fcntl.LOCK_UN)
        self.wait_link(tap, "online")


class Identity(SerialTest):
    def test_a_killed_reader_knows_its_batteries_at_once(self):
        bench, tap = self.begin(sections("jk-pb", "addresses = 1, 2", "addresses = 1, 2"))
        ids = {self.wait_identity(tap, "0x01"), self.wait_identity(tap, "0x02")}
        self.assertEqual(len(ids), 2)
        for battery in ids:
            self.assertTrue(battery.startswith("jk-pb-"), battery)
        tap.skip()
        start = len(bench.log())
        bench.signal("serial-rack", signal.SIGKILL)
        found = set()
        while found != ids:
            message = tap.wait_for(lambda m: m["topic"].startswith("battery/"), what=f"{ids}")
            found.add(message["topic"].removeprefix("battery/"))
        self.assertNotIn(" is battery ", bench.log()[start:])

    def test_a_battery_without_serial_number_is_named_after_its_section(self):
        bench, tap = self.begin(sections("jbd"))
        self.assertEqual(self.wait_identity(tap), "rack")
        bench.wait_log("jbd is battery rack")

    def test_a_damaged_memory_is_said_and_replaced(self):
        bench = self.bench(sections("jbd"))
        bench.state_dir.mkdir(parents=True)
        memory = bench.state_dir / "serial-rack.json"
        memory.write_text('{"version": 1, "driver": ', encoding="utf-8")
        bench.start()
        tap = bench.tap("link/serial-rack/")
        self.assertEqual(self.wait_identity(tap), "rack")
        bench.wait_log("the batteries are identified anew")
        support.wait_until(memory.exists, what="a new memory")
        self.assertTrue((bench.state_dir / "serial-rack.json.damaged").exists())


class Commands(SerialTest):
    def test_what_is_allowed_is_done_and_confirmed(self):
        bench, tap = self.begin(sections("jbd", "controls = charge_fet"))
        battery = self.wait_identity(tap)
        result = bench.busbar("command", battery, "charge_fet", "off")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        tap.skip()
        state = tap.wait_topic(f"battery/{battery}")
        self.assertIs(state["data"]["charge_fet"], False)
        self.assertIs(state["data"]["discharge_fet"], True)
        bench.wait_log(f"command charge_fet = 0 for {battery} from busbar command")
        bench.wait_log(f"command charge_fet for {battery}: done")

    def test_everything_else_is_refused_with_the_reason(self):
        bench, tap = self.begin(sections("jbd", "controls = charge_fet, soc"))
        battery = self.wait_identity(tap)
        for verb, value, reason in (
            ("discharge_fet", "off", "not allowed by 'controls'"),
            ("fly", "1", "unknown command"),
            ("charge_fet", "0.5", "neither 0 nor 1"),
            ("soc", "200", "not within 0 to 100"),
            ("soc", "50", "does not offer it"),
        ):
            with self.subTest(verb=verb, value=value):
                result = bench.busbar("command", battery, verb, value)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(reason, result.stdout + result.stderr)
        tap.skip()
        state = tap.wait_topic(f"battery/{battery}")
        self.assertIs(state["data"]["charge_fet"], True)
        self.assertIs(state["data"]["discharge_fet"], True)

    def test_nothing_is_switched_unless_configured(self):
        bench, tap = self.begin(sections("jbd"))
        battery = self.wait_identity(tap)
        result = bench.busbar("command", battery, "charge_fet", "off")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("not allowed", result.stdout + result.stderr)


class Configuration(SerialTest):
    def test_mistakes_are_found_before_anything_starts(self):
        for text, said in (
            ("[serial a]\ndriver = jbd\n", "device"),
            ("[serial a]\ndevice = /dev/ttyUSB0\ndriver = jdb\n", "none of jbd|daly|jk-pb"),
            ("[serial a]\ndevice = x\ndriver = jk-pb\naddresses = 0x10\n", "0x01 to 0x0f"),
            ("[serial a]\ndevice = x\ndriver = jbd\nadress = 1\n", "did you mean 'addresses'"),
        ):
            with self.subTest(said=said):
                bench = self.bench(text)
                result = bench.busbar("check-config", bench.config)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(said, result.stdout + result.stderr)
                self.assertIn("busbar.conf:", result.stdout + result.stderr)


if __name__ == "__main__":
    support.main()
