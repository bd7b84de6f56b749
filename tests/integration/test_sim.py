"""The simulator as a program: real ports, real requests, faults, commands and limits on the bus."""

import json
import os
import pathlib
import select
import struct
import subprocess
import tempfile
import termios
import time

import support

BUILD = pathlib.Path(support.BUSBAR).resolve().parents[1]
PROGRAMS = BUILD / "libexec" / "busbar"
PUBLISH = BUILD / "tests" / "busbar-publish"

# An answer that has not begun by then does not come: forty times the turnaround.
ANSWER_TIMEOUT = 2.0
# Pause that ends an answer.
ANSWER_GAP = 0.1
# Nothing may come for this long where nothing should: ten times the turnaround.
SILENCE = 0.4

SPEEDS = {9600: termios.B9600, 115200: termios.B115200}

JBD_BASIC = bytes.fromhex("dda50300fffd77")
JBD_CELLS = bytes.fromhex("dda50400fffc77")
JK_STATUS, JK_SETTINGS, JK_ABOUT = 0x1620, 0x161E, 0x161C


def daly_request(command, board=1, data=b"\xaa" * 8):
    frame = bytes([0xA5, 0x3F + board, command, 8]) + data
    return frame + bytes([sum(frame) & 0xFF])


def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


def jk_request(register, address=1):
    frame = struct.pack(">BBHHBH", address, 0x10, register, 1, 2, 0)
    return frame + crc16(frame)


class Port:
    """A serial port as a reader opens it."""

    def __init__(self, path, baud):
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        speed = SPEEDS[baud]
        mode = termios.tcgetattr(self._fd)
        mode[0] = mode[1] = mode[3] = 0
        mode[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        mode[4] = mode[5] = speed
        termios.tcsetattr(self._fd, termios.TCSANOW, mode)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._fd)

    def write(self, data):
        self.assert_all_written(os.write(self._fd, data), data)

    @staticmethod
    def assert_all_written(count, data):
        if count != len(data):
            raise AssertionError("the port did not take the request")

    def read(self, first=ANSWER_TIMEOUT, gap=ANSWER_GAP):
        """Everything that comes until a pause."""
        answer = b""
        wait = first
        while select.select([self._fd], [], [], wait)[0]:
            part = os.read(self._fd, 4096)
            if not part:
                break
            answer += part
            wait = gap
        return answer

    def ask(self, request, first=ANSWER_TIMEOUT, gap=ANSWER_GAP):
        self.write(request)
        return self.read(first, gap)


class SimTest(support.IntegrationTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bb")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def spawn(self, program, *args, **options):
        process = support.spawn([PROGRAMS / program, *args], text=True, **options)
        self.addCleanup(self.finish, process)
        return process

    def finish(self, process):
        support.stop_process(process)
        if process.stderr is not None:
            said = process.stderr.read()
            self.assertFalse([mark for mark in support.SANITIZER_MARKS if mark in said], said)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def sim(self, *args, run_dir=None):
        """Starts busbar sim; returns process and path of its port."""
        process = self.spawn(
            "busbar-sim",
            *args,
            "--run-dir",
            run_dir or self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        port = process.stdout.readline().strip()
        if not port:
            self.fail("busbar sim did not start: " + process.stderr.read())
        return process, port

    def port_of(self, *args):
        return self.sim(*args)[1]

    # --- what answers must be like ---

    def jbd(self, answer, register):
        """The data of one good JBD frame and nothing else."""
        self.assertEqual(answer[:1] + answer[-1:], b"\xdd\x77", answer.hex())
        self.assertEqual(answer[1:3], bytes([register, 0]))
        self.assertEqual(len(answer), answer[3] + 7)
        self.assertEqual(struct.unpack(">H", answer[-3:-1])[0], 0x10000 - sum(answer[2:-3]) & 0xFFFF)
        return answer[4:-3]

    def daly(self, answer, command, board=1):
        """The data of good Daly frames and nothing else."""
        self.assertTrue(answer and len(answer) % 13 == 0, answer.hex())
        frames = [answer[i : i + 13] for i in range(0, len(answer), 13)]
        for frame in frames:
            self.assertEqual(frame[:4], bytes([0xA5, board, command, 8]))
            self.assertEqual(frame[12], sum(frame[:12]) & 0xFF)
        return [frame[4:12] for frame in frames]

    def jk(self, answer, register, address=1):
        """The record of one good JK answer and nothing else."""
        self.assertEqual(len(answer), 310, answer.hex())
        record = answer[:300]
        self.assertEqual(record[:4], b"\x55\xaa\xeb\x90")
        self.assertEqual(record[4], {JK_SETTINGS: 1, JK_STATUS: 2, JK_ABOUT: 3}[register])
        self.assertEqual(record[299], sum(record[:299]) & 0xFF)
        acknowledge = struct.pack(">BBHH", address, 0x10, register, 1)
        self.assertEqual(answer[300:], b"\0" + acknowledge + crc16(acknowledge) + b"\0")
        return record


class ProtocolTest(SimTest):
    def test_jbd(self):
        port = self.port_of("--driver", "jbd", "--set", "soc=60", "--set", "cells=8")
        with Port(port, 9600) as wire:
            data = self.jbd(wire.ask(JBD_BASIC), 3)
            volts, _, _, full = struct.unpack(">HhHH", data[:8])
            self.assertTrue(8 * 3.0 < volts / 100 < 8 * 3.5)
            self.assertEqual(full, 10000)
            self.assertEqual(data[19:23], bytes([60, 3, 8, 3]))
            cells = struct.unpack(">8H", self.jbd(wire.ask(JBD_CELLS), 4))
            self.assertTrue(all(3000 < cell < 3500 for cell in cells), cells)
            self.assertAlmostEqual(sum(cells) / 1000, volts / 100, delta=0.1)

    def test_daly_boards(self):
        port = self.port_of("--driver", "daly", "--address", "0x40", "--address", "0x42")
        with Port(port, 9600) as wire:
            codes = set()
            for board in (1, 3):
                data = self.daly(wire.ask(daly_request(0x90, board)), 0x90, board)[0]
                volts, _, raw, soc = struct.unpack(">HHHH", data)
                self.assertTrue(16 * 3.0 < volts / 10 < 16 * 3.5)
                self.assertTrue(29000 < raw < 31000)
                self.assertTrue(480 < soc < 520)
                frames = self.daly(wire.ask(daly_request(0x95, board)), 0x95, board)
                self.assertEqual([frame[0] for frame in frames], [1, 2, 3, 4, 5, 6])
                codes.add(b"".join(f[1:] for f in self.daly(wire.ask(daly_request(0x57, board)), 0x57, board)))
            self.assertEqual(len(codes), 2, "every board has a name of its own")
            self.assertEqual(wire.ask(daly_request(0x90, 2), first=SILENCE), b"")

    def test_jk_batteries(self):
        port = self.port_of("--driver", "jk-pb", "--address", "0x01", "--address", "0x05")
        with Port(port, 115200) as wire:
            serials = set()
            for address in (1, 5):
                status = self.jk(wire.ask(jk_request(JK_STATUS, address)), JK_STATUS, address)
                cells = struct.unpack("<16H", status[6:38])
                (millivolts,) = struct.unpack("<I", status[150:154])
                self.assertTrue(all(3000 < cell < 3500 for cell in cells), cells)
                self.assertAlmostEqual(sum(cells), millivolts, delta=10)
                settings = self.jk(wire.ask(jk_request(JK_SETTINGS, address)), JK_SETTINGS, address)
                self.assertEqual(struct.unpack("<I", settings[114:118])[0], 16)
                about = self.jk(wire.ask(jk_request(JK_ABOUT, address)), JK_ABOUT, address)
                serials.add(about[86:102])
            self.assertEqual(len(serials), 2, "every battery has a serial number of its own")
            self.assertEqual(wire.ask(jk_request(JK_STATUS, 2), first=SILENCE), b"")

    def test_echo(self):
        port = self.port_of("--driver", "jk-pb", "--set", "echo=yes")
        with Port(port, 115200) as wire:
            request = jk_request(JK_STATUS)
            answer = wire.ask(request)
            self.assertEqual(answer[: len(request)], request)
            self.jk(answer[len(request) :], JK_STATUS)

    def test_pace(self):
        port = self.port_of("--driver", "jbd", "--set", "pace=yes", "--set", "cells=32")
        with Port(port, 9600) as wire:
            began = time.monotonic()
            answer = wire.ask(JBD_CELLS)
            took = time.monotonic() - began - ANSWER_GAP
            self.jbd(answer, 4)
            self.assertGreater(took, len(answer) * 10 / 9600, "bytes cannot be faster than the line")

    def test_wrong_bit_rate_is_not_understood(self):
        port = self.port_of("--driver", "jk-pb")
        with Port(port, 9600) as wire:
            self.assertEqual(wire.ask(jk_request(JK_STATUS), first=SILENCE), b"")
        with Port(port, 115200) as wire:
            self.jk(wire.ask(jk_request(JK_STATUS)), JK_STATUS)


class PortTest(SimTest):
    def test_link_comes_and_goes(self):
        link = self.folder / "ports" / "rack"
        process, port = self.sim("--link", link)
        self.assertEqual(os.readlink(link), port)
        self.assertEqual(support.stop_process(process), 0)
        self.assertFalse(link.is_symlink())

    def test_link_of_a_killed_simulator_is_replaced(self):
        link = self.folder / "rack"
        process, _ = self.sim("--link", link)
        process.kill()
        process.wait()
        self.assertTrue(link.is_symlink())
        _, port = self.sim("--link", link)
        self.assertEqual(os.readlink(link), port)

    def test_a_file_is_never_replaced(self):
        link = self.folder / "precious"
        link.write_text("data")
        result = subprocess.run(
            [PROGRAMS / "busbar-sim", "--link", link, "--run-dir", self.folder],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        self.assertEqual(result.returncode, 78)
        self.assertIn("not a symbolic link", result.stderr)
        self.assertEqual(link.read_text(), "data")

    def test_readers_come_and_go(self):
        port = self.port_of()
        for _ in range(20):
            with Port(port, 9600) as wire:
                self.jbd(wire.ask(JBD_BASIC, gap=0.02), 3)

    def test_nonsense_is_said(self):
        for args, text in (
            (["--set", "soc=101"], "soc"),
            (["--set", "socc=10"], "soc"),
            (["--driver", "acme"], "driver"),
            (["--fault", "sulk"], "sulk"),
            (["--address", "7"], "addresses"),
            (["rubbish"], "rubbish"),
        ):
            with self.subTest(args):
                result = subprocess.run(
                    [PROGRAMS / "busbar-sim", *args, "--run-dir", self.folder],
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=30,
                )
                self.assertEqual(result.returncode, 78, result.stderr)
                self.assertIn(text, result.stderr)


class FaultTest(SimTest):
    def answers(self, fault, count=1, **timing):
        port = self.port_of("--fault", fault)
        with Port(port, 9600) as wire:
            return [wire.ask(JBD_BASIC, **timing) for _ in range(count)]

    def is_good(self, answer):
        try:
            self.jbd(answer, 3)
            return True
        except (AssertionError, IndexError, struct.error):
            return False

    def test_silence(self):
        self.assertEqual(self.answers("silence", first=SILENCE), [b""])

    def test_loss(self):
        good = sum(map(self.is_good, self.answers("loss=50", 20, first=SILENCE, gap=0.02)))
        self.assertTrue(2 < good < 18, good)

    def test_delay(self):
        began = time.monotonic()
        (answer,) = self.answers("delay=600", first=10)
        self.assertGreater(time.monotonic() - began, 0.6)
        self.assertTrue(self.is_good(answer))

    def test_corrupt(self):
        answers = self.answers("corrupt=100", 10, gap=0.02)
        self.assertEqual(len({len(answer) for answer in answers}), 1)
        self.assertFalse(any(map(self.is_good, answers)))

    def test_truncate(self):
        answers = self.answers("truncate=100", 5, first=SILENCE, gap=0.02)
        self.assertFalse(any(map(self.is_good, answers)))

    def test_garbage(self):
        for answer in self.answers("garbage=100", 5, gap=0.02):
            self.assertFalse(self.is_good(answer))
            start = answer.index(JBD_BASIC[:1] + b"\x03\x00")
            self.jbd(answer[start : start + answer[start + 3] + 7], 3)

    def test_wrong_address(self):
        port = self.port_of("--driver", "jk-pb", "--fault", "wrong_address=100")
        with Port(port, 115200) as wire:
            self.jk(wire.ask(jk_request(JK_STATUS)), JK_STATUS, address=2)

    def test_only_one_battery_is_faulty(self):
        port = self.port_of(
            "--driver", "jk-pb", "--address", "1", "--address", "2", "--fault", "0x02:silence"
        )
        with Port(port, 115200) as wire:
            self.jk(wire.ask(jk_request(JK_STATUS, 1)), JK_STATUS, 1)
            self.assertEqual(wire.ask(jk_request(JK_STATUS, 2), first=SILENCE), b"")

    def test_freeze(self):
        fast = ["--set", "speed=1000", "--set", "profile=-3000"]
        with Port(self.port_of(*fast, "--fault", "freeze"), 9600) as wire:
            first = wire.ask(JBD_BASIC)
            with Port(self.port_of(*fast), 9600) as moving:
                before = moving.ask(JBD_BASIC)
                support.wait_until(lambda: moving.ask(JBD_BASIC) != before, what="the other moves")
            self.assertEqual(wire.ask(JBD_BASIC), first)


class BusTest(SimTest):
    """The simulator as a service on a bus."""

    def setUp(self):
        super().setUp()
        self.run_dir = self.folder / "run"
        self.run_dir.mkdir()
        self.spawn("busbar-bus", "--run-dir", self.run_dir, stderr=subprocess.DEVNULL)
        tap = self.spawn(
            "busbar-tap",
            "--json",
            "--run-dir",
            self.run_dir,
            "reply/",
            "health/",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.lines = support.Lines(tap.stdout)
        self.publisher = support.spawn(
            [PUBLISH, self.run_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(self.finish, self.publisher)
        self.assertEqual(self.publisher.stdout.readline(), "connected\n")

    def service(self, name, *options):
        """Starts a [sim NAME] section's process; returns its link once it is on the bus."""
        config = self.folder / f"{name}.conf"
        config.write_text("\n".join([f"[sim {name}]", *options]) + "\n", encoding="utf-8")
        self.spawn(
            "busbar-sim",
            "--config",
            config,
            "--section",
            name,
            "--run-dir",
            self.run_dir,
            stderr=subprocess.PIPE,
        )
        found = self.lines.wait_for(lambda line: f'"health/sim-{name}"' in line, 15)
        self.assertIsNotNone(found, "the simulator is on the bus")
        return self.run_dir / f"sim-{name}"

    def publish(self, topic, data):
        self.publisher.stdin.write(json.dumps({"topic": topic, "data": data}) + "\n")
        self.publisher.stdin.flush()
        self.assertEqual(self.publisher.stdout.readline(), "sent\n")

    def command(self, target, verb, value=None):
        """Sends a command until it is answered (a subscription takes a moment); the reply."""
        correlation = f"test-{time.monotonic_ns()}"
        data = {"correlation": correlation, "verb": verb, "origin": "test"}
        if value is not None:
            data["value"] = value

        def answered():
            self.publish(f"command/{target}", data)
            return self.lines.wait_for(lambda line: correlation in line and '"reply/' in line, 0.5)

        found = support.wait_until(answered, what=f"reply to {verb}")
        reply = json.loads(found[1])
        self.assertEqual(reply["topic"], f"reply/{target}")
        self.assertEqual(reply["data"]["verb"], verb)
        return reply["data"]

    def test_commands(self):
        link = self.service("rack", "driver = jk-pb", "addresses = 1, 2")
        with Port(link, 115200) as wire:
            self.assertTrue(self.command("sim-rack-0x02", "silence")["done"])
            self.jk(wire.ask(jk_request(JK_STATUS, 1)), JK_STATUS, 1)
            self.assertEqual(wire.ask(jk_request(JK_STATUS, 2), first=SILENCE), b"")
            self.assertTrue(self.command("sim-rack", "clear")["done"])
            self.jk(wire.ask(jk_request(JK_STATUS, 2)), JK_STATUS, 2)
            self.assertTrue(self.command("sim-rack", "cell_voltage_bias", 0.3)["done"])
            cells = struct.unpack("<16H", wire.ask(jk_request(JK_STATUS, 1))[6:38])
            self.assertGreater(cells[0], cells[1] + 250)

    def test_refused_commands(self):
        self.service("rack", "driver = jk-pb")
        for target, verb, value, why in (
            ("sim-rack", "sulk", 1, "sulk"),
            ("sim-rack", "loss", 200, "200"),
            ("sim-rack-0x09", "silence", 1, "0x09"),
            ("sim-rack-0x01", "vanish", 1, "whole wire"),
        ):
            with self.subTest(verb=verb, target=target):
                reply = self.command(target, verb, value)
                self.assertFalse(reply["done"])
                self.assertIn(why, reply["reason"])

    def test_port_vanishes_and_returns(self):
        link = self.service("rack", "driver = jbd")
        with Port(link, 9600) as wire:
            self.jbd(wire.ask(JBD_BASIC), 3)
            self.assertTrue(self.command("sim-rack", "vanish", 1)["done"])
            self.assertFalse(link.is_symlink())
            with self.assertRaises(OSError):
                wire.ask(JBD_BASIC, first=SILENCE)
        self.assertTrue(self.command("sim-rack", "vanish", 0)["done"])
        with Port(link, 9600) as wire:
            self.jbd(wire.ask(JBD_BASIC), 3)

    def current(self, wire):
        return struct.unpack(">h", self.jbd(wire.ask(JBD_BASIC), 3)[2:4])[0] / 100

    def decide(self, ccl, capacity):
        self.publish(
            "charge/bank",
            {
                "kind": "bank",
                "link": "online",
                "cvl": 55.2,
                "ccl": ccl,
                "dcl": 50.0,
                "capacity": capacity,
                "battery_low_voltage": 46.4,
            },
        )

    def test_charger_obeys_the_bank(self):
        link = self.service("rack", "driver = jbd", "capacity = 100", "profile = 10000")
        with Port(link, 9600) as wire:
            self.assertEqual(self.current(wire), 0, "nobody has decided")

            def charges(ccl, capacity, wanted):
                self.decide(ccl, capacity)
                return abs(self.current(wire) - wanted) < 0.05

            support.wait_until(lambda: charges(40, 100, 40), what="40 A of a bank of its own")
            support.wait_until(lambda: charges(40, 400, 10), what="10 A of a bank four times its size")
            support.wait_until(lambda: charges(0, 100, 0), what="no current")
            support.wait_until(lambda: charges(20, 100, 20), what="20 A")
            support.wait_until(lambda: self.current(wire) == 0, 20, "no current once decisions end")


if __name__ == "__main__":
    support.main()
