#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/verbs.h"

static const struct bb_command_verb verbs[] = {
    {"status", "[--json]", "how they are", NULL},
    {"start", "NAME", "start one", NULL},
    {"stop", "NAME", "stop one", NULL},
    {"restart", "NAME", "both", NULL},
    {"tap", "", "watch", NULL},
};
static const size_t count = sizeof verbs / sizeof verbs[0];

static void assert_nearest(const char *typed, const char *expected)
{
    char names[64];
    bb_verbs_nearest(verbs, count, typed, names, sizeof names);
    assert_string_equal(names, expected);
}

static void test_finds_by_whole_name(void **state)
{
    (void)state;
    assert_ptr_equal(bb_verbs_find(verbs, count, "tap"), &verbs[4]);
    assert_null(bb_verbs_find(verbs, count, "ta"));
    assert_null(bb_verbs_find(verbs, count, ""));
}

static void test_nearest_names_best_first(void **state)
{
    (void)state;
    assert_nearest("statsu", "status, start");
    assert_nearest("sta", "status, start, stop"); /* what it begins with counts most */
    assert_nearest("restrat", "restart");
    assert_nearest("elephant", "");
    assert_nearest("", "");
}

static void test_nearest_names_fit_their_buffer(void **state)
{
    (void)state;
    char names[8];
    bb_verbs_nearest(verbs, count, "sta", names, sizeof names);
    assert_string_equal(names, "status,");
}

static void test_names_that_may_be_programs(void **state)
{
    (void)state;
    assert_true(bb_verbs_is_name("tap"));
    assert_true(bb_verbs_is_name("mqtt-battery2"));
    static const char *const others[] = {"", "-x", "../sh", "a/b", "Tap", "2x", "a b", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(bb_verbs_is_name(others[i]));
    }
}

static void test_help_has_a_line_for_each_in_columns(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    bb_verbs_help(verbs, count, file);
    (void)fclose(file);
    const char *first = strstr(text, "  status");
    assert_non_null(first);
    ptrdiff_t column = strstr(first, verbs[0].meaning) - first;
    for (size_t i = 0; i < count; i++) {
        char start[32];
        (void)snprintf(start, sizeof start, "\n  %s ", verbs[i].name);
        const char *line = strstr(text, start);
        assert_non_null(line);
        const char *meaning = strstr(line, verbs[i].meaning);
        assert_non_null(meaning);
        assert_int_equal(meaning - line - 1, column);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_by_whole_name),
        cmocka_unit_test(test_nearest_names_best_first),
        cmocka_unit_test(test_nearest_names_fit_their_buffer),
        cmocka_unit_test(test_names_that_may_be_programs),
        cmocka_unit_test(test_help_has_a_line_for_each_in_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
