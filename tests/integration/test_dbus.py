"""The D-Bus contract of a battery, by independent clients on a real daemon: python3-dbus and
dbus-send."""

import subprocess
import xml.etree.ElementTree

import dbus

import support
from dbus_stand import BUSITEM, TABLE, Signals, Stand, battery, charge
from dbus_stand import is_invalid, pattern_of, turn_loop

TYPES = {"d": dbus.Double, "i": dbus.Int32, "s": dbus.String}


class ContractTest(support.IntegrationTest):
    """One battery that may control (no bank)."""

    def setUp(self):
        self.stand = Stand(self, "publish_limits = all\n")
        self.stand.feed()
        self.name = self.stand.wait_name()

    def check_item(self, rule, path, value, text):
        self.assertEqual(value.variant_level, 1, path)
        if is_invalid(value):
            self.assertTrue(rule["invalid_allowed"], path)
            self.assertEqual(text, "---", path)
            return
        self.assertIs(type(value), TYPES[rule["type"]], path)
        self.assertRegex(text, rule["text_regex"], path)
        if "range" in rule:
            self.assertGreaterEqual(value, rule["range"][0], path)
            self.assertLessEqual(value, rule["range"][1], path)

    def test_every_path_is_as_the_table_says(self):
        rules = [(pattern_of(rule["path"]), rule) for rule in TABLE["paths"]]
        items = self.stand.items(self.name)
        for rule in TABLE["paths"]:
            if rule["presence"] == "mandatory":
                self.assertIn(rule["path"], items)
        for path, (value, text) in items.items():
            found = [rule for pattern, rule in rules if pattern.match(path)]
            self.assertEqual(len(found), 1, path)
            self.check_item(found[0], path, value, text)
        for path in ("/Soc", "/Dc/0/Power", "/Info/MaxChargeVoltage", "/Voltages/Cell16"):
            self.assertFalse(is_invalid(items[path][0]), path)

    def test_values_are_those_that_were_fed(self):
        items = self.stand.items(self.name)
        expected = {
            "/Dc/0/Voltage": (53.12, "53.12V"),
            "/Dc/0/Current": (-5.2, "-5.20A"),
            "/Dc/0/Power": (-276.22, "-276W"),
            "/Soc": (45.87, "45.87"),
            "/Info/MaxChargeVoltage": (55.2, "55.20V"),
            "/Info/MaxChargeCurrent": (50.0, "50.00A"),
            "/Info/MaxDischargeCurrent": (60.0, "60.00A"),
            "/InstalledCapacity": (100.0, "100Ah"),
            "/Voltages/Cell4": (3.303, "3.303V"),
            "/Balances/Cell4": (1, "1"),
            "/Alarms/HighCellVoltage": (1, "1"),
            "/History/DeepestDischarge": (-54.1, "-54.1"),
            "/Io/AllowToCharge": (1, "1"),
            "/TimeToGo": (17909, "17909"),
            "/Serial": ("rack-1", "rack-1"),
        }
        self.assertEqual({path: items[path] for path in expected}, expected)

    def test_all_ways_to_read_agree(self):
        items = self.stand.items(self.name)
        root_values = self.stand.call(self.name, "/", "GetValue")
        root_texts = self.stand.call(self.name, "/", "GetText")
        self.assertEqual(set(root_values), {path[1:] for path in items})
        for path, (value, text) in items.items():
            self.assertEqual(self.stand.call(self.name, path, "GetValue"), value, path)
            self.assertEqual(self.stand.call(self.name, path, "GetText"), text, path)
            self.assertEqual(root_values[path[1:]], value, path)
            self.assertEqual(root_texts[path[1:]], text, path)
        below = self.stand.call(self.name, "/Dc/0", "GetValue")
        self.assertEqual(
            set(below), {path[6:] for path in items if path.startswith("/Dc/0/")}
        )

    def test_introspection_leads_to_every_leaf(self):
        found = set()

        def walk(path):
            xml_text = self.stand.call(
                self.name, path, "Introspect", interface="org.freedesktop.DBus.Introspectable"
            )
            root = xml.etree.ElementTree.fromstring(xml_text)
            children = [node.get("name") for node in root.findall("node")]
            if not children:
                found.add(path)
            for child in children:
                walk(f"{path.rstrip('/')}/{child}")

        walk("/")
        self.assertEqual(found, set(self.stand.items(self.name)))

    def test_a_change_signal_carries_only_changes(self):
        signals = Signals(self.stand.client, self.name)
        self.stand.feed()  # nothing new: no signal
        self.stand.feed(voltage=53.5, power=-278.2)
        changed = signals.wait_for(lambda s: "/Dc/0/Voltage" in s)
        self.assertEqual(set(changed), {"/Dc/0/Voltage", "/Dc/0/Power"})
        self.assertEqual(changed["/Dc/0/Voltage"], (53.5, "53.50V"))
        self.assertEqual(self.stand.value(self.name, "/Dc/0/Voltage"), 53.5)
        turn_loop()
        self.assertEqual(len(signals.seen), 1)

    def test_one_signal_for_a_reading_and_its_decision(self):
        signals = Signals(self.stand.client, self.name)
        self.stand.publish("battery/rack-1", battery(soc=44.0))
        self.stand.publish("charge/rack-1", charge(soc=44.5, ccl=40.0))
        changed = signals.wait_for(lambda s: "/Soc" in s)
        self.assertEqual(set(changed), {"/Soc", "/SocBms", "/Info/MaxChargeCurrent"})

    def test_what_becomes_unknown_is_announced_as_unknown(self):
        signals = Signals(self.stand.client, self.name)
        decision = charge()
        del decision["soc"]
        self.stand.publish("charge/rack-1", decision)
        changed = signals.wait_for(lambda s: "/Soc" in s)
        self.assertTrue(is_invalid(changed["/Soc"][0]))
        self.assertEqual(changed["/Soc"][1], "---")

    def test_nothing_but_the_name_can_be_written(self):
        before = self.stand.items(self.name)
        for path in before:
            if path != "/CustomName":
                self.assertEqual(self.stand.write(self.name, path, 7.0), 1, path)
                self.assertEqual(self.stand.write(self.name, path, "x"), 1, path)
        self.assertEqual(self.stand.items(self.name), before)

    def test_the_name_is_kept(self):
        signals = Signals(self.stand.client, self.name)
        self.assertEqual(self.stand.write(self.name, "/CustomName", "Garäge"), 0)
        changed = signals.wait_for(lambda s: "/CustomName" in s)
        self.assertEqual(changed, {"/CustomName": ("Garäge", "Garäge")})
        self.assertEqual(self.stand.write(self.name, "/CustomName", "Garäge"), 0)
        self.stand.restart_dbus()
        support.wait_until(lambda: self.name in self.stand.names(), what="the service is back")
        self.assertEqual(self.stand.value(self.name, "/CustomName"), "Garäge")
        self.assertEqual(len(signals.seen), 1)

    def test_wrong_calls_are_answered_with_errors(self):
        cases = [
            ("/Nothing", "GetValue", (), "org.freedesktop.DBus.Error.UnknownObject"),
            ("/Soc", "Explode", (), "org.freedesktop.DBus.Error.UnknownMethod"),
            ("/Dc", "SetValue", (1,), "org.freedesktop.DBus.Error.UnknownMethod"),
            ("/Soc", "GetItems", (), "org.freedesktop.DBus.Error.UnknownMethod"),
        ]
        for path, member, args, expected in cases:
            with self.assertRaises(dbus.DBusException) as caught:
                self.stand.call(self.name, path, member, *args)
            self.assertEqual(caught.exception.get_dbus_name(), expected)
        with self.assertRaises(dbus.DBusException) as caught:
            self.stand.call(self.name, "/Soc", "GetValue", 1, signature="i")
        self.assertEqual(
            caught.exception.get_dbus_name(), "org.freedesktop.DBus.Error.InvalidArgs"
        )

    def test_dbus_send_reads_it(self):
        def ask(path, member):
            command = ["dbus-send", f"--bus={self.stand.daemon.address}", "--print-reply=literal"]
            command += [f"--dest={self.name}", path, f"{BUSITEM}.{member}"]
            return subprocess.run(command, check=True, capture_output=True, text=True).stdout

        self.assertEqual(ask("/Dc/0/Voltage", "GetValue").split(), ["variant", "double", "53.12"])
        self.assertEqual(ask("/Dc/0/Voltage", "GetText").strip(), "53.12V")
        self.assertEqual(ask("/DeviceInstance", "GetValue").split(), ["variant", "int32", "10"])
        self.assertIn("/Voltages/Cell16", ask("/", "GetItems"))


if __name__ == "__main__":
    support.main()
