"""Single programs on a bus that is fed by hand, without a supervisor."""

import json
import pathlib
import socket
import struct
import subprocess
import threading
import time

import support

BUILD = pathlib.Path(support.BUSBAR).resolve().parents[1]
PROGRAMS = BUILD / "libexec" / "busbar"
PUBLISH = BUILD / "tests" / "busbar-publish"


class Program:
    """A program under test with its output."""

    def __init__(self, args, environment=None):
        self.process = support.spawn(
            args,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.out = support.Lines(self.process.stdout)
        self.errors = support.Lines(self.process.stderr)

    def wait(self, timeout=support.WAIT_TIMEOUT):
        """Waits for the end; returns the exit status."""
        self.process.wait(timeout)
        self.out.join()
        self.errors.join()
        return self.process.returncode

    def wait_out(self, text, timeout=support.WAIT_TIMEOUT, start=0):
        return self._wait(self.out, text, timeout, start)

    def wait_error(self, text, timeout=support.WAIT_TIMEOUT, start=0):
        return self._wait(self.errors, text, timeout, start)

    def _wait(self, lines, text, timeout, start):
        found = lines.wait_for(lambda line: text in line, timeout, start)
        if found is None:
            raise AssertionError(f"not within {timeout:g} s: {text!r}\n{self.evidence()}")
        return found

    def evidence(self):
        return "\n".join(line[:300] for line in self.out.all()[-10:] + self.errors.all()[-20:])

    def stop(self):
        """SIGTERM; returns the exit status and checks for reports of the sanitizers."""
        status = support.stop_process(self.process)
        self.out.join()
        self.errors.join()
        text = "\n".join(self.errors.all())
        marks = [mark for mark in support.SANITIZER_MARKS if mark in text]
        if marks:
            raise AssertionError(f"sanitizer report ({marks[0]}):\n{text}")
        return status

    def close(self):
        try:
            self.stop()
        finally:
            self.process.stdout.close()
            self.process.stderr.close()


class Feeder:
    """Publishes messages and keeps some of them fresh in the background."""

    def __init__(self, run_dir, source="feeder"):
        self._process = support.spawn(
            [PUBLISH, run_dir, source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self._process.stdout.readline() != "connected\n":
            raise AssertionError("no bus")
        self._lock = threading.Lock()
        self._steady = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True)
        self._thread.start()

    def publish(self, topic, data, **head):
        with self._lock:
            self._process.stdin.write(json.dumps({"topic": topic, "data": data, **head}) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline().strip()
        if answer != "sent":
            raise AssertionError(f"{topic}: {answer}")

    def keep(self, topic, data, **head):
        """Publishes now and again every half second, until changed or let go."""
        self.publish(topic, data, **head)
        self._steady[topic] = (data, head)

    def let_go(self, topic):
        self._steady.pop(topic)

    def _repeat(self):
        while not self._ending.wait(0.5):
            for topic, (data, head) in list(self._steady.items()):
                self.publish(topic, data, **head)

    def close(self):
        """Ends it; harmless when it has ended."""
        if self._ending.is_set():
            return
        self._ending.set()
        self._thread.join()
        self._process.stdin.close()
        self._process.wait(support.STOP_TIMEOUT)
        self._process.stdout.close()


class Stand(support.Bench):
    """A bus, and what a test starts beside it."""

    def __init__(self, config=None, bus=True):
        super().__init__(config)
        self.run_dir.mkdir(mode=0o700)
        self.state_dir.mkdir()
        self.bus = self.start_bus() if bus else None

    def start_program(self, name):
        args = [PROGRAMS / f"busbar-{name}", "--run-dir", self.run_dir]
        args += ["--state-dir", self.state_dir]
        if self.config.exists():
            args += ["--config", self.config]
        return self._adopt(Program(args, self.environment))

    def start_bus(self):
        self.bus = self.start_program("bus")
        return self.bus

    def start_verb(self, verb, *args):
        """busbar VERB on this bus, in the background."""
        return self._adopt(
            Program([support.BUSBAR, verb, "--run-dir", self.run_dir, *args], self.environment)
        )

    def feeder(self, source="feeder"):
        return self._adopt(Feeder(self.run_dir, source))

    def _adopt(self, child):
        self._children.append(child)
        return child


def _frame(flags, body):
    return struct.pack(">BQ", flags | 2, len(body)) + body


class RawPublisher:
    """A hostile publisher: speaks ZMTP 3.0 itself, so that any frames can be sent."""

    def __init__(self, run_dir):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(support.WAIT_TIMEOUT)
        self._socket.connect(str(run_dir / "bus.pub"))
        self._socket.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + bytes(32))
        self._receive(64)
        ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB"
        self._socket.sendall(struct.pack(">BB", 4, len(ready)) + ready)
        flags, _ = self._receive_frame()
        assert flags & 4, "the bus answers with a command"
        flags, body = self._receive_frame()
        assert body == b"\x01", "the bus subscribes to everything"

    def _receive(self, size):
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise AssertionError("the bus hung up")
            data += more
        return data

    def _receive_frame(self):
        flags = self._receive(1)[0]
        size = struct.unpack(">Q", self._receive(8))[0] if flags & 2 else self._receive(1)[0]
        return flags, self._receive(size)

    def send(self, *frames):
        data = b"".join(_frame(1, frame) for frame in frames[:-1]) + _frame(0, frames[-1])
        self._socket.sendall(data)

    def close(self):
        self._socket.close()


class FeedingTest(support.IntegrationTest):
    def stand(self, config=None, bus=True):
        stand = Stand(config, bus)
        self.addCleanup(stand.close)
        return stand


def now_ms():
    return time.clock_gettime(time.CLOCK_MONOTONIC) * 1000
