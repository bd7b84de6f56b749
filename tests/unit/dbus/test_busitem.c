/* Method calls as they come from a bus: made, sent through the wire format and answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sample.h"
#include "services/dbus/busitem.h"

#define BUSITEM BB_BUSITEM_INTERFACE

/* A call as the daemon delivers it: with a serial number and marshalled once. */
static DBusMessage *delivered(DBusMessage *message)
{
    char *bytes = NULL;
    int size = 0;
    dbus_message_set_serial(message, 7);
    assert_true(dbus_message_marshal(message, &bytes, &size));
    dbus_message_unref(message);
    DBusMessage *copy = dbus_message_demarshal(bytes, size, NULL);
    assert_non_null(copy);
    dbus_free(bytes);
    return copy;
}

static DBusMessage *call(const char *path, const char *interface, const char *member)
{
    DBusMessage *message = dbus_message_new_method_call("a.b", path, interface, member);
    assert_non_null(message);
    return message;
}

struct fixture {
    struct sample sample;
    enum bb_write_answer answer;
    char written[BB_ITEM_TEXT_MAX];
    int writes;
};

static enum bb_write_answer on_write(void *arg, size_t index, struct bb_value value)
{
    struct fixture *fixture = arg;
    assert_string_equal(bb_items_get(fixture->sample.items, index)->path, "/CustomName");
    (void)snprintf(fixture->written, sizeof fixture->written, "%s", value.text);
    fixture->writes++;
    return fixture->answer;
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    sample_open(&fixture->sample, false);
    sample_update(&fixture->sample, SAMPLE_NOW_MS);
    bb_items_settle(fixture->sample.items);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    sample_close(&fixture->sample);
    free(fixture);
    return 0;
}

/* The answer to message, which is used up. */
static DBusMessage *answer(struct fixture *fixture, DBusMessage *message)
{
    DBusMessage *question = delivered(message);
    DBusMessage *found = bb_busitem_answer(fixture->sample.items, question, on_write, fixture);
    dbus_message_unref(question);
    assert_non_null(found);
    assert_int_equal(dbus_message_get_reply_serial(found), 7);
    return found;
}

static void assert_error(struct fixture *fixture, DBusMessage *message, const char *name)
{
    DBusMessage *found = answer(fixture, message);
    assert_int_equal(dbus_message_get_type(found), DBUS_MESSAGE_TYPE_ERROR);
    assert_string_equal(dbus_message_get_error_name(found), name);
    dbus_message_unref(found);
}

/* Signature of what is inside the variant that answers GetValue at path. */
static void assert_value_signature(struct fixture *fixture, const char *path, const char *expected)
{
    DBusMessage *found = answer(fixture, call(path, BUSITEM, "GetValue"));
    assert_true(dbus_message_has_signature(found, "v"));
    DBusMessageIter in;
    DBusMessageIter variant;
    dbus_message_iter_init(found, &in);
    dbus_message_iter_recurse(&in, &variant);
    char *signature = dbus_message_iter_get_signature(&variant);
    assert_string_equal(signature, expected);
    if (strcmp(expected, "ai") == 0) {
        assert_int_equal(dbus_message_iter_get_element_count(&variant), 0);
    }
    dbus_free(signature);
    dbus_message_unref(found);
}

static void test_values_have_one_variant_level(void **state)
{
    struct fixture *fixture = *state;
    assert_value_signature(fixture, "/Dc/0/Voltage", "d");
    assert_value_signature(fixture, "/DeviceInstance", "i");
    assert_value_signature(fixture, "/ProductName", "s");
    assert_value_signature(fixture, "/Soh", "ai");
    assert_value_signature(fixture, "/HardwareVersion", "ai");
    assert_value_signature(fixture, "/", "a{sv}");
    assert_value_signature(fixture, "/Dc", "a{sv}");
    assert_value_signature(fixture, "/Dc/0", "a{sv}");
}

static void test_text_of_a_leaf(void **state)
{
    struct fixture *fixture = *state;
    static const char *const cases[][2] = {{"/Dc/0/Voltage", "53.12V"},
                                           {"/Soc", "45.87"},
                                           {"/Soh", "---"},
                                           {"/Info/ChargeMode", "Bulk"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = NULL;
        DBusMessage *found = answer(fixture, call(cases[i][0], NULL, "GetText"));
        assert_true(dbus_message_get_args(found, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
        assert_string_equal(text, cases[i][1]);
        dbus_message_unref(found);
    }
}

/* Visits a{s...}; returns how many entries there are, and whether key is one of them. */
static size_t count_entries(DBusMessageIter *dict, const char *key, bool *ret_found)
{
    size_t count = 0;
    DBusMessageIter entries;
    dbus_message_iter_recurse(dict, &entries);
    *ret_found = false;
    for (; dbus_message_iter_get_arg_type(&entries) == DBUS_TYPE_DICT_ENTRY; count++) {
        DBusMessageIter entry;
        const char *found = NULL;
        dbus_message_iter_recurse(&entries, &entry);
        dbus_message_iter_get_basic(&entry, &found);
        *ret_found = *ret_found || strcmp(found, key) == 0;
        (void)dbus_message_iter_next(&entries);
    }
    return count;
}

static void test_items_of_the_root(void **state)
{
    struct fixture *fixture = *state;
    DBusMessage *found = answer(fixture, call("/", BUSITEM, "GetItems"));
    DBusMessageIter in;
    bool has_cell = false;
    assert_true(dbus_message_has_signature(found, "a{sa{sv}}"));
    dbus_message_iter_init(found, &in);
    assert_int_equal(count_entries(&in, "/Voltages/Cell16", &has_cell),
                     bb_items_count(fixture->sample.items));
    assert_true(has_cell);
    dbus_message_unref(found);
}

static void test_keys_below_a_node_are_relative(void **state)
{
    struct fixture *fixture = *state;
    static const char *const members[] = {"GetValue", "GetText"};
    for (size_t i = 0; i < 2; i++) {
        DBusMessage *found = answer(fixture, call("/Dc", BUSITEM, members[i]));
        DBusMessageIter in;
        DBusMessageIter variant;
        bool has_voltage = false;
        dbus_message_iter_init(found, &in);
        dbus_message_iter_recurse(&in, &variant);
        assert_int_equal(count_entries(&variant, "0/Voltage", &has_voltage), 6);
        assert_true(has_voltage);
        dbus_message_unref(found);
    }
}

static void test_the_unknown_is_answered_with_errors(void **state)
{
    struct fixture *fixture = *state;
    assert_error(fixture, call("/Nothing", BUSITEM, "GetValue"), DBUS_ERROR_UNKNOWN_OBJECT);
    assert_error(fixture, call("/Voltages/Cell17", BUSITEM, "GetValue"), DBUS_ERROR_UNKNOWN_OBJECT);
    assert_error(fixture, call("/Soc", BUSITEM, "GetItems"), DBUS_ERROR_UNKNOWN_METHOD);
    assert_error(fixture, call("/Dc", BUSITEM, "GetItems"), DBUS_ERROR_UNKNOWN_METHOD);
    assert_error(fixture, call("/Dc", BUSITEM, "SetValue"), DBUS_ERROR_UNKNOWN_METHOD);
    assert_error(fixture, call("/Soc", BUSITEM, "Explode"), DBUS_ERROR_UNKNOWN_METHOD);
    assert_error(fixture, call("/Soc", "a.b.c", "GetValue"), DBUS_ERROR_UNKNOWN_METHOD);
    assert_error(fixture, call("/CustomName", BUSITEM, "SetValue"), DBUS_ERROR_INVALID_ARGS);
    DBusMessage *message = call("/Soc", BUSITEM, "GetValue");
    dbus_int32_t number = 1;
    (void)dbus_message_append_args(message, DBUS_TYPE_INT32, &number, DBUS_TYPE_INVALID);
    assert_error(fixture, message, DBUS_ERROR_INVALID_ARGS);
}

static void test_signals_are_not_answered(void **state)
{
    struct fixture *fixture = *state;
    DBusMessage *signal = delivered(dbus_message_new_signal("/Soc", BUSITEM, "GetValue"));
    assert_null(bb_busitem_answer(fixture->sample.items, signal, on_write, fixture));
    dbus_message_unref(signal);
}

/* SetValue of path with a variant of one basic type. */
static DBusMessage *set_call(const char *path, int type, const void *value)
{
    const char signature[2] = {(char)type, '\0'};
    DBusMessageIter out;
    DBusMessageIter variant;
    DBusMessage *message = call(path, BUSITEM, "SetValue");
    dbus_message_iter_init_append(message, &out);
    (void)dbus_message_iter_open_container(&out, DBUS_TYPE_VARIANT, signature, &variant);
    (void)dbus_message_iter_append_basic(&variant, type, value);
    (void)dbus_message_iter_close_container(&out, &variant);
    return message;
}

static int number_in(DBusMessage *found)
{
    dbus_int32_t result = -1;
    assert_true(dbus_message_get_args(found, NULL, DBUS_TYPE_INT32, &result, DBUS_TYPE_INVALID));
    dbus_message_unref(found);
    return result;
}

static int set_value(struct fixture *fixture, const char *path, int type, const void *value)
{
    return number_in(answer(fixture, set_call(path, type, value)));
}

static enum bb_write_answer accept_all(void *arg, size_t index, struct bb_value value)
{
    (void)index;
    *(double *)arg = value.number;
    return BB_WRITE_ACCEPTED;
}

static void test_numbers_of_every_type_can_be_written(void **state)
{
    (void)state;
    static const struct bb_item_spec whole = {
        "", BB_ITEM_INTEGER, BB_FORMAT_SHORTEST, 0, 0, "", false, true};
    static const struct bb_item_spec real = {"",    BB_ITEM_REAL, BB_FORMAT_SHORTEST, 2, 0, "",
                                             false, true};
    char text[] = "8";
    const struct {
        const char *path;
        int type;
        DBusBasicValue value;
        enum bb_write_answer answer;
        double written;
    } cases[] = {
        {"/Whole", DBUS_TYPE_BYTE, {.byt = 200}, BB_WRITE_ACCEPTED, 200},
        {"/Whole", DBUS_TYPE_BOOLEAN, {.bool_val = 1}, BB_WRITE_ACCEPTED, 1},
        {"/Whole", DBUS_TYPE_INT16, {.i16 = -7}, BB_WRITE_ACCEPTED, -7},
        {"/Whole", DBUS_TYPE_UINT16, {.u16 = 60000}, BB_WRITE_ACCEPTED, 60000},
        {"/Whole", DBUS_TYPE_INT32, {.i32 = -70000}, BB_WRITE_ACCEPTED, -70000},
        {"/Whole", DBUS_TYPE_UINT32, {.u32 = 3000000000U}, BB_WRITE_IMPOSSIBLE, 0},
        {"/Whole", DBUS_TYPE_INT64, {.i64 = 5}, BB_WRITE_ACCEPTED, 5},
        {"/Whole", DBUS_TYPE_UINT64, {.u64 = 6}, BB_WRITE_ACCEPTED, 6},
        {"/Whole", DBUS_TYPE_DOUBLE, {.dbl = 8}, BB_WRITE_ACCEPTED, 8},
        {"/Whole", DBUS_TYPE_DOUBLE, {.dbl = 8.5}, BB_WRITE_IMPOSSIBLE, 0},
        {"/Real", DBUS_TYPE_DOUBLE, {.dbl = 8.5}, BB_WRITE_ACCEPTED, 8.5},
        {"/Real", DBUS_TYPE_DOUBLE, {.dbl = (double)NAN}, BB_WRITE_IMPOSSIBLE, 0},
        {"/Real", DBUS_TYPE_STRING, {.str = text}, BB_WRITE_IMPOSSIBLE, 0},
    };
    struct bb_items *items = bb_items_new();
    assert_int_equal(bb_items_add(items, "/Whole", &whole), 0);
    assert_int_equal(bb_items_add(items, "/Real", &real), 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double written = 0;
        DBusMessage *message = delivered(set_call(cases[i].path, cases[i].type, &cases[i].value));
        DBusMessage *found = bb_busitem_answer(items, message, accept_all, &written);
        dbus_message_unref(message);
        assert_int_equal(number_in(found), cases[i].answer);
        assert_true(written == cases[i].written);
    }
    assert_true(bb_items_get(items, 0)->number == 8);
    assert_true(bb_items_get(items, 1)->number == 8.5);
    bb_items_destroy(&items);
}

static void test_most_items_cannot_be_written(void **state)
{
    struct fixture *fixture = *state;
    double number = 12;
    const char *text = "x";
    assert_int_equal(set_value(fixture, "/Soc", DBUS_TYPE_DOUBLE, &number), BB_WRITE_IMPOSSIBLE);
    assert_int_equal(set_value(fixture, "/ProductName", DBUS_TYPE_STRING, &text),
                     BB_WRITE_IMPOSSIBLE);
    assert_int_equal(set_value(fixture, "/CustomName", DBUS_TYPE_DOUBLE, &number),
                     BB_WRITE_IMPOSSIBLE);
    assert_int_equal(fixture->writes, 0);
    assert_string_equal(sample_text(&fixture->sample, "/Soc"), "45.87");
}

static void test_the_name_can_be_written(void **state)
{
    struct fixture *fixture = *state;
    const char *text = "Garage";
    assert_int_equal(set_value(fixture, "/CustomName", DBUS_TYPE_STRING, &text), BB_WRITE_ACCEPTED);
    assert_string_equal(fixture->written, "Garage");
    assert_string_equal(sample_text(&fixture->sample, "/CustomName"), "Garage");
    assert_true(sample_item(&fixture->sample, "/CustomName")->changed);
    bb_items_settle(fixture->sample.items);
    assert_int_equal(set_value(fixture, "/CustomName", DBUS_TYPE_STRING, &text), BB_WRITE_ACCEPTED);
    assert_int_equal(fixture->writes, 1); /* equal: nothing to do */
    assert_false(bb_items_changed(fixture->sample.items));
    fixture->answer = BB_WRITE_REFUSED;
    text = "Cellar";
    assert_int_equal(set_value(fixture, "/CustomName", DBUS_TYPE_STRING, &text), BB_WRITE_REFUSED);
    assert_string_equal(sample_text(&fixture->sample, "/CustomName"), "Garage");
}

static void test_only_changes_are_announced(void **state)
{
    struct fixture *fixture = *state;
    assert_null(bb_busitem_changes(fixture->sample.items));
    fixture->sample.snapshot.charge.voltage = bb_real(53.5);
    fixture->sample.snapshot.charge.soh = bb_real(99);
    sample_update(&fixture->sample, SAMPLE_NOW_MS);
    DBusMessage *changes = bb_busitem_changes(fixture->sample.items);
    assert_non_null(changes);
    assert_string_equal(dbus_message_get_path(changes), "/");
    assert_string_equal(dbus_message_get_member(changes), "ItemsChanged");
    assert_true(dbus_message_has_signature(changes, "a{sa{sv}}"));
    DBusMessageIter in;
    bool has_voltage = false;
    dbus_message_iter_init(changes, &in);
    assert_int_equal(count_entries(&in, "/Dc/0/Voltage", &has_voltage), 2);
    assert_true(has_voltage);
    dbus_message_unref(changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values_have_one_variant_level, setup, teardown),
        cmocka_unit_test_setup_teardown(test_text_of_a_leaf, setup, teardown),
        cmocka_unit_test_setup_teardown(test_items_of_the_root, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keys_below_a_node_are_relative, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_unknown_is_answered_with_errors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signals_are_not_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_most_items_cannot_be_written, setup, teardown),
        cmocka_unit_test(test_numbers_of_every_type_can_be_written),
        cmocka_unit_test_setup_teardown(test_the_name_can_be_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_changes_are_announced, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
