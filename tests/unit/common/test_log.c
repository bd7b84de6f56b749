#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "common/log.h"

static void test_a_line_that_repeats_is_counted(void **state)
{
    (void)state;
    struct bb_log *log = bb_log_new("test", BB_LOG_INFO);
    assert_int_equal(bb_log_write(log, BB_LOG_WARNING, "port %d gone", 1), 0);
    assert_int_equal(bb_log_write(log, BB_LOG_WARNING, "port %d gone", 1), -1);
    assert_int_equal(bb_log_write(log, BB_LOG_WARNING, "port %d gone", 1), -1);
    assert_int_equal(bb_log_write(log, BB_LOG_INFO, "port %d is back", 1), 2);
    bb_log_destroy(&log);
    assert_null(log);
}

static void test_unimportant_lines_are_dropped(void **state)
{
    (void)state;
    struct bb_log *log = bb_log_new("test", BB_LOG_WARNING);
    assert_int_equal(bb_log_write(log, BB_LOG_INFO, "detail"), -1);
    bb_log_set_level(log, BB_LOG_INFO);
    assert_int_equal(bb_log_write(log, BB_LOG_INFO, "detail"), 0);
    bb_log_destroy(&log);
}

/* stderr becomes a pipe nobody reads. Without care the test would hang here for ever. */
static void test_a_full_log_stops_nobody(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int before = dup(STDERR_FILENO);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    struct bb_log *log = bb_log_new("test", BB_LOG_INFO);
    for (int i = 0; i < 100000; i++) {
        (void)bb_log_write(log, BB_LOG_INFO, "line %d", i);
    }
    char text[65536];
    assert_true(read(ends[0], text, sizeof text) > 0); /* somebody reads again */
    (void)bb_log_write(log, BB_LOG_INFO, "the last line");
    bb_log_destroy(&log);
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    (void)close(before);
    (void)close(ends[1]);
    char all[262144];
    size_t size = 0;
    ssize_t part;
    while (size < sizeof all - 1 && (part = read(ends[0], all + size, sizeof all - 1 - size)) > 0) {
        size += (size_t)part;
    }
    all[size] = '\0';
    (void)close(ends[0]);
    const char *last = strstr(all, "the last line (before it ");
    assert_non_null(last);
    assert_true(strtoll(last + strlen("the last line (before it "), NULL, 10) > 90000);
}

static void test_levels_have_names(void **state)
{
    (void)state;
    for (int level = BB_LOG_ERROR; level <= BB_LOG_DEBUG; level++) {
        assert_int_equal(bb_log_level_parse(bb_log_level_name((enum bb_log_level)level)), level);
    }
    assert_int_equal(bb_log_level_parse("loud"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_that_repeats_is_counted),
        cmocka_unit_test(test_unimportant_lines_are_dropped),
        cmocka_unit_test(test_a_full_log_stops_nobody),
        cmocka_unit_test(test_levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
