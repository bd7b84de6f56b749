"""What happens to the services on D-Bus when something breaks: the aggregator, the bus, the D-Bus
daemon, a neighbour with the same name."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import dbus
import dbus.lowlevel

import support
from dbus_stand import BUSITEM, PREFIX, Signals, Stand, charge, is_invalid, turn_loop

REPO = pathlib.Path(__file__).resolve().parents[2]
DECISION_MAX_AGE = 5.0
# From the end of a decision's life to the signal: the pulse of the service and a busy machine.
REACTION = 2.0


class DeadManTest(support.IntegrationTest):
    def setUp(self):
        self.stand = Stand(self, "publish_limits = all\n")
        self.stand.feed()
        self.name = self.stand.wait_name()
        self.signals = Signals(self.stand.client, self.name)

    def assert_zero_current(self):
        started = time.monotonic()
        changed = self.signals.wait_for(
            lambda s: "/Info/MaxChargeCurrent" in s, "limits", DECISION_MAX_AGE + REACTION
        )
        self.assertLess(time.monotonic() - started, DECISION_MAX_AGE + REACTION)
        expected = {
            "/Info/MaxChargeCurrent": 0.0,
            "/Info/MaxDischargeCurrent": 0.0,
            "/Info/MaxChargeVoltage": 53.6,
            "/Io/AllowToCharge": 0,
            "/Io/AllowToDischarge": 0,
            "/Alarms/BmsCable": 1,
            "/State": 14,
        }
        self.assertEqual({path: changed[path][0] for path in expected}, expected)
        for path, value in expected.items():
            self.assertEqual(self.stand.value(self.name, path), value)

    def test_no_decision_means_no_current(self):
        self.stand.feed()
        self.assert_zero_current()
        self.stand.feed(ccl=5.0)
        self.stand.wait_value(self.name, "/Info/MaxChargeCurrent", 5.0)
        self.assertEqual(self.stand.value(self.name, "/Alarms/BmsCable"), 0)
        self.assertEqual(self.stand.value(self.name, "/Info/MaxChargeVoltage"), 55.2)

    def test_a_dead_bus_means_no_current(self):
        self.stand.feed()
        self.stand.bus_process.kill()
        self.stand.bus_process.wait()
        self.assert_zero_current()
        self.assertIsNone(self.stand.dbus_process.poll())

    def test_an_old_decision_is_old_when_it_arrives(self):
        self.stand.publish("charge/rack-1", charge(ccl=99.0), age_ms=6000)
        self.assert_zero_current()

    def test_a_lost_battery_stays_on_the_bus(self):
        self.stand.feed(
            link="lost",
            ccl=0.0,
            dcl=0.0,
            cvl=53.6,
            allow_charge=False,
            allow_discharge=False,
            bms_cable=2,
        )
        self.stand.wait_value(self.name, "/System/NrOfModulesOffline", 1)
        items = self.stand.items(self.name)
        for path in ("/Dc/0/Voltage", "/Dc/0/Current", "/Dc/0/Power", "/Soc", "/Voltages/Cell1"):
            self.assertTrue(is_invalid(items[path][0]), path)
        self.assertEqual(items["/Info/MaxChargeVoltage"][0], 53.6)
        self.assertEqual(items["/Info/MaxChargeCurrent"][0], 0.0)
        self.assertEqual(items["/Alarms/BmsCable"][0], 2)
        self.assertEqual(items["/Connected"][0], 1)


class RegistrationTest(support.IntegrationTest):
    def setUp(self):
        self.stand = Stand(self)

    def test_each_service_has_a_connection_of_its_own(self):
        for i in range(3):
            self.stand.feed(f"rack-{i}", f"ttyUSB{i}")
        self.stand.publish("charge/bank", charge(kind="bank"))
        names = [self.stand.wait_name(f"ttyUSB{i}") for i in range(3)]
        names.append(self.stand.wait_name("bank"))
        owners = {self.stand.client.get_name_owner(name) for name in names}
        self.assertEqual(len(owners), 4)
        instances = [int(self.stand.value(name, "/DeviceInstance")) for name in names]
        self.assertEqual(len(set(instances)), 4)
        self.assertLess(instances[3], min(instances[:3]))
        pid = self.stand.dbus_process.pid
        daemon = dbus.Interface(
            self.stand.client.get_object(dbus.BUS_DAEMON_NAME, dbus.BUS_DAEMON_PATH),
            dbus.BUS_DAEMON_IFACE,
        )
        unique = [n for n in daemon.ListNames() if n.startswith(":")]
        ours = [n for n in unique if daemon.GetConnectionUnixProcessID(n) == pid]
        self.assertEqual(len(ours), 4)

    def test_only_the_bank_controls(self):
        self.stand.feed()
        self.stand.publish("charge/bank", charge(kind="bank", cvl=55.0))
        battery = self.stand.wait_name()
        bank = self.stand.wait_name("bank")
        self.assertTrue(is_invalid(self.stand.value(battery, "/Info/MaxChargeVoltage")))
        self.assertEqual(self.stand.value(battery, "/Info/MaxChargeCurrent"), 50.0)
        self.assertEqual(self.stand.value(bank, "/Info/MaxChargeVoltage"), 55.0)

    def test_no_name_before_everything_is_known(self):
        signals = []
        self.stand.client.add_signal_receiver(
            lambda name, old, new: signals.append(str(name)),
            "NameOwnerChanged",
            "org.freedesktop.DBus",
        )
        self.stand.publish("charge/no-reading", charge())
        incomplete = charge()
        del incomplete["float_voltage"]
        self.stand.publish("charge/rack-1", incomplete)
        self.stand.feed("rack-2", "ttyUSB2")
        self.stand.wait_name("ttyUSB2")
        turn_loop()
        self.assertEqual([n for n in signals if n.startswith(PREFIX)], [PREFIX + "ttyUSB2"])

    def test_two_batteries_of_one_port_get_two_names(self):
        self.stand.feed("rack-1")
        self.stand.wait_name()
        self.stand.feed("rack-2")
        self.stand.wait_name("ttyUSB0__rack_2")

    def test_instances_survive_a_restart(self):
        self.stand.feed("rack-1", "ttyUSB1")
        self.stand.wait_name("ttyUSB1")
        self.stand.feed("rack-0", "ttyUSB0")
        self.stand.wait_name("ttyUSB0")
        state = json.loads((self.stand.bench.state_dir / "dbus.json").read_text())
        before = {key: entry["instance"] for key, entry in state["batteries"].items()}
        self.assertEqual(before, {"rack-1": 10, "rack-0": 11})
        self.stand.restart_dbus()
        name = self.stand.wait_name("ttyUSB0")
        support.wait_until(lambda: len(self.stand.names()) == 2, what="both are back")
        self.assertEqual(self.stand.value(name, "/DeviceInstance"), 11)

    def test_a_name_that_is_taken_is_waited_for(self):
        stranger = self.stand.connect()
        self.assertEqual(stranger.request_name(PREFIX + "ttyUSB0"), 1)
        self.stand.feed()
        self.stand.bench.wait_log("somebody else has the name")
        owner = self.stand.client.get_name_owner(PREFIX + "ttyUSB0")
        self.assertEqual(owner, stranger.get_unique_name())
        stranger.release_name(PREFIX + "ttyUSB0")
        support.wait_until(
            lambda: self.stand.feed() or PREFIX + "ttyUSB0" in self.stand.names(),
            what="the name is ours",
        )
        self.stand.wait_value(PREFIX + "ttyUSB0", "/Soc", 45.87)
        self.assertEqual(self.stand.log().count("somebody else has the name"), 1)


    def test_a_forged_signal_changes_nothing(self):
        self.stand.feed()
        name = self.stand.wait_name()
        owner = self.stand.client.get_name_owner(name)
        forged = dbus.lowlevel.SignalMessage("/org/freedesktop/DBus", dbus.BUS_DAEMON_IFACE, "NameLost")
        forged.append(name, signature="s")
        forged.set_destination(name)
        self.stand.client.send_message(forged)
        for voltage in (54.0, 55.0):  # each takes at least one turn of the service
            self.stand.feed(voltage=voltage)
            self.stand.wait_value(name, "/Dc/0/Voltage", voltage)
        self.assertEqual(self.stand.client.get_name_owner(name), owner)
        self.assertNotIn("taken away", self.stand.log())


class NeighbourTest(support.IntegrationTest):
    """Other programs on the D-Bus daemon that have a say in the device instance."""

    def start_neighbour(self, *args):
        script = pathlib.Path(__file__).parent / "dbus_neighbour.py"
        process = support.spawn(
            [sys.executable, script, self.stand.daemon.address, *args],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(support.stop_process, process)
        self.assertEqual(process.stdout.readline(), "ready\n")

    def setUp(self):
        self.stand = Stand(self)

    def test_instances_of_others_are_avoided(self):
        self.start_neighbour("battery", "10")
        self.stand.feed()
        name = self.stand.wait_name()
        self.assertEqual(self.stand.value(name, "/DeviceInstance"), 11)

    def test_the_settings_service_decides(self):
        self.start_neighbour("settings", "battery:42")
        self.stand.feed()
        name = self.stand.wait_name()
        self.assertEqual(self.stand.value(name, "/DeviceInstance"), 42)

    def test_a_settings_service_that_talks_nonsense_is_not_followed(self):
        self.start_neighbour("settings", "solarcharger:42")
        self.stand.feed()
        name = self.stand.wait_name()
        self.assertEqual(self.stand.value(name, "/DeviceInstance"), 10)

    def test_a_silent_neighbour_holds_nobody_up(self):
        self.start_neighbour("silent")
        self.stand.feed()
        name = self.stand.wait_name()
        self.assertEqual(self.stand.value(name, "/DeviceInstance"), 10)


class DaemonTest(support.IntegrationTest):
    def setUp(self):
        self.stand = Stand(self, "publish_limits = all\n")

    def keep_feeding_until(self, predicate, what):
        support.wait_until(
            lambda: self.stand.feed() or predicate(), 30, what, self.stand.bench.evidence
        )

    def test_a_restarted_daemon_gets_everything_again(self):
        self.stand.feed()
        self.stand.publish("charge/bank", charge(kind="bank"))
        self.stand.wait_name()
        self.stand.wait_name("bank")
        before = self.stand.names()
        self.stand.daemon.stop()
        self.stand.bench.wait_log("no D-Bus at")
        self.stand.daemon.start()
        self.stand.client = self.stand.connect()
        self.keep_feeding_until(lambda: self.stand.names() == before, "all services are back")
        self.stand.wait_value(before[1], "/Soc", 45.87)
        self.assertIsNone(self.stand.dbus_process.poll())
        self.assertEqual(self.stand.log().count("no D-Bus at"), 1)
        self.assertEqual(self.stand.log().count("D-Bus is back"), 1)

    def test_a_daemon_that_comes_late(self):
        self.stand.daemon.stop()
        self.stand.feed()
        self.stand.bench.wait_log("no D-Bus at")
        self.stand.daemon.start()
        self.stand.client = self.stand.connect()
        self.keep_feeding_until(lambda: self.stand.names() != [], "the service appears")

    def test_a_hung_daemon_blocks_nothing(self):
        """The health message every second shows that the loop goes round."""
        self.stand.feed()
        name = self.stand.wait_name()
        daemon = self.stand.daemon._process.pid
        os.kill(daemon, signal.SIGSTOP)
        self.addCleanup(os.kill, daemon, signal.SIGCONT)
        with self.stand.bench.tap("health/dbus") as tap:
            for count in range(4):
                self.stand.feed(voltage=54.0 + count)
                tap.wait_topic("health/dbus")
        os.kill(daemon, signal.SIGCONT)
        self.stand.feed(voltage=53.9)
        self.stand.wait_value(name, "/Dc/0/Voltage", 53.9)

    def test_a_daemon_that_hangs_from_the_start(self):
        daemon = self.stand.daemon._process.pid
        os.kill(daemon, signal.SIGSTOP)
        self.addCleanup(os.kill, daemon, signal.SIGCONT)
        self.stand.feed()
        self.stand.bench.wait_log("the daemon does not answer")
        os.kill(daemon, signal.SIGCONT)
        self.keep_feeding_until(lambda: self.stand.names() != [], "the service appears")


class PolicyTest(support.IntegrationTest):
    """config/busbar-dbus.conf on a daemon that forbids everything else, as Debian's system bus."""

    CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
  </policy>
  <include>{policy}</include>
</busconfig>
"""

    @staticmethod
    def ask_as_nobody(address, name, path, member, *args):
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "dbus-send"]
        command += [f"--bus={address}", "--print-reply=literal", f"--dest={name}", path]
        command += [f"{BUSITEM}.{member}", *args]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_everybody_reads_but_only_the_owner_writes(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to become another user")
        policy = REPO / "config" / "busbar-dbus.conf"
        folder = support.Bench().folder
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", folder], check=True))
        daemon = support.DBusDaemon.__new__(support.DBusDaemon)
        daemon.CONFIG = self.CONFIG.replace("{policy}", str(policy))
        daemon.__init__(folder)
        self.addCleanup(daemon.stop)
        folder.chmod(0o755)
        stand = Stand(self, daemon=daemon)
        stand.feed()
        name = stand.wait_name()
        read = self.ask_as_nobody(daemon.address, name, "/Soc", "GetValue")
        self.assertIn("45.87", read.stdout)
        text = "variant:string:x"
        write = self.ask_as_nobody(daemon.address, name, "/CustomName", "SetValue", text)
        self.assertNotEqual(write.returncode, 0)
        self.assertIn("AccessDenied", write.stderr)
        self.assertEqual(stand.write(name, "/CustomName", "mine"), 0)


if __name__ == "__main__":
    support.main()
