/* Which bus is meant. The connection itself is tested against a real daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "services/dbus/connection.h"

static void set_environment(const char *session, const char *system)
{
    (void)(session ? setenv("DBUS_SESSION_BUS_ADDRESS", session, 1)
                   : unsetenv("DBUS_SESSION_BUS_ADDRESS"));
    (void)(system ? setenv("DBUS_SYSTEM_BUS_ADDRESS", system, 1)
                  : unsetenv("DBUS_SYSTEM_BUS_ADDRESS"));
}

static void assert_address(const char *option, const char *expected)
{
    char address[BB_ADDRESS_MAX];
    assert_int_equal(bb_connection_address(option, address, sizeof address, NULL), BB_OK);
    assert_string_equal(address, expected);
}

static void test_the_bus_of_the_environment(void **state)
{
    (void)state;
    set_environment("unix:path=/tmp/session", NULL);
    assert_address("auto", "unix:path=/tmp/session");
    assert_address("session", "unix:path=/tmp/session");
    assert_address("system", "unix:path=/var/run/dbus/system_bus_socket");
    assert_address("unix:path=/tmp/other", "unix:path=/tmp/other");
    set_environment(NULL, "unix:path=/tmp/system");
    assert_address("auto", "unix:path=/tmp/system");
}

static void test_what_is_no_bus(void **state)
{
    (void)state;
    char address[BB_ADDRESS_MAX] = "unchanged";
    struct bb_problem problem;
    set_environment(NULL, NULL);
    assert_int_equal(bb_connection_address("session", address, sizeof address, &problem),
                     BB_ERR_CONFIG);
    assert_int_equal(bb_connection_address("nonsense", address, sizeof address, &problem),
                     BB_ERR_CONFIG);
    assert_string_equal(problem.where, "[dbus] bus");
    assert_int_equal(bb_connection_address("unix:path=/tmp/long", address, 10, &problem),
                     BB_ERR_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_bus_of_the_environment),
        cmocka_unit_test(test_what_is_no_bus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
