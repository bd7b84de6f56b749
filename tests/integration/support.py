"""What the integration tests share: the real programs in a folder of their own.

Every helper takes deadlines, waits for events and cleans up after itself; none sleeps for a
fixed time in the hope that something has happened by then. BUSBAR names the busbar command of
the build under test (set by CTest).

    class Example(support.IntegrationTest):
        def test_bus_comes_up(self):
            bench = self.bench("[busbar]\\nlog_level = debug\\n")
            bench.start()
            bench.wait_running("bus")
            with bench.tap("health/") as tap:
                tap.wait_for(lambda m: m["topic"] == "health/bus", 5)
"""

import collections
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

REPO = pathlib.Path(__file__).resolve().parents[2]
BUSBAR = os.environ.get("BUSBAR", str(REPO / "build" / "dev" / "bin" / "busbar"))

# Generous: a deadline of a test says "this never comes", not "this is fast". Sanitizers and a
# busy build machine slow everything down.
START_TIMEOUT = 20.0
STOP_TIMEOUT = 10.0
WAIT_TIMEOUT = 15.0
# Longest pause between two looks at a state that cannot be awaited.
LOOK_AGAIN = 0.02

SANITIZER_MARKS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "UndefinedBehavior")

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    """Runs in a new child: a test that is killed leaves no processes behind."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def spawn(args, **options):
    """subprocess.Popen for a child that ends with the test at the latest."""
    return subprocess.Popen([str(arg) for arg in args], preexec_fn=_die_with_parent, **options)


def wait_until(predicate, timeout=WAIT_TIMEOUT, what="condition", evidence=None):
    """The first true value of predicate(); AssertionError after timeout seconds.

    evidence() is asked for a text that explains the failure.
    """
    end = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= end:
            detail = f"\n{evidence()}" if evidence else ""
            raise AssertionError(f"not within {timeout:g} s: {what}{detail}")
        time.sleep(LOOK_AGAIN)


def is_alive(pid):
    """True while a process with that id exists and is not a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def free_port():
    """A TCP port of 127.0.0.1 nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop_process(process, timeout=STOP_TIMEOUT):
    """SIGTERM, then SIGKILL after timeout; returns the exit status."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


class Lines:
    """Lines of a pipe as they come, kept in memory, with a condition to wait on."""

    def __init__(self, stream, keep=100000):
        self._stream = stream
        self._changed = threading.Condition()
        self._lines = collections.deque(maxlen=keep)
        self._count = 0
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._stream:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._count += 1
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def all(self):
        with self._changed:
            return list(self._lines)

    def count(self):
        """How many lines have come so far; the index of the next one."""
        with self._changed:
            return self._count

    def wait_for(self, predicate, timeout, start=0):
        """(index, line) of the first line from index start for which predicate(line) is true,
        or None after timeout seconds or at the end of the stream."""
        end = time.monotonic() + timeout
        index = start
        with self._changed:
            while True:
                first = self._count - len(self._lines)
                index = max(index, first)
                while index < self._count:
                    line = self._lines[index - first]
                    if predicate(line):
                        return index, line
                    index += 1
                left = end - time.monotonic()
                if left <= 0 or self._ended:
                    return None
                self._changed.wait(left)

    def join(self, timeout=STOP_TIMEOUT):
        self._thread.join(timeout)


class Tap:
    """`busbar tap --json`: every message of the bus as a dict, in order of arrival.

    A message has "topic", the head's fields and "data", the body's fields.
    """

    def __init__(self, run_dir, topics=(), environment=None):
        self._process = spawn(
            [BUSBAR, "tap", "--json", "--run-dir", run_dir, *topics],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self._lines = Lines(self._process.stdout)
        self._errors = Lines(self._process.stderr)
        self._next = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @staticmethod
    def _parse(line):
        message = json.loads(line)
        if not isinstance(message, dict) or "topic" not in message:
            raise AssertionError(f"tap printed something that is no message: {line!r}")
        return message

    def messages(self, topic=None):
        """All messages so far, of one topic or of all."""
        found = [self._parse(line) for line in self._lines.all() if line.startswith("{")]
        return [m for m in found if topic is None or m["topic"] == topic]

    def wait_for(self, predicate, timeout=WAIT_TIMEOUT, what="message", again=False):
        """The next message for which predicate(message) is true.

        Messages are looked at once, so that two calls find two messages; again=True starts
        over from the first one.
        """
        start = 0 if again else self._next
        found = self._lines.wait_for(
            lambda line: line.startswith("{") and predicate(self._parse(line)), timeout, start
        )
        if found is None:
            tail = "\n".join(line[:300] for line in self._lines.all()[-8:] + self._errors.all()[-8:])
            raise AssertionError(f"not within {timeout:g} s on the bus: {what}\n{tail}")
        self._next = found[0] + 1
        return self._parse(found[1])

    def wait_topic(self, topic, predicate=lambda m: True, timeout=WAIT_TIMEOUT, again=False):
        """The next message of that topic for which predicate(message) is true."""
        return self.wait_for(
            lambda m: m["topic"] == topic and predicate(m), timeout, f"{topic} as expected", again
        )

    def skip(self):
        """Forgets what has arrived: the next wait looks at later messages only."""
        self._next = self._lines.count()

    def close(self):
        stop_process(self._process)
        self._lines.join()
        self._errors.join()
        self._process.stdout.close()
        self._process.stderr.close()


class Bench:
    """One installation in a temporary folder: config, run and state directory, supervisor."""

    def __init__(self, config=None, environment=None):
        # Short: paths of Unix sockets end at 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bb"))
        self.command = BUSBAR
        self.run_dir = self.folder / "run"
        self.state_dir = self.folder / "state"
        self.config = self.folder / "busbar.conf"
        self.log_path = self.folder / "log"
        self.environment = dict(os.environ)
        for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "BUSBAR_RUN_DIR"):
            self.environment.pop(name, None)
        self.environment.update(environment or {})
        self.process = None
        self._log = None
        self._children = []
        if config is not None:
            self.write_config(config)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- configuration and log ---

    def write_config(self, text):
        """Replaces the configuration as an editor does: complete or not at all."""
        fresh = self.config.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.rename(self.config)

    def log(self):
        """What the supervisor and its children have written to stderr."""
        try:
            return self.log_path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def evidence(self, lines=40):
        return "--- log ---\n" + "\n".join(self.log().splitlines()[-lines:])

    def wait_log(self, text, timeout=WAIT_TIMEOUT, start=0):
        """Waits until text is in the log from character start on; returns the index behind it."""
        wait_until(
            lambda: self.log().find(text, start) >= 0, timeout, f"{text!r} in the log", self.evidence
        )
        return self.log().find(text, start) + len(text)

    # --- supervisor ---

    def use_puppets(self, *programs):
        """From now on runs a copy of the build in which puppet.py plays these programs."""
        built = pathlib.Path(BUSBAR).resolve().parent.parent
        copy = self.folder / "copy"
        for part in ("bin", "libexec/busbar"):
            (copy / part).mkdir(parents=True)
        self.command = copy / "bin" / "busbar"
        shutil.copy2(BUSBAR, self.command)
        for program in (built / "libexec" / "busbar").iterdir():
            target = copy / "libexec" / "busbar" / program.name
            if program.name == "busbard":
                shutil.copy2(program, target)  # it looks for the others beside itself
            else:
                target.symlink_to(program)
        for program in programs:
            target = copy / "libexec" / "busbar" / f"busbar-{program}"
            target.unlink(missing_ok=True)
            shutil.copy2(pathlib.Path(__file__).parent / "puppet.py", target)

    def starts(self, name):
        """What a puppet recorded at each of its starts."""
        try:
            text = (self.folder / f"starts-{name}").read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines()]

    def run_args(self):
        args = [self.command, "run", "--run-dir", self.run_dir, "--state-dir", self.state_dir]
        if self.config.exists():
            args += ["--config", self.config]
        return args

    def start(self, wait=True, timeout=START_TIMEOUT, **options):
        """Starts busbar run; with wait, returns when every process reports to be running."""
        self._log = open(self.log_path, "ab")
        streams = {"stdin": subprocess.DEVNULL, "stdout": self._log, "stderr": self._log}
        self.process = spawn(self.run_args(), env=self.environment, **{**streams, **options})
        if wait:
            self.wait_status(
                lambda s: bool(s["processes"])
                and all(p["state"] == "running" for p in s["processes"]),
                timeout,
                "all processes running",
            )
        return self

    def wait_end(self, timeout=STOP_TIMEOUT):
        """Exit status of a supervisor that ends by itself."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"busbar run goes on after {timeout:g} s\n{self.evidence()}") from None
        self.process = None
        return code

    def stop(self, timeout=STOP_TIMEOUT):
        """Orderly end; returns the exit status of busbar run and checks the log for reports of
        the sanitizers."""
        code = None
        if self.process is not None:
            code = stop_process(self.process, timeout)
            self.process = None
        if self._log is not None:
            self._log.close()
            self._log = None
        marks = [mark for mark in SANITIZER_MARKS if mark in self.log()]
        if marks:
            raise AssertionError(f"sanitizer report ({marks[0]}):\n{self.evidence(200)}")
        return code

    def kill(self):
        """kill -9 of the supervisor; returns when it is gone."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self._log.close()
        self._log = None

    def close(self):
        try:
            for child in reversed(self._children):
                child.close()
            self.stop()
        finally:
            if not os.environ.get("BUSBAR_KEEP"):
                shutil.rmtree(self.folder, ignore_errors=True)

    # --- verbs ---

    def busbar(self, verb, *args, timeout=30.0, check=False):
        """Runs busbar VERB on this run directory; returns the CompletedProcess (text)."""
        environment = dict(self.environment, BUSBAR_RUN_DIR=str(self.run_dir))
        result = subprocess.run(
            [str(self.command), verb, *[str(arg) for arg in args]],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment,
            check=False,
        )
        if check and result.returncode != 0:
            raise AssertionError(
                f"busbar {verb} ended with {result.returncode}:\n{result.stdout}{result.stderr}"
                f"{self.evidence()}"
            )
        return result

    def status(self):
        """`busbar status --json` as a dict, or None while no supervisor answers."""
        result = self.busbar("status", "--json")
        return json.loads(result.stdout) if result.returncode == 0 else None

    def find(self, name):
        """One process of the status, or None."""
        status = self.status() or {"processes": []}
        return next((p for p in status["processes"] if p["name"] == name), None)

    def pid(self, name):
        process = self.find(name)
        if process is None or not process.get("pid"):
            raise AssertionError(f"{name} does not run\n{self.evidence()}")
        return process["pid"]

    def pids(self):
        """Process ids by name of everything that runs."""
        status = self.status() or {"processes": []}
        return {p["name"]: p["pid"] for p in status["processes"] if p.get("pid")}

    def wait_status(self, predicate, timeout=WAIT_TIMEOUT, what="status as expected"):
        """The first status for which predicate(status) is true."""

        def look():
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(
                    f"busbar run ended with {self.process.returncode} before: {what}\n"
                    f"{self.evidence()}"
                )
            status = self.status()
            return status if status is not None and predicate(status) else None

        return wait_until(look, timeout, what, self.evidence)

    def wait_process(self, name, predicate, timeout=WAIT_TIMEOUT, what=None):
        """The first state of process name for which predicate(process) is true."""

        def match(status):
            return any(p["name"] == name and predicate(p) for p in status["processes"])

        self.wait_status(match, timeout, what or f"{name} as expected")
        return self.find(name)

    def wait_running(self, *names, timeout=START_TIMEOUT):
        for name in names:
            self.wait_process(name, lambda p: p["state"] == "running", timeout, f"{name} running")

    def signal(self, name, number):
        """Sends a signal to a supervised process; returns the process id it had."""
        pid = self.pid(name)
        os.kill(pid, number)
        return pid

    # --- neighbours ---

    def tap(self, *topics):
        """A subscriber on this bus; closed with the bench at the latest."""
        tap = Tap(self.run_dir, topics, self.environment)
        self._children.append(tap)
        return tap

    def dbus(self):
        """A private D-Bus daemon; start it before the bench, closed with the bench."""
        daemon = DBusDaemon(self.folder)
        self._children.append(daemon)
        return daemon

    def mosquitto(self, *lines):
        """A private MQTT broker on a free port; extra lines go to its configuration."""
        broker = Mosquitto(self.folder, lines)
        self._children.append(broker)
        return broker


class DBusDaemon:
    """A message bus of its own that lets everybody own every name, like that of Venus OS."""

    CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""

    def __init__(self, folder):
        self.socket = pathlib.Path(folder) / "dbus"
        self.address = f"unix:path={self.socket}"
        self._config = pathlib.Path(folder) / "dbus.xml"
        self._config.write_text(self.CONFIG.format(socket=self.socket), encoding="utf-8")
        self._process = None
        self.start()

    def start(self):
        self._process = spawn(
            ["dbus-daemon", f"--config-file={self._config}", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if not self._process.stdout.readline():
            raise AssertionError("dbus-daemon did not start")
        return self

    def stop(self):
        """Ends the daemon; start() brings it back on the same address."""
        stop_process(self._process)
        self._process.stdout.close()
        self.socket.unlink(missing_ok=True)

    close = stop


class Mosquitto:
    """An MQTT broker on 127.0.0.1."""

    def __init__(self, folder, lines=()):
        self.host = "127.0.0.1"
        self.port = free_port()
        self._config = pathlib.Path(folder) / "mosquitto.conf"
        self._log_path = pathlib.Path(folder) / "mosquitto.log"
        rules = [f"listener {self.port} {self.host}", "persistence false"]
        if not any(line.startswith("allow_anonymous") for line in lines):
            rules.append("allow_anonymous true")
        self._config.write_text("\n".join([*rules, *lines]) + "\n", encoding="utf-8")
        self._process = None
        self.start()

    def _accepts(self):
        if self._process.poll() is not None:
            raise AssertionError("mosquitto ended:\n" + self._log_path.read_text())
        try:
            socket.create_connection((self.host, self.port), 1).close()
            return True
        except OSError:
            return False

    def start(self):
        with open(self._log_path, "ab") as log:
            self._process = spawn(["mosquitto", "-c", self._config], stdout=log, stderr=log)
        wait_until(self._accepts, START_TIMEOUT, "mosquitto accepts connections")
        return self

    def stop(self):
        """Ends the broker; start() brings it back on the same port."""
        stop_process(self._process)

    def signal(self, number):
        self._process.send_signal(number)

    def close(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
        stop_process(self._process)


class IntegrationTest(unittest.TestCase):
    """A test case whose benches are closed when the test ends."""

    maxDiff = None

    def bench(self, config=None, environment=None):
        bench = Bench(config, environment)
        self.addCleanup(bench.close)
        return bench


def main():
    unittest.main(verbosity=2)
