"""busbar-mqtt against a real mosquitto."""

import json
import signal
import subprocess

import support
from feeding import FeedingTest

READING = {
    "device": {"driver": "jbd", "connection": "Serial /dev/ttyUSB0"},
    "serial_number": "SN1",
    "cell_count": 2,
    "capacity": 100.0,
    "voltage": 6.663,
    "current": -1.25,
    "soc": 50.123,
    "charge_fet": True,
    "cells": [{"voltage": 3.331}, {"voltage": 3.332}],
    "protection": {"low_soc": 0},
}
DECISION = {
    "kind": "battery",
    "name": "Rack",
    "link": "online",
    "cvl": 6.9,
    "ccl": 10.5,
    "dcl": 20.0,
    "cvl_reason": "full voltage",
    "mode": "Bulk",
    "float_voltage": 6.75,
    "allow_charge": True,
    "allow_discharge": True,
    "soc": 51.0,
    "power": -8.33,
    "alarms": {"low_soc": 0},
}
NOT_A_WAY_IN = "hunter-2-secret"


class Subscriber:
    """mosquitto_sub: every message with its retain flag and QoS, in order."""

    def __init__(self, port, *args, host="127.0.0.1", filters=("#",)):
        command = ["mosquitto_sub", "-h", host, "-p", str(port), "-F", "%r %q %t %p", "-q", "1"]
        for text in filters:
            command += ["-t", text]
        self._process = support.spawn(
            [*command, *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.lines = support.Lines(self._process.stdout)

    def wait(self, topic, predicate=lambda payload: True, start=0, timeout=support.WAIT_TIMEOUT):
        """(retained, qos, payload, index) of the first message of topic from index start on for
        which predicate(payload) is true."""

        def matches(line):
            _, _, name, payload = line.split(" ", 3)
            return name == topic and predicate(payload)

        found = self.lines.wait_for(matches, timeout, start)
        if found is None:
            seen = "\n".join(line[:200] for line in self.lines.all()[-15:])
            raise AssertionError(f"not within {timeout:g} s: {topic}\n{seen}")
        index, line = found
        retained, qos, _, payload = line.split(" ", 3)
        return retained == "1", int(qos), payload, index

    def payloads(self, topic, start=0):
        split = (line.split(" ", 3) for line in self.lines.all()[start:])
        return [payload for _, _, name, payload in split if name == topic]

    def states(self, name="rack", start=0):
        return [json.loads(p) for p in self.payloads(f"busbar/battery/{name}/state", start)]

    def wait_state(self, predicate=lambda state: True, name="rack", start=0, timeout=support.WAIT_TIMEOUT):
        topic = f"busbar/battery/{name}/state"
        found = self.wait(topic, lambda p: predicate(json.loads(p)), start, timeout)
        return json.loads(found[2])

    def close(self):
        support.stop_process(self._process)
        self.lines.join()
        self._process.stdout.close()


class MqttTest(FeedingTest):
    def setUp(self):
        self.stand_ = self.stand()
        self.broker = None

    def start_broker(self, *lines):
        self.broker = self.stand_.mosquitto(*lines)
        return self.broker

    def configure(self, *lines, port=None):
        text = ["[mqtt]", "host = 127.0.0.1", f"port = {port or self.broker.port}", *lines]
        self.stand_.write_config("\n".join(text) + "\n")

    def start_mqtt(self):
        return self.stand_.start_program("mqtt")

    def subscribe(self, *args, **options):
        subscriber = Subscriber(self.broker.port, *args, **options)
        self.addCleanup(subscriber.close)
        return subscriber

    def feed(self, identity="rack"):
        feeder = self.stand_.feeder()
        feeder.keep(f"battery/{identity}", READING)
        feeder.keep(f"charge/{identity}", DECISION)
        return feeder


class PublishTest(MqttTest):
    def test_values_arrive(self):
        self.start_broker()
        self.configure()
        subscriber = self.subscribe()
        self.start_mqtt()
        self.feed()
        state = subscriber.wait_state()
        for name in ("serial_number", "cell_count", "capacity", "voltage", "current", "cells",
                     "charge_fet", "protection"):
            self.assertEqual(state[name], READING[name], name)
        for name in DECISION:
            self.assertEqual(state[name], DECISION[name], name)
        self.assertEqual(state["soc_bms"], READING["soc"])
        self.assertNotIn("device", state)
        self.assertEqual(subscriber.wait("busbar/status")[1:3], (1, "online"))
        self.assertEqual(subscriber.wait("busbar/battery/rack/availability")[1:3], (1, "online"))
        _, qos, info, _ = subscriber.wait("busbar/battery/rack/info")
        self.assertEqual(qos, 1)
        self.assertEqual(
            json.loads(info),
            {"id": "rack", "kind": "battery", "name": "Rack", "type": "jbd",
             "connection": "Serial /dev/ttyUSB0", "serial_number": "SN1", "cell_count": 2,
             "capacity": 100.0},
        )

    def test_order_after_connecting(self):
        self.start_broker()
        self.configure()
        self.feed()
        subscriber = self.subscribe()
        self.start_mqtt()
        subscriber.wait_state()
        topics = [line.split(" ", 3)[2] for line in subscriber.lines.all()]
        self.assertEqual(topics[:4], ["busbar/status", "busbar/battery/rack/info",
                                      "busbar/battery/rack/availability",
                                      "busbar/battery/rack/state"])

    def test_what_the_broker_keeps(self):
        self.start_broker()
        self.configure()
        first = self.subscribe()
        self.start_mqtt()
        self.feed()
        first.wait_state()
        late = self.subscribe()
        for topic in ("busbar/status", "busbar/battery/rack/availability",
                      "busbar/battery/rack/info"):
            self.assertTrue(late.wait(topic)[0], f"{topic} is retained")
        self.assertFalse(late.wait("busbar/battery/rack/state")[0], "the state is not")
        self.assertEqual(late.wait("busbar/battery/rack/state")[1], 0)

    def test_retained_state(self):
        self.start_broker()
        self.configure("retain_state = yes")
        first = self.subscribe()
        self.start_mqtt()
        self.feed()
        first.wait_state()
        self.assertTrue(self.subscribe().wait("busbar/battery/rack/state")[0])

    def test_bank_and_other_base(self):
        self.start_broker()
        self.configure("base = home/power")
        subscriber = self.subscribe()
        self.start_mqtt()
        members = [{"id": "a", "link": "online"}, {"id": "b", "link": "lost"}]
        feeder = self.stand_.feeder()
        feeder.keep("charge/bank", {**DECISION, "kind": "bank", "modules_online": 1,
                                    "modules_offline": 1, "members": members})
        _, _, payload, _ = subscriber.wait("home/power/battery/bank/state")
        state = json.loads(payload)
        self.assertEqual((state["kind"], state["modules_offline"]), ("bank", 1))
        self.assertEqual(state["members"], members)
        _, _, payload, _ = subscriber.wait("home/power/battery/bank/info")
        self.assertEqual(json.loads(payload)["members"], ["a", "b"])

    def test_alarms_do_not_wait(self):
        self.start_broker()
        self.configure("min_interval = 600", "max_interval = 600")
        subscriber = self.subscribe()
        self.start_mqtt()
        feeder = self.feed()
        subscriber.wait_state()
        feeder.keep("charge/rack", {**DECISION, "ccl": 9.0})
        feeder.keep("charge/rack", {**DECISION, "ccl": 8.0, "alarms": {"low_soc": 2}})
        state = subscriber.wait_state(lambda s: s["alarms"]["low_soc"] == 2)
        self.assertEqual(state["ccl"], 8.0)
        feeder.keep("charge/rack", {**DECISION, "ccl": 0.0, "alarms": {"low_soc": 2}})
        subscriber.wait_state(lambda s: s["ccl"] == 0)
        self.assertEqual(len(subscriber.states()), 3, "nothing else was in a hurry")

    def test_steady_values_are_repeated_not_flooded(self):
        self.start_broker()
        self.configure("min_interval = 0.1", "max_interval = 2")
        subscriber = self.subscribe()
        self.start_mqtt()
        self.feed()  # twice a second, always the same
        _, _, _, first = subscriber.wait("busbar/battery/rack/state")
        _, _, _, second = subscriber.wait("busbar/battery/rack/state", start=first + 1)
        subscriber.wait("busbar/battery/rack/state", start=second + 1)
        between = self.stand_.start_verb("tap", "--json", "--count", "1", "battery/")
        self.assertEqual(between.wait(), 0)
        self.assertLessEqual(len(subscriber.states()), 4)

    def test_ids_become_names_of_topics(self):
        self.start_broker()
        self.configure()
        subscriber = self.subscribe()
        mqtt = self.start_mqtt()
        feeder = self.feed("serial-rack.0x01")
        _, _, info, _ = subscriber.wait("busbar/battery/serial-rack_0x01/info")
        self.assertEqual(json.loads(info)["id"], "serial-rack.0x01")
        feeder.publish("charge/serial-rack_0x01", DECISION)
        mqtt.wait_error("serial-rack_0x01 is not published: another id has the same MQTT topic")


class SafetyTest(MqttTest):
    def test_without_decisions_nothing_is_allowed(self):
        self.start_broker()
        self.configure()
        subscriber = self.subscribe()
        self.start_mqtt()
        feeder = self.feed()
        self.assertEqual(subscriber.wait_state()["ccl"], 10.5)
        feeder.let_go("charge/rack")
        _, _, _, index = subscriber.wait(
            "busbar/battery/rack/availability", lambda payload: payload == "offline"
        )
        state = subscriber.wait_state(lambda s: s["ccl"] == 0)
        self.assertEqual((state["ccl"], state["dcl"], state["cvl"]), (0, 0, 6.75))
        self.assertFalse(state["allow_charge"] or state["allow_discharge"])
        self.assertEqual(state["voltage"], READING["voltage"], "the reading still counts")
        later = subscriber.wait_state(start=index + 2)
        self.assertEqual((later["ccl"], later["dcl"]), (0, 0))
        # The aggregator is back.
        feeder.keep("charge/rack", DECISION)
        subscriber.wait("busbar/battery/rack/availability", lambda p: p == "online", index)
        subscriber.wait_state(lambda s: s["ccl"] == 10.5, start=index)

    def test_old_decision_from_the_cache_is_not_believed(self):
        self.start_broker()
        self.configure()
        subscriber = self.subscribe()
        feeder = self.stand_.feeder()
        feeder.publish("charge/rack", DECISION, age_ms=6000)
        self.start_mqtt()
        self.assertEqual(subscriber.wait_state()["ccl"], 0)
        self.assertEqual(subscriber.wait("busbar/battery/rack/availability")[2], "offline")
        self.assertTrue(all(s["ccl"] == 0 and s["dcl"] == 0 for s in subscriber.states()))

    def test_battery_without_any_decision(self):
        self.start_broker()
        self.configure()
        subscriber = self.subscribe()
        self.start_mqtt()
        self.stand_.feeder().keep("battery/rack", READING)
        state = subscriber.wait_state()
        self.assertEqual((state["ccl"], state["dcl"], state["voltage"]), (0, 0, 6.663))
        self.assertEqual(subscriber.wait("busbar/battery/rack/availability")[2], "offline")

    def test_lost_battery_has_no_measurements(self):
        self.start_broker()
        self.configure()
        subscriber = self.subscribe()
        self.start_mqtt()
        feeder = self.feed()
        subscriber.wait_state()
        feeder.keep("charge/rack", {**DECISION, "link": "lost", "ccl": 0.0, "dcl": 0.0})
        state = subscriber.wait_state(lambda s: s["link"] == "lost")
        for name in ("voltage", "current", "soc", "cells", "power"):
            self.assertNotIn(name, state)
        _, _, _, index = subscriber.wait(
            "busbar/battery/rack/availability", lambda p: p == "offline"
        )
        feeder.keep("charge/rack", DECISION)
        subscriber.wait("busbar/battery/rack/availability", lambda p: p == "online", index)


class ConnectionTest(MqttTest):
    def test_last_will(self):
        self.start_broker()
        self.configure()
        subscriber = self.subscribe()
        mqtt = self.start_mqtt()
        self.feed()
        subscriber.wait_state()
        mqtt.process.kill()
        subscriber.wait("busbar/status", lambda p: p == "offline")
        self.assertEqual(self.subscribe().wait("busbar/status")[:3], (True, 1, "offline"))
        # Its successor takes over.
        self.start_mqtt()
        index = subscriber.lines.count()
        subscriber.wait("busbar/status", lambda p: p == "online", index)
        subscriber.wait_state(start=index)

    def test_orderly_end(self):
        self.start_broker()
        self.configure()
        subscriber = self.subscribe()
        mqtt = self.start_mqtt()
        self.feed()
        subscriber.wait_state()
        self.assertEqual(mqtt.stop(), 0, mqtt.evidence())
        subscriber.wait("busbar/status", lambda p: p == "offline")

    def test_broker_that_comes_later(self):
        port = support.free_port()
        self.configure(port=port)
        mqtt = self.start_mqtt()
        mqtt.wait_error("no connection: Connection refused; trying again")
        feeder = self.feed()
        self.start_broker(f"listener {port} 127.0.0.1")
        subscriber = self.subscribe()
        subscriber.wait_state(timeout=40)
        feeder.close()
        trouble = [line for line in mqtt.errors.all() if "refused" in line]
        self.assertEqual(len(trouble), 1, "said once")

    def test_broker_restart_brings_the_newest_state(self):
        self.start_broker()
        self.configure()
        subscriber = self.subscribe()
        mqtt = self.start_mqtt()
        feeder = self.feed()
        subscriber.wait_state()
        self.broker.stop()
        mqtt.wait_error("connection lost")
        for ccl in (9.0, 8.0, 7.0):
            feeder.keep("charge/rack", {**DECISION, "ccl": ccl})
        self.broker.start()
        again = self.subscribe()
        state = again.wait_state(timeout=40)
        self.assertEqual(state["ccl"], 7.0)
        self.assertEqual(again.wait("busbar/status")[2], "online")
        self.assertEqual(again.wait("busbar/battery/rack/availability")[2], "online")
        self.assertEqual({s["ccl"] for s in again.states()}, {7.0}, "nothing old was queued")

    def test_broker_that_hangs(self):
        self.start_broker()
        self.configure("keepalive = 5", "min_interval = 0.1")
        subscriber = self.subscribe()
        mqtt = self.start_mqtt()
        feeder = self.feed()
        subscriber.wait_state()
        self.broker.signal(signal.SIGSTOP)
        tap = self.stand_.tap("health/mqtt")
        feeder.keep("charge/rack", {**DECISION, "ccl": 3.0})
        mqtt.wait_error("connection lost", timeout=30)
        before = tap.wait_topic("health/mqtt")["data"]
        # It lives, and does not fill up.
        for _ in range(3):
            after = tap.wait_topic("health/mqtt")["data"]
        self.assertLess(after["memory_kb"], before["memory_kb"] + 8192)
        self.broker.signal(signal.SIGCONT)
        subscriber.wait_state(lambda s: s["ccl"] == 3.0, timeout=60)

    def test_wrong_name(self):
        self.start_broker()
        self.stand_.write_config("[mqtt]\nhost = no such host\n")
        mqtt = self.start_mqtt()
        mqtt.wait_error("broker no such host:1883: no connection: ")
        tap = self.stand_.tap("health/mqtt")
        tap.wait_topic("health/mqtt", lambda m: "no connection" in m["data"]["status"])
        self.assertEqual(mqtt.stop(), 0)

    def test_address_that_is_refused_at_once(self):
        self.stand_.write_config("[mqtt]\nhost = 255.255.255.255\n")
        mqtt = self.start_mqtt()
        mqtt.wait_error("broker 255.255.255.255:1883: no connection: ")
        self.assertEqual(mqtt.stop(), 0)

    def test_name_with_several_addresses(self):
        self.start_broker()
        self.stand_.write_config(f"[mqtt]\nhost = localhost\nport = {self.broker.port}\n")
        subscriber = self.subscribe()
        self.start_mqtt()
        self.feed()
        subscriber.wait_state()

    def test_batteries_of_former_times_are_offline(self):
        self.start_broker()
        self.configure()
        for topic in ("busbar/battery/gone/availability", "busbar/battery/rack/availability"):
            subprocess.run(
                ["mosquitto_pub", "-p", str(self.broker.port), "-r", "-q", "1", "-t", topic,
                 "-m", "online"],
                check=True, timeout=30,
            )
        self.feed()
        subscriber = self.subscribe()
        subscriber.wait("busbar/battery/gone/availability")
        self.start_mqtt()
        subscriber.wait("busbar/battery/gone/availability", lambda p: p == "offline")
        subscriber.wait_state()
        self.assertEqual(self.subscribe().wait("busbar/battery/gone/availability")[2], "offline")
        self.assertEqual(self.subscribe().wait("busbar/battery/rack/availability")[2], "online")


class PasswordTest(MqttTest):
    def setUp(self):
        super().setUp()
        passwords = self.stand_.folder / "passwords"
        subprocess.run(
            ["mosquitto_passwd", "-c", "-b", passwords, "house", NOT_A_WAY_IN],
            check=True, capture_output=True, timeout=30,
        )
        # A broker started by root would give its rights up, and the right to read the file.
        self.start_broker("allow_anonymous false", f"password_file {passwords}", "user root")

    def assert_publishes(self, mqtt):
        subscriber = self.subscribe("-u", "house", "-P", NOT_A_WAY_IN)
        self.feed()
        subscriber.wait_state()
        mqtt.stop()
        self.assertNotIn(NOT_A_WAY_IN, "\n".join(mqtt.errors.all()))

    def test_password(self):
        self.configure("username = house", f"password = {NOT_A_WAY_IN}")
        self.assert_publishes(self.start_mqtt())

    def test_password_file(self):
        path = self.stand_.folder / "secret"
        path.write_text(NOT_A_WAY_IN + "\n")
        self.configure("username = house", f"password_file = {path}")
        self.assert_publishes(self.start_mqtt())

    def test_wrong_password_is_said_but_not_shown(self):
        self.configure("username = house", f"password = {NOT_A_WAY_IN}x", "[busbar]", "log_level = debug")
        mqtt = self.start_mqtt()
        mqtt.wait_error("not authorised")
        self.assertEqual(mqtt.stop(), 0)
        self.assertNotIn(NOT_A_WAY_IN, "\n".join(mqtt.errors.all()))

    def test_missing_password_file_is_a_mistake_of_the_configuration(self):
        self.configure("username = house", "password_file = /nowhere/secret")
        mqtt = self.start_mqtt()
        self.assertEqual(mqtt.wait(), 78, mqtt.evidence())
        mqtt.wait_error("[mqtt] password_file: /nowhere/secret: No such file or directory")


if __name__ == "__main__":
    support.main()
