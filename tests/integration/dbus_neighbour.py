"""A program beside busbar-dbus on a D-Bus daemon, for the tests:

dbus_neighbour.py ADDRESS battery INSTANCE   a battery service with that device instance
dbus_neighbour.py ADDRESS settings VALUE     com.victronenergy.settings that gives out VALUE
dbus_neighbour.py ADDRESS silent             both, never answering

Prints "ready" once its names are its own; runs until it is ended.
"""

import sys

import dbus.bus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

BATTERY = "com.victronenergy.battery.neighbour"
SETTINGS = "com.victronenergy.settings"


class Instance(dbus.service.Object):
    def __init__(self, bus, instance):
        super().__init__(bus, "/DeviceInstance")
        self._instance = instance

    @dbus.service.method("com.victronenergy.BusItem", out_signature="v")
    def GetValue(self):
        return dbus.Int32(self._instance, variant_level=1)


class Settings(dbus.service.Object):
    def __init__(self, bus, value):
        super().__init__(bus, "/")
        self._value = value

    @dbus.service.method("com.victronenergy.Settings", in_signature="aa{sv}", out_signature="aa{sv}")
    def AddSettings(self, settings):
        assert all(s["path"].endswith("/ClassAndVrmInstance") for s in settings), settings
        assert all(s["default"].startswith("battery:") for s in settings), settings
        return [{"path": s["path"], "error": dbus.Int32(0), "value": self._value} for s in settings]


class Silent(dbus.service.FallbackObject):
    @dbus.service.method(
        "com.victronenergy.BusItem", out_signature="v", async_callbacks=("reply", "error")
    )
    def GetValue(self, reply, error):
        pass

    @dbus.service.method(
        "com.victronenergy.Settings",
        in_signature="aa{sv}",
        out_signature="aa{sv}",
        async_callbacks=("reply", "error"),
    )
    def AddSettings(self, settings, reply, error):
        pass


def main():
    address, role = sys.argv[1:3]
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.bus.BusConnection(address)
    kept = {
        "battery": lambda: Instance(bus, int(sys.argv[3])),
        "settings": lambda: Settings(bus, sys.argv[3]),
        "silent": lambda: Silent(bus, "/"),
    }[role]()
    if role in ("battery", "silent"):
        bus.request_name(BATTERY)
    if role in ("settings", "silent"):
        bus.request_name(SETTINGS)
    print("ready", flush=True)
    GLib.MainLoop().run()
    del kept


if __name__ == "__main__":
    main()
