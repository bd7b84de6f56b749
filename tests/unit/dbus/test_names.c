#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "services/dbus/names.h"

static const char *name_of(const char *id, bool bank, const char *connection, const char *port,
                           const char *address)
{
    static char name[BB_SERVICE_NAME_MAX];
    struct bb_snapshot snapshot = {.bank = bank};
    struct bb_device *device = &snapshot.battery.device;
    (void)snprintf(snapshot.id, sizeof snapshot.id, "%s", id);
    (void)snprintf(device->connection, sizeof device->connection, "%s", connection);
    (void)snprintf(device->port, sizeof device->port, "%s", port);
    (void)snprintf(device->address, sizeof device->address, "%s", address);
    bb_service_name(&snapshot, name, sizeof name);
    assert_int_equal(strncmp(name, BB_SERVICE_PREFIX, strlen(BB_SERVICE_PREFIX)), 0);
    return name + strlen(BB_SERVICE_PREFIX);
}

static void test_names_tell_the_connection(void **state)
{
    (void)state;
    assert_string_equal(name_of("x", false, "Serial /dev/ttyUSB0", "ttyUSB0", ""), "ttyUSB0");
    assert_string_equal(name_of("x", false, "Serial /dev/ttyUSB0", "ttyUSB0", "0x40"),
                        "ttyUSB0__0x40");
    assert_string_equal(name_of("x", false, "CAN can0", "can0", ""), "can0");
    assert_string_equal(name_of("x", false, "BLE C8:47:8C:00:00:0A", "hci0", "C8:47:8C:00:00:0A"),
                        "ble_c8478c00000a");
    assert_string_equal(name_of("mqtt-shed", false, "MQTT: shed", "", ""), "mqtt_shed");
    assert_string_equal(name_of("x", false, "Serial", "usb-FTDI_FT232:1.0", ""),
                        "usb_FTDI_FT232_1_0");
}

static void test_names_of_banks(void **state)
{
    (void)state;
    assert_string_equal(name_of("bank", true, "", "", ""), "bank");
    assert_string_equal(name_of("bank-2", true, "", "", ""), "bank_2");
    assert_string_equal(name_of("house", true, "", "", ""), "bank_house");
}

static void test_names_do_not_begin_with_a_digit(void **state)
{
    (void)state;
    assert_string_equal(name_of("4711", false, "", "", ""), "_4711");
    assert_string_equal(name_of("x", false, "", "0", ""), "_0");
}

static void test_a_name_can_carry_the_id(void **state)
{
    (void)state;
    char name[BB_SERVICE_NAME_MAX];
    struct bb_snapshot snapshot = {.id = "jbd-1", .battery.device.port = "ttyUSB0"};
    bb_service_name_with_id(&snapshot, name, sizeof name);
    assert_string_equal(name, "com.victronenergy.battery.ttyUSB0__jbd_1");
}

static void test_names_are_cut(void **state)
{
    (void)state;
    char name[40];
    struct bb_snapshot snapshot = {.id = "jbd-1", .battery.device.port = "a-very-long-port-name"};
    bb_service_name_with_id(&snapshot, name, sizeof name);
    assert_string_equal(name, "com.victronenergy.battery.a_very_long_p");
}

static void test_settings_path(void **state)
{
    (void)state;
    char path[128];
    bb_settings_path("jbd-1.2", path, sizeof path);
    assert_string_equal(path, "/Settings/Devices/busbar_jbd_1_2/ClassAndVrmInstance");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_tell_the_connection),
        cmocka_unit_test(test_names_of_banks),
        cmocka_unit_test(test_names_do_not_begin_with_a_digit),
        cmocka_unit_test(test_a_name_can_carry_the_id),
        cmocka_unit_test(test_names_are_cut),
        cmocka_unit_test(test_settings_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
