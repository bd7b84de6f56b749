/* Answers of the settings service, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/dbus/lookup.h"

/* A reply aa{sv} with one entry {key: value}; a NULL key gives an empty list. */
static DBusMessage *reply_with(const char *key, const char *value)
{
    DBusMessage *call = dbus_message_new_method_call("a.b", "/", "a.b", "AddSettings");
    dbus_message_set_serial(call, 1);
    DBusMessage *reply = dbus_message_new_method_return(call);
    dbus_message_unref(call);
    DBusMessageIter out;
    DBusMessageIter list;
    dbus_message_iter_init_append(reply, &out);
    (void)dbus_message_iter_open_container(&out, DBUS_TYPE_ARRAY, "a{sv}", &list);
    if (key) {
        DBusMessageIter dict;
        DBusMessageIter entry;
        DBusMessageIter variant;
        (void)dbus_message_iter_open_container(&list, DBUS_TYPE_ARRAY, "{sv}", &dict);
        (void)dbus_message_iter_open_container(&dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
        (void)dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key);
        (void)dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "s", &variant);
        (void)dbus_message_iter_append_basic(&variant, DBUS_TYPE_STRING, &value);
        (void)dbus_message_iter_close_container(&entry, &variant);
        (void)dbus_message_iter_close_container(&dict, &entry);
        (void)dbus_message_iter_close_container(&list, &dict);
    }
    (void)dbus_message_iter_close_container(&out, &list);
    return reply;
}

static int parsed(DBusMessage *reply)
{
    int result = bb_lookup_parse_settings(reply);
    dbus_message_unref(reply);
    return result;
}

static void test_reads_the_instance(void **state)
{
    (void)state;
    assert_int_equal(parsed(reply_with("value", "battery:0")), 0);
    assert_int_equal(parsed(reply_with("value", "battery:255")), 255);
}

static void test_refuses_everything_else(void **state)
{
    (void)state;
    static const char *const values[] = {
        "battery:256", "battery:",       "battery:-1", "battery: 1",
        "battery:1x",  "solarcharger:1", "",           "battery:99999"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        assert_true(parsed(reply_with("value", values[i])) < 0);
    }
    assert_true(parsed(reply_with("error", "battery:1")) < 0);
    assert_true(parsed(reply_with(NULL, NULL)) < 0);
    DBusMessage *error = dbus_message_new(DBUS_MESSAGE_TYPE_ERROR);
    assert_true(parsed(error) < 0);
    DBusMessage *call = dbus_message_new_method_call("a.b", "/", "a.b", "AddSettings");
    dbus_message_set_serial(call, 1);
    DBusMessage *bare = dbus_message_new_method_return(call);
    dbus_message_unref(call);
    assert_true(parsed(bare) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_instance),
        cmocka_unit_test(test_refuses_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
