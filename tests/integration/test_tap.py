"""busbar tap, busbar replay and busbar messages on a real bus."""

import json
import os
import pathlib
import signal
import struct
import subprocess

import support
from feeding import FeedingTest, RawPublisher, now_ms

REPO = pathlib.Path(__file__).resolve().parents[2]


def battery(voltage=52.5, **fields):
    return {
        "device": {"driver": "jbd", "port": "ttyUSB0"},
        "cell_count": 2,
        "voltage": voltage,
        "current": -1.25,
        "soc": 50.5,
        "cells": [{"voltage": 3.331}, {"voltage": 3.332, "balance": True}],
        "protection": {"low_soc": 1},
        **fields,
    }


CHARGE = {"kind": "battery", "link": "online", "cvl": 55.2, "ccl": 10.0, "dcl": 20.0, "mode": "Bulk"}


def packed(value):
    """MessagePack of maps, short texts and numbers."""
    if isinstance(value, dict):
        inner = b"".join(packed(name) + packed(item) for name, item in value.items())
        return bytes([0x80 | len(value)]) + inner
    if isinstance(value, str):
        return bytes([0xA0 | len(value)]) + value.encode()
    return b"\xcf" + struct.pack(">Q", value)


def message_body(instance, sequence, mono_ms):
    head = {"version": 1, "source": "raw", "instance": instance, "sequence": sequence}
    head.update(mono_ms=int(mono_ms), wall_ms=1, interval_ms=1000, data={"cell_count": 4})
    return packed(head)


def parsed(program):
    return [json.loads(line) for line in program.out.all()]


class WatchTest(FeedingTest):
    def test_json_carries_every_value(self):
        stand = self.stand()
        tap = stand.start_verb("tap", "--json", "--count", "2", "battery/")
        feeder = stand.feeder()
        feeder.keep("battery/a", battery(), interval_ms=700)
        self.assertEqual(tap.wait(), 0, tap.evidence())
        first, second = parsed(tap)
        self.assertEqual(first["topic"], "battery/a")
        self.assertEqual(first["data"], battery())
        self.assertEqual(first["source"], "feeder")
        self.assertEqual(first["interval_ms"], 700)
        self.assertGreater(second["sequence"], first["sequence"])

    def test_late_joiner_gets_the_picture(self):
        stand = self.stand()
        feeder = stand.feeder()
        feeder.publish("battery/a", battery(50.0))
        feeder.publish("battery/a", battery(51.0), age_ms=700)
        feeder.publish("battery/b", battery(52.0))
        feeder.publish("charge/a", CHARGE)
        feeder.publish("log/x", {"level": "warning", "text": "gone for ever"})
        # The feeder is through when the bus has kept its last cached message.
        tap = stand.start_verb("tap", "--json", "charge/", "--count", "1")
        self.assertEqual(tap.wait(), 0)
        tap = stand.start_verb("tap", "--json", "--once")
        self.assertEqual(tap.wait(), 0, tap.evidence())
        picture = {m["topic"]: m for m in parsed(tap)}
        self.assertEqual(len(picture), len(parsed(tap)), "each topic once")
        self.assertEqual(set(picture) - {"health/bus"}, {"battery/a", "battery/b", "charge/a"})
        self.assertEqual(picture["battery/a"]["data"]["voltage"], 51.0)
        self.assertEqual(picture["charge/a"]["data"], CHARGE)

    def test_once_ends_although_messages_keep_coming(self):
        stand = self.stand()
        feeder = stand.feeder()
        for name in "abcdef":
            feeder.keep(f"battery/{name}", battery())
        tap = stand.start_verb("tap", "--once", "battery/")
        self.assertEqual(tap.wait(), 0, tap.evidence())
        self.assertEqual(len(tap.out.all()), 6)

    def test_lines_for_people(self):
        stand = self.stand()
        feeder = stand.feeder()
        tap = stand.start_verb("tap", "battery/", "log/")
        feeder.keep("battery/a", battery())
        _, line = tap.wait_out("battery/a")
        for part in ("52.500 V", "-1.25 A", "50.5 %", "3.331..3.332 V", "protection: low_soc 1"):
            self.assertIn(part, line)
        self.assertNotIn("\033", line, "no colours into a pipe")
        feeder.publish("log/x", {"level": "error", "text": "it \x1b[2J broke"})
        _, line = tap.wait_out("log/x")
        self.assertIn("error: it ?[2J broke", line)

    def test_repeated_messages_are_shown_once(self):
        stand = self.stand()
        feeder = stand.feeder()
        tap = stand.start_verb("tap", "--json", "battery/")
        feeder.publish("battery/a", battery(50.0))
        tap.wait_out("battery/a")
        # Everybody who joins makes the bus send its cache to all.
        for _ in range(3):
            self.assertEqual(stand.start_verb("tap", "--once", "battery/").wait(), 0)
        feeder.publish("battery/a", battery(51.0))
        tap.wait_out("51.0")
        self.assertEqual([m["data"]["voltage"] for m in parsed(tap)], [50.0, 51.0])

    def test_what_cannot_be_read_is_said(self):
        stand = self.stand()
        tap = stand.start_verb("tap")
        data = stand.start_verb("tap", "--json")
        raw = stand.start_verb("tap", "--raw")
        for program in (tap, data, raw):
            program.wait_out("health/bus")
        hostile = RawPublisher(stand.run_dir)
        self.addCleanup(hostile.close)
        hostile.send(b"battery/x", b"\xc1\xff")
        hostile.send(b"battery/y", b"\x90")
        hostile.send(b"not a topic \x1b[2J", b"\x80")
        hostile.send(b"battery/z")
        hostile.send(b"battery/three", b"\x80", b"\x80")
        stand.feeder().publish("battery/good", battery())
        for program in (tap, data, raw):
            program.wait_out("battery/good")
        _, line = tap.wait_out("battery/x")
        self.assertIn("not readable: body", line)
        self.assertIn("(2 bytes)", line)
        _, line = tap.wait_out("battery/y")
        self.assertIn("expected a map (1 bytes)", line)
        refused = {m["topic"]: m for m in parsed(data) if "error" in m}
        self.assertIn("body", refused["battery/x"]["error"])
        self.assertEqual(refused["battery/x"]["bytes"], 2)
        self.assertTrue(raw.wait_out("battery/x")[1].endswith("[2]  c1 ff"))
        self.assertNotIn("\033", "".join(tap.out.all()))

    def test_waits_for_a_bus_and_says_so_once(self):
        stand = self.stand(bus=False)
        tap = stand.start_verb("tap", "--json", "--count", "2")
        tap.wait_error("waiting for the bus")
        bus = stand.start_bus()
        tap.wait_out("health/bus")
        bus.stop()
        tap.wait_error("waiting for the bus", start=1)
        stand.start_bus()
        self.assertEqual(tap.wait(), 0, tap.evidence())
        self.assertEqual([line.split(":")[1] for line in tap.errors.all()],
                         [" waiting for the bus", " the bus is there"] * 2)

    def test_run_dir_from_the_environment(self):
        stand = self.stand()
        stand.environment["BUSBAR_RUN_DIR"] = str(stand.run_dir)
        result = subprocess.run(
            [support.BUSBAR, "tap", "--json", "--count", "1"],
            env=stand.environment, capture_output=True, text=True, timeout=30, check=False,
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["topic"], "health/bus")

    def test_seconds_end_it(self):
        stand = self.stand()
        tap = stand.start_verb("tap", "--seconds", "0.2")
        self.assertEqual(tap.wait(), 0)

    def test_interrupt_ends_it(self):
        stand = self.stand()
        for number in (signal.SIGINT, signal.SIGTERM):
            tap = stand.start_verb("tap")
            tap.wait_out("health/bus")
            tap.process.send_signal(number)
            self.assertEqual(tap.wait(), 0, tap.evidence())

    def test_reader_of_the_output_may_leave(self):
        stand = self.stand()
        script = f"{support.BUSBAR} tap --run-dir {stand.run_dir} | head -n 1; echo ${{PIPESTATUS[0]}}"
        result = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, timeout=30, check=False
        )
        lines = result.stdout.splitlines()
        self.assertIn("health/bus", lines[0])
        self.assertEqual(lines[-1], "0", result.stderr)

    def test_mistakes_are_named(self):
        stand = self.stand(bus=False)
        tap = stand.start_verb("tap", "--jsn")
        self.assertEqual(tap.wait(), 1)
        self.assertEqual(tap.errors.all(), ["busbar tap: --jsn is not an option; see busbar tap --help"])


class StatisticsTest(FeedingTest):
    def row(self, tap, topic):
        _, line = tap.out.wait_for(lambda text: text.startswith(topic + " "), 1)
        names = "messages rate mean largest missed again starts refused p50 p99 max".split()
        return dict(zip(names, line.split()[1:]))

    def start(self, stand, feeder, *args):
        """Statistics that are known to receive: only the recording shows from outside."""
        path = stand.folder / "stats.rec"
        stats = stand.start_verb("tap", "--stats", "--record", path, "battery/", *args)
        feeder.keep("battery/begin", battery())
        support.wait_until(
            lambda: path.exists() and path.stat().st_size > 100, what="a first recorded message"
        )
        feeder.let_go("battery/begin")
        return stats

    def finish(self, stand, feeder, stats):
        """Ends stats when everything sent so far has passed the bus."""
        probe = stand.start_verb("tap", "battery/end")
        feeder.keep("battery/end", battery())
        probe.wait_out("battery/end")
        path = stand.folder / "stats.rec"
        support.wait_until(lambda: b"battery/end" in path.read_bytes(), what="all is counted")
        stats.process.send_signal(signal.SIGINT)
        self.assertEqual(stats.wait(), 0, stats.evidence())

    def test_table_at_the_end(self):
        stand = self.stand()
        feeder = stand.feeder()
        stats = self.start(stand, feeder)
        for _ in range(20):
            feeder.publish("battery/a", battery())
        self.finish(stand, feeder, stats)
        row = self.row(stats, "battery/a")
        self.assertEqual(row["messages"], "20")
        self.assertEqual((row["missed"], row["again"]), ("0", "0"))
        self.assertEqual((row["starts"], row["refused"]), ("0", "0"))
        self.assertGreater(int(row["mean"]), 100)
        self.assertGreaterEqual(int(row["max"]), int(row["p50"]))
        self.assertRegex(stats.out.all()[-1], r"^3 topics, \d+ messages, \d+ bytes, 0 missed$")

    def test_losses_repeats_restarts_and_garbage(self):
        stand = self.stand()
        feeder = stand.feeder()
        stats = self.start(stand, feeder)
        hostile = RawPublisher(stand.run_dir)
        self.addCleanup(hostile.close)
        for instance, sequence in ((1, 1), (1, 2), (1, 5), (1, 5), (2, 1)):
            hostile.send(b"battery/a", message_body(instance, sequence, now_ms()))
        hostile.send(b"battery/a", b"\xc1")
        self.finish(stand, feeder, stats)
        row = self.row(stats, "battery/a")
        self.assertEqual(row["messages"], "6")
        self.assertEqual(row["missed"], "2")
        self.assertEqual(row["again"], "1")
        self.assertEqual(row["starts"], "1")
        self.assertEqual(row["refused"], "1")


class RecordTest(FeedingTest):
    def record(self, stand, messages, path):
        """Records messages, and the ones the programs make by themselves."""
        recorder = stand.start_verb("tap", "--record", path, "--json")
        feeder = stand.feeder()
        recorder.wait_out("health/bus")
        for topic, data, head in messages:
            feeder.publish(topic, data, **head)
        recorder.wait_out(f'"{messages[-1][0]}"')
        feeder.close()
        recorder.process.send_signal(signal.SIGINT)
        self.assertEqual(recorder.wait(), 0, recorder.evidence())
        recorder.wait_error("messages recorded in")
        return recorder

    @staticmethod
    def messages():
        found = []
        for i in range(5):
            found.append(("battery/a", battery(50 + i), {"age_ms": 300, "interval_ms": 900}))
            found.append(("battery/b", battery(40 + i), {}))
        found.append(("charge/a", CHARGE, {}))
        found.append(("command/a", {"correlation": "1", "verb": "charge_fet", "value": 1, "origin": "test"}, {}))
        found.append(("reply/a", {"correlation": "1", "verb": "charge_fet", "done": True}, {}))
        found.append(("log/x", {"level": "warning", "text": "end"}, {}))
        return found

    def wanted(self, *classes):
        return [(t, d) for t, d, _ in self.messages() if t.split("/")[0] in classes]

    def replay(self, path, *args, count):
        """The first count messages on another bus when path is replayed to it."""
        stand = self.stand()
        tap = stand.start_verb("tap", "--json")
        tap.wait_out("health/bus")
        started = now_ms()
        replay = stand.start_verb("replay", path, *args)
        support.wait_until(
            lambda: len(self.replayed(tap)) >= count,
            what=f"{count} messages",
            evidence=lambda: tap.evidence() + replay.evidence(),
        )
        return self.replayed(tap)[:count], started, replay

    @staticmethod
    def replayed(tap):
        return [m for m in parsed(tap) if m["topic"] != "health/bus"]

    def test_round_trip(self):
        stand = self.stand()
        path = stand.folder / "rec"
        self.record(stand, self.messages(), path)
        wanted = self.wanted("battery", "charge", "log")
        seen, started, replay = self.replay(path, count=len(wanted))
        self.assertEqual(replay.wait(), 0, replay.evidence())
        replay.wait_error(f"{len(wanted)} messages replayed")
        self.assertEqual([(m["topic"], m["data"]) for m in seen], wanted)
        for topic in ("battery/a", "battery/b"):
            sequences = [m["sequence"] for m in seen if m["topic"] == topic]
            self.assertEqual(sequences, list(range(1, 6)))
        for message in seen:
            self.assertGreaterEqual(message["instance"], started - 1, "a sender of now")
            self.assertEqual(message["source"], "feeder")
        ages = [m for m in seen if m["topic"] == "battery/a"]
        # Recorded right after another with an age of 300 ms, played with the same difference.
        others = [m for m in seen if m["topic"] == "battery/b"]
        self.assertGreater(others[0]["mono_ms"] - ages[0]["mono_ms"], 200)
        self.assertEqual(ages[0]["interval_ms"], 900)

    def test_commands_only_when_asked(self):
        stand = self.stand()
        path = stand.folder / "rec"
        self.record(stand, self.messages(), path)
        wanted = self.wanted("battery", "charge", "command", "reply", "log")
        seen, _, replay = self.replay(path, "--commands", count=len(wanted))
        self.assertEqual(replay.wait(), 0)
        self.assertEqual([(m["topic"], m["data"]) for m in seen], wanted)

    def test_one_topic(self):
        stand = self.stand()
        path = stand.folder / "rec"
        self.record(stand, self.messages(), path)
        seen, _, replay = self.replay(path, "--topic", "battery/b", count=5)
        self.assertEqual(replay.wait(), 0)
        self.assertEqual({m["topic"] for m in seen}, {"battery/b"})
        replay.wait_error(" 5 messages replayed")

    def test_loop_goes_on(self):
        stand = self.stand()
        path = stand.folder / "rec"
        self.record(stand, self.messages(), path)
        seen, _, replay = self.replay(path, "--loop", "--speed", "1000", "--topic", "charge/", count=3)
        self.assertEqual([m["sequence"] for m in seen], [1, 2, 3])
        replay.process.send_signal(signal.SIGINT)
        self.assertEqual(replay.wait(), 0, replay.evidence())

    def test_pace(self):
        stand = self.stand()
        path = stand.folder / "rec"
        feeder = stand.feeder()
        recorder = stand.start_verb("tap", "--record", path, "--json", "battery/", "--count", "4")
        feeder.keep("battery/a", battery())  # one every 0.5 s
        self.assertEqual(recorder.wait(), 0)
        recorded = [m["mono_ms"] for m in parsed(recorder)]
        seen, _, _ = self.replay(path, count=4)
        played = [m["mono_ms"] for m in seen]
        self.assertGreaterEqual(played[-1] - played[0], recorded[-1] - recorded[0] - 100)
        seen, _, _ = self.replay(path, "--speed", "100", count=4)
        fast = [m["mono_ms"] for m in seen]
        self.assertLess(fast[-1] - fast[0], recorded[-1] - recorded[0])

    def test_appends_and_survives_a_cut(self):
        stand = self.stand()
        path = stand.folder / "rec"
        self.record(stand, self.messages(), path)
        self.record(stand, self.messages(), path)
        os.truncate(path, path.stat().st_size - 3)
        wanted = self.wanted("battery", "charge", "log")
        count = 2 * len(wanted) - 1
        seen, _, replay = self.replay(path, "--speed", "1000", count=count)
        self.assertEqual(replay.wait(), 0, replay.evidence())
        replay.wait_error("its last record is cut and was left out")
        self.assertEqual([(m["topic"], m["data"]) for m in seen], (wanted + wanted)[:-1])
        recorder = self.record(stand, self.messages(), path)
        recorder.wait_error("its last record was cut and has been removed")
        self.replay(path, "--speed", "1000", count=count + len(wanted))

    def test_kill_leaves_a_readable_file(self):
        stand = self.stand()
        path = stand.folder / "rec"
        feeder = stand.feeder()
        recorder = stand.start_verb("tap", "--record", path, "--json", "battery/")
        feeder.keep("battery/a", battery())
        recorder.wait_out("battery/a")
        recorder.process.kill()
        recorder.wait()
        seen, _, replay = self.replay(path, count=1)
        self.assertEqual(seen[0]["data"], battery())
        replay.wait()

    def test_damage_is_located(self):
        stand = self.stand()
        path = stand.folder / "rec"
        self.record(stand, self.messages(), path)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0x40
        path.write_bytes(data)
        replay = stand.start_verb("replay", path, "--speed", "1000")
        self.assertEqual(replay.wait(), 1, replay.evidence())
        self.assertRegex("\n".join(replay.errors.all()), rf"{path} byte \d+: ")
        recorder = stand.start_verb("tap", "--record", path)
        self.assertEqual(recorder.wait(), 1)
        self.assertEqual(path.read_bytes(), bytes(data), "a damaged file is left as it is")

    def test_other_files_are_refused(self):
        stand = self.stand()
        path = stand.folder / "diary"
        path.write_text("Dear diary")
        for args in (("replay", path), ("tap", "--record", path)):
            program = stand.start_verb(*args)
            self.assertEqual(program.wait(), 1, program.evidence())
            program.wait_error("not a file of busbar tap --record")
        self.assertEqual(path.read_text(), "Dear diary")
        program = stand.start_verb("replay", stand.folder / "nothing")
        self.assertEqual(program.wait(), 1)
        program.wait_error("No such file or directory")

    def test_replay_waits_for_a_bus(self):
        stand = self.stand()
        path = stand.folder / "rec"
        self.record(stand, self.messages(), path)
        stand.bus.stop()
        replay = stand.start_verb("replay", path)
        replay.wait_error("waiting for the bus")
        stand.start_bus()
        self.assertEqual(replay.wait(), 0, replay.evidence())
        replay.wait_error(" 12 messages replayed")
        # The bus has kept the last one of every cached topic.
        tap = stand.start_verb("tap", "--json", "--once", "battery/", "charge/")
        self.assertEqual(tap.wait(), 0, tap.evidence())
        picture = {m["topic"]: m["data"] for m in parsed(tap)}
        self.assertEqual(picture, {t: d for t, d in self.wanted("battery", "charge")})


class DocumentTest(support.IntegrationTest):
    def test_messages_document_is_up_to_date(self):
        result = subprocess.run(
            [support.BUSBAR, "messages"], capture_output=True, text=True, timeout=30, check=False
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        kept = (REPO / "docs" / "messages.md").read_text(encoding="utf-8")
        self.assertEqual(result.stdout, kept, "run: busbar messages > docs/messages.md")


if __name__ == "__main__":
    support.main()
