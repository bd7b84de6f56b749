#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

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
        cmocka_unit_test(test_levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
