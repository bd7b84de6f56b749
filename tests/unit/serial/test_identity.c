/* Which battery is which, over restarts. */
#include "common/reader/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const uint16_t addresses[] = {0x40, 0x41};

static void begin(struct bb_identity_book *book, size_t count)
{
    bb_identity_begin(book, "serial", "rack", "daly", addresses, count);
}

/* What a program that is started again with this book knows. */
static void restart(struct bb_identity_book *book)
{
    json_t *json = bb_identity_to_json(book);
    assert_non_null(json);
    size_t count = book->count;
    begin(book, count);
    struct bb_problem problem;
    assert_int_equal(bb_identity_from_json(book, json, &problem), BB_OK);
    json_decref(json);
}

static void a_serial_number_decides_at_once(void **state)
{
    (void)state;
    struct bb_identity_book book;
    begin(&book, 1);
    assert_int_equal(bb_identity_judge(&book, 0, "SN 4711"), BB_IDENTITY_DECIDED);
    assert_string_equal(book.stations[0].id, "daly-sn-4711");
    assert_true(book.changed);
    assert_int_equal(bb_identity_judge(&book, 0, "SN 4711"), BB_IDENTITY_KNOWN);
    assert_int_equal(bb_identity_judge(&book, 0, ""), BB_IDENTITY_KNOWN);
}

static void without_one_the_place_decides_after_three_states(void **state)
{
    (void)state;
    struct bb_identity_book book;
    begin(&book, 1);
    assert_int_equal(bb_identity_judge(&book, 0, ""), BB_IDENTITY_PENDING);
    assert_int_equal(bb_identity_judge(&book, 0, ""), BB_IDENTITY_PENDING);
    assert_false(book.changed);
    assert_int_equal(bb_identity_judge(&book, 0, ""), BB_IDENTITY_DECIDED);
    assert_string_equal(book.stations[0].id, "rack");

    begin(&book, 2);
    for (int i = 0; i < BB_IDENTITY_PATIENCE; i++) {
        (void)bb_identity_judge(&book, 0, "");
        (void)bb_identity_judge(&book, 1, "");
    }
    assert_string_equal(book.stations[0].id, "rack-0x40");
    assert_string_equal(book.stations[1].id, "rack-0x41");
}

static void a_serial_number_that_comes_late_changes_nothing(void **state)
{
    (void)state;
    struct bb_identity_book book;
    begin(&book, 1);
    for (int i = 0; i < BB_IDENTITY_PATIENCE; i++) {
        (void)bb_identity_judge(&book, 0, "");
    }
    book.changed = false;
    assert_int_equal(bb_identity_judge(&book, 0, "7"), BB_IDENTITY_KNOWN);
    assert_string_equal(book.stations[0].id, "rack");
    assert_true(book.changed); /* but is remembered */
    restart(&book);
    assert_int_equal(bb_identity_judge(&book, 0, "8"), BB_IDENTITY_CHANGED);
    assert_string_equal(book.stations[0].id, "daly-8");
}

static void a_restart_publishes_at_once(void **state)
{
    (void)state;
    struct bb_identity_book book;
    begin(&book, 2);
    (void)bb_identity_judge(&book, 0, "A1");
    for (int i = 0; i < BB_IDENTITY_PATIENCE; i++) {
        (void)bb_identity_judge(&book, 1, "");
    }
    restart(&book);
    assert_false(book.changed);
    assert_int_equal(bb_identity_judge(&book, 0, ""), BB_IDENTITY_KNOWN);
    assert_string_equal(book.stations[0].id, "daly-a1");
    assert_int_equal(bb_identity_judge(&book, 1, ""), BB_IDENTITY_KNOWN);
    assert_string_equal(book.stations[1].id, "rack-0x41");
    assert_int_equal(bb_identity_judge(&book, 0, "A1"), BB_IDENTITY_KNOWN);
    assert_false(book.changed);
}

static void another_battery_at_an_address_is_told_once(void **state)
{
    (void)state;
    struct bb_identity_book book;
    begin(&book, 1);
    (void)bb_identity_judge(&book, 0, "A1");
    restart(&book);
    assert_int_equal(bb_identity_judge(&book, 0, "B2"), BB_IDENTITY_CHANGED);
    assert_string_equal(book.stations[0].id, "daly-b2");
    assert_int_equal(bb_identity_judge(&book, 0, "B2"), BB_IDENTITY_KNOWN);
    restart(&book);
    assert_int_equal(bb_identity_judge(&book, 0, "B2"), BB_IDENTITY_KNOWN);
}

static void two_batteries_cannot_share_an_id(void **state)
{
    (void)state;
    struct bb_identity_book book;
    begin(&book, 2);
    assert_int_equal(bb_identity_judge(&book, 0, "A1"), BB_IDENTITY_DECIDED);
    assert_int_equal(bb_identity_judge(&book, 1, "A1"), BB_IDENTITY_CLASH);
    assert_int_equal(bb_identity_judge(&book, 1, "A1"), BB_IDENTITY_CLASHING);
    assert_string_equal(book.stations[1].id, "");
    assert_int_equal(bb_identity_judge(&book, 0, "A1"), BB_IDENTITY_KNOWN);
    /* the owner puts it right */
    assert_int_equal(bb_identity_judge(&book, 1, "B2"), BB_IDENTITY_DECIDED);
    assert_string_equal(book.stations[1].id, "daly-b2");
}

/* Two batteries whose address switches were swapped keep their ids. */
static void swapped_batteries_keep_their_ids(void **state)
{
    (void)state;
    struct bb_identity_book book;
    begin(&book, 2);
    (void)bb_identity_judge(&book, 0, "A1");
    (void)bb_identity_judge(&book, 1, "B2");
    restart(&book);
    assert_int_equal(bb_identity_judge(&book, 0, "B2"), BB_IDENTITY_CHANGED);
    assert_string_equal(book.stations[0].id, "daly-b2");
    assert_int_equal(bb_identity_judge(&book, 1, "A1"), BB_IDENTITY_DECIDED);
    assert_string_equal(book.stations[1].id, "daly-a1");
    assert_int_equal(bb_identity_judge(&book, 0, "B2"), BB_IDENTITY_KNOWN);
}

static void another_driver_starts_anew(void **state)
{
    (void)state;
    struct bb_identity_book book;
    begin(&book, 1);
    (void)bb_identity_judge(&book, 0, "A1");
    json_t *json = bb_identity_to_json(&book);
    bb_identity_begin(&book, "serial", "rack", "jbd", addresses, 1);
    assert_int_equal(bb_identity_from_json(&book, json, NULL), BB_OK);
    json_decref(json);
    assert_string_equal(book.stations[0].id, "");
}

static int make_folder(void **state)
{
    static char folder[32];
    (void)snprintf(folder, sizeof folder, "/tmp/bbidXXXXXX");
    *state = mkdtemp(folder);
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];
    (void)snprintf(command, sizeof command, "%s/serial-rack.json", (const char *)*state);
    (void)unlink(command);
    (void)snprintf(command, sizeof command, "%s/serial-rack.json.damaged", (const char *)*state);
    (void)unlink(command);
    return rmdir(*state);
}

static void the_file_survives(void **state)
{
    const char *folder = *state;
    struct bb_identity_book book;
    struct bb_problem problem = {0};
    begin(&book, 1);
    assert_int_equal(bb_identity_load(&book, folder, &problem), BB_OK); /* none yet */
    (void)bb_identity_judge(&book, 0, "A1");
    assert_int_equal(bb_identity_save(&book, folder, &problem), BB_OK);
    assert_false(book.changed);
    begin(&book, 1);
    assert_int_equal(bb_identity_load(&book, folder, &problem), BB_OK);
    assert_string_equal(book.stations[0].id, "daly-a1");
    assert_string_equal(book.stations[0].serial, "A1");
}

static void a_file_that_cannot_be_written_is_said(void **state)
{
    (void)state;
    struct bb_identity_book book;
    struct bb_problem problem = {0};
    begin(&book, 1);
    (void)bb_identity_judge(&book, 0, "A1");
    assert_int_equal(bb_identity_save(&book, "/nowhere", &problem), BB_ERR_IO);
    assert_string_equal(problem.where, "/nowhere/serial-rack.json");
    assert_true(book.changed);
}

static void a_damaged_file_is_set_aside(void **state)
{
    const char *folder = *state;
    static const char *const damaged[] = {
        "",
        "{",
        "[]",
        "nonsense",
        "{\"version\": 2, \"driver\": \"daly\", \"batteries\": []}",
        "{\"version\": \"1\", \"driver\": \"daly\", \"batteries\": []}",
        "{\"version\": 1, \"batteries\": []}",
        "{\"version\": 1, \"driver\": \"daly\", \"batteries\": {}}",
        "{\"version\": 1, \"driver\": \"daly\", \"batteries\": [7]}",
        "{\"version\": 1, \"driver\": \"daly\", \"batteries\": [{\"address\": 64}]}",
        "{\"version\": 1, \"driver\": \"daly\", \"batteries\": "
        "[{\"address\": 64, \"id\": \"UPPER/case\", \"serial\": \"\"}]}",
        "{\"version\": 1, \"driver\": \"daly\", \"batteries\": "
        "[{\"address\": 64, \"id\": \"a\", \"serial\": "
        "\"0123456789012345678901234567890123456789\"}]}",
        "{\"version\": 1, \"driver\": \"daly\", \"batteries\": "
        "[{\"address\": 64, \"id\": \"a\", \"serial\": \"\"},"
        " {\"address\": 65, \"id\": \"a\", \"serial\": \"\"}]}",
    };
    char path[64];
    char aside[80];
    (void)snprintf(path, sizeof path, "%s/serial-rack.json", folder);
    (void)snprintf(aside, sizeof aside, "%s.damaged", path);
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(damaged[i], file) >= 0);
        assert_int_equal(fclose(file), 0);
        struct bb_identity_book book;
        struct bb_problem problem = {0};
        begin(&book, 2);
        assert_true(bb_identity_load(&book, folder, &problem) < 0);
        assert_string_equal(problem.where, path);
        assert_non_null(strstr(problem.what, "kept as .damaged"));
        assert_string_equal(book.stations[0].id, "");
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(unlink(aside), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_serial_number_decides_at_once),
        cmocka_unit_test(without_one_the_place_decides_after_three_states),
        cmocka_unit_test(a_serial_number_that_comes_late_changes_nothing),
        cmocka_unit_test(a_restart_publishes_at_once),
        cmocka_unit_test(another_battery_at_an_address_is_told_once),
        cmocka_unit_test(two_batteries_cannot_share_an_id),
        cmocka_unit_test(swapped_batteries_keep_their_ids),
        cmocka_unit_test(another_driver_starts_anew),
        cmocka_unit_test_setup_teardown(the_file_survives, make_folder, remove_folder),
        cmocka_unit_test(a_file_that_cannot_be_written_is_said),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_set_aside, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
