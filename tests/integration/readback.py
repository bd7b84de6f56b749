"""Independent readers of what the publishers say: D-Bus through python3-dbus, MQTT through
mosquitto_sub. Both give plain dictionaries by battery id."""

import json
import subprocess

import dbus
import dbus.bus

import support

PREFIX = "com.victronenergy.battery."


def plain(value):
    """A D-Bus value as Python sees it; Victron's "invalid" (an empty array) is None."""
    if isinstance(value, dbus.Array):
        return None if len(value) == 0 else [plain(item) for item in value]
    if isinstance(value, (dbus.Double, float)):
        return float(value)
    if isinstance(value, dbus.Boolean):
        return bool(value)
    if isinstance(value, int):
        return int(value)
    return str(value)


class DBusReader:
    def __init__(self, address):
        self._bus = dbus.bus.BusConnection(address)

    def names(self):
        return sorted(str(name) for name in self._bus.list_names() if name.startswith(PREFIX))

    def items(self, name):
        """All leaves of one service: path -> value."""
        root = self._bus.get_object(name, "/", introspect=False)
        items = root.GetItems(dbus_interface="com.victronenergy.BusItem")
        return {str(path): plain(item["Value"]) for path, item in items.items()}

    def read(self):
        """Every battery service by its battery id, which it carries as /Serial."""
        found = {}
        for name in self.names():
            try:
                items = self.items(name)
            except dbus.DBusException:
                continue  # it left between the list and the question
            found[items.get("/Serial")] = items
        return found


class MqttReader:
    """Follows <base>/battery/<id>/state."""

    def __init__(self, host, port, base="busbar"):
        self._base = base
        self._process = support.spawn(
            ["mosquitto_sub", "-h", host, "-p", str(port), "-v", "-t", f"{base}/#"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._lines = support.Lines(self._process.stdout)

    def read(self):
        """Newest state by battery id."""
        states = {}
        for line in self._lines.all():
            topic, _, payload = line.partition(" ")
            parts = topic.split("/")
            if parts[:2] == [self._base, "battery"] and parts[-1] == "state":
                states[parts[2]] = json.loads(payload)
        return states

    def close(self):
        support.stop_process(self._process)
        self._lines.join()
        self._process.stdout.close()
