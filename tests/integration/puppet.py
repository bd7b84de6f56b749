#!/usr/bin/python3
"""A process that behaves as its section is called: stands in for busbar-<program> in tests of the
supervisor. Speaks the notification protocol with nothing but sockets.

It appends one JSON line per start to starts-<name> beside the configuration's folder: time, process
id, arguments, what it was given.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time


def arguments():
    """--name value pairs as a dict."""
    words = sys.argv[1:]
    return {words[i][2:]: words[i + 1] for i in range(0, len(words) - 1, 2)}


def descriptors():
    """Open descriptors but the one that lists them."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            os.fstat(int(name))
            found.append(int(name))
        except OSError:
            pass
    return sorted(found)


def record(given, name):
    own = pathlib.Path("/proc/self/status").read_text(encoding="ascii")
    facts = {
        "at": time.monotonic(),
        "pid": os.getpid(),
        "group": os.getpgid(0),
        "given": given,
        "descriptors": descriptors(),
        "blocked": next(line.split()[1] for line in own.splitlines() if line.startswith("SigBlk")),
        "watchdog_usec": os.environ.get("WATCHDOG_USEC"),
        "watchdog_pid": os.environ.get("WATCHDOG_PID"),
    }
    path = pathlib.Path(given["run-dir"]).parent / f"starts-{name}"
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(facts) + "\n")


def main():
    given = arguments()
    program = pathlib.Path(sys.argv[0]).name.removeprefix("busbar-")
    section = given.get("section", "")
    name = f"{program}-{section}" if section else program
    record(given, name)
    behaviour = section.rstrip("0123456789")
    if behaviour == "crash":
        sys.exit(1)
    if behaviour == "config":
        sys.exit(78)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.connect(os.environ["NOTIFY_SOCKET"])
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if behaviour == "family":
        subprocess.Popen(["sleep", "1000"])
    if behaviour != "mute":
        notify.send(b"READY=1\nSTATUS=playing " + behaviour.encode())
    count = 0
    while True:
        time.sleep(0.2)
        count += 1
        if behaviour != "mute":
            notify.send(f"WATCHDOG=1\nX_BUSBAR_MESSAGES={count} {2 * count}".encode())


main()
