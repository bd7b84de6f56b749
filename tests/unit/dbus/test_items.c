#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/error.h"
#include "services/dbus/items.h"

static const struct bb_item_spec volts = {"", BB_ITEM_REAL, BB_FORMAT_FIXED, 2,
                                          2,  "V",          false,           false};
static const struct bb_item_spec watts = {"", BB_ITEM_REAL, BB_FORMAT_FIXED, 2,
                                          0,  "W",          false,           false};
static const struct bb_item_spec plain = {"",    BB_ITEM_REAL, BB_FORMAT_SHORTEST, 2, 0, "",
                                          false, false};
static const struct bb_item_spec count = {
    "", BB_ITEM_INTEGER, BB_FORMAT_SHORTEST, 0, 0, "", false, false};
static const struct bb_item_spec hex = {"", BB_ITEM_INTEGER, BB_FORMAT_HEX, 0, 0, "", true, false};
static const struct bb_item_spec text = {"",    BB_ITEM_TEXT, BB_FORMAT_SHORTEST, 0, 0, "",
                                         false, false};
static const struct bb_item_spec must_text = {"",   BB_ITEM_TEXT, BB_FORMAT_SHORTEST, 0, 0, "",
                                              true, false};

/* The text one value gives in a leaf of that kind. */
static const char *text_of(const struct bb_item_spec *spec, struct bb_value value)
{
    static char buffer[BB_ITEM_TEXT_MAX];
    struct bb_items *items = bb_items_new();
    size_t index = (size_t)bb_items_add(items, "/A", spec);
    (void)bb_items_set(items, index, value);
    char found[BB_ITEM_TEXT_MAX];
    const char *result = bb_item_text(bb_items_get(items, index), found);
    (void)snprintf(buffer, sizeof buffer, "%s", result);
    bb_items_destroy(&items);
    return buffer;
}

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        const struct bb_item_spec *spec;
        double number;
        const char *expected;
    } cases[] = {
        {&volts, 53.12, "53.12V"},
        {&volts, 53, "53.00V"},
        {&watts, -276.22, "-276W"},
        {&watts, -0.3, "0W"},
        {&watts, -0.5, "0W"},
        {&plain, 45.87, "45.87"},
        {&plain, 100, "100.0"},
        {&plain, 25.6, "25.6"},
        {&plain, -0.001, "0.0"},
        {&plain, 0, "0.0"},
        {&count, 9, "9"},
        {&count, -3, "-3"},
        {&hex, 47735, "0xBA77"},
        {&hex, 0, "0x0"},
        {&volts, NAN, "---"},
        {&volts, INFINITY, "---"},
        {&count, NAN, "---"},
        {&hex, NAN, "0x0"},
        {&count, 1e12, "2147483647"},
        {&count, -1e12, "-2147483648"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(text_of(cases[i].spec, bb_value_number(cases[i].number)),
                            cases[i].expected);
    }
    assert_string_equal(text_of(&text, bb_value_text("Bulk")), "Bulk");
    assert_string_equal(text_of(&text, bb_value_text("")), "");
    assert_string_equal(text_of(&text, bb_value_text(NULL)), "---");
    assert_string_equal(text_of(&must_text, bb_value_invalid()), "");
    assert_string_equal(text_of(&text, bb_value_text("caf\xe9")), "---");
}

static void test_values_are_the_nearest_decimals(void **state)
{
    (void)state;
    /* The number its text stands for, also where multiplying by 100 would be off. */
    static const double cases[][2] = {
        {53.125, 53.12}, {1.115, 1.11}, {0.285, 0.28}, {-5.204, -5.2}, {-0.001, 0}};
    struct bb_items *items = bb_items_new();
    size_t index = (size_t)bb_items_add(items, "/A", &plain);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)bb_items_set(items, index, bb_value_number(cases[i][0]));
        double number = bb_items_get(items, index)->number;
        assert_true(number == cases[i][1]);
        assert_false(signbit(number) != 0 && number == 0);
    }
    bb_items_destroy(&items);
}

static void test_only_changes_count_as_changes(void **state)
{
    (void)state;
    struct bb_items *items = bb_items_new();
    size_t a = (size_t)bb_items_add(items, "/A", &volts);
    size_t b = (size_t)bb_items_add(items, "/B", &text);
    assert_false(bb_items_changed(items));
    assert_false(bb_items_set(items, a, bb_value_invalid()));
    assert_true(bb_items_set(items, a, bb_value_number(53.121)));
    assert_true(bb_items_set(items, b, bb_value_text("x")));
    assert_true(bb_items_changed(items));
    bb_items_settle(items);
    assert_false(bb_items_changed(items));
    assert_false(bb_items_set(items, a, bb_value_number(53.124))); /* the same after rounding */
    assert_false(bb_items_set(items, b, bb_value_text("x")));
    assert_false(bb_items_changed(items));
    assert_true(bb_items_set(items, a, bb_value_number(NAN)));
    assert_true(bb_items_get(items, a)->changed);
    assert_false(bb_items_get(items, a)->valid);
    assert_true(bb_items_set(items, b, bb_value_invalid()));
    assert_true(bb_items_set(items, b, bb_value_text("")));
    bb_items_destroy(&items);
}

static void test_zero_is_not_unknown(void **state)
{
    (void)state;
    struct bb_items *items = bb_items_new();
    size_t index = (size_t)bb_items_add(items, "/A", &volts);
    assert_true(bb_items_set(items, index, bb_value_number(0)));
    assert_true(bb_items_get(items, index)->valid);
    bb_items_destroy(&items);
}

static void test_long_texts_end_between_characters(void **state)
{
    (void)state;
    char lengthy[BB_ITEM_TEXT_MAX + 40];
    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    /* The cut would fall behind the first byte of a degree sign. */
    memcpy(&lengthy[BB_ITEM_TEXT_MAX - 2], "\xc2\xb0", 2);
    const char *shown = text_of(&text, bb_value_text(lengthy));
    assert_int_equal(strlen(shown), BB_ITEM_TEXT_MAX - 2);
    assert_int_equal(shown[BB_ITEM_TEXT_MAX - 3], 'a');
}

static void test_finds_leaves_and_nodes(void **state)
{
    (void)state;
    struct bb_items *items = bb_items_new();
    static const char *const paths[] = {"/Soc",  "/Dc/0/Voltage",    "/Dc/0/Current",  "/Dcx",
                                        "/Dc_1", "/Voltages/Cell10", "/Voltages/Cell1"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        assert_int_equal(bb_items_add(items, paths[i], &volts), (int)i);
    }
    size_t index = 99;
    assert_non_null(bb_items_find(items, "/Voltages/Cell1", &index));
    assert_int_equal(index, 6);
    assert_null(bb_items_find(items, "/Dc", &index));
    assert_null(bb_items_find(items, "/Dc/0/", &index));
    size_t first = 99;
    assert_int_equal(bb_items_below(items, "/Dc", &first), 2);
    assert_string_equal(bb_items_sorted(items, first)->path, "/Dc/0/Current");
    assert_string_equal(bb_items_sorted(items, first + 1)->path, "/Dc/0/Voltage");
    assert_int_equal(bb_items_below(items, "/", &first), 7);
    assert_int_equal(bb_items_below(items, "/Dc/0/Voltage", &first), 0);
    assert_int_equal(bb_items_below(items, "/D", &first), 0);
    bb_items_destroy(&items);
    assert_null(items);
}

static void test_refuses_bad_paths(void **state)
{
    (void)state;
    struct bb_items *items = bb_items_new();
    assert_int_equal(bb_items_add(items, "/A", &volts), 0);
    assert_int_equal(bb_items_add(items, "/A", &volts), BB_ERR_DUPLICATE);
    assert_int_equal(bb_items_add(items, "A", &volts), BB_ERR_MALFORMED);
    assert_int_equal(bb_items_add(items, "", &volts), BB_ERR_MALFORMED);
    assert_int_equal(bb_items_add(items, "/", &volts), BB_ERR_MALFORMED);
    assert_int_equal(bb_items_add(items, "/A/", &volts), BB_ERR_MALFORMED);
    assert_int_equal(bb_items_add(items, "/A//B", &volts), BB_ERR_MALFORMED);
    assert_int_equal(bb_items_add(items, "/A-B", &volts), BB_ERR_MALFORMED);
    char lengthy[BB_ITEM_PATH_MAX + 2];
    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[0] = '/';
    lengthy[sizeof lengthy - 1] = '\0';
    assert_int_equal(bb_items_add(items, lengthy, &volts), BB_ERR_OVERSIZE);
    assert_int_equal(bb_items_count(items), 1);
    bb_items_destroy(&items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_values_are_the_nearest_decimals),
        cmocka_unit_test(test_only_changes_count_as_changes),
        cmocka_unit_test(test_zero_is_not_unknown),
        cmocka_unit_test(test_long_texts_end_between_characters),
        cmocka_unit_test(test_finds_leaves_and_nodes),
        cmocka_unit_test(test_refuses_bad_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
