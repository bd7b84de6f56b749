#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/error.h"
#include "supervisor/notice.h"

static int parse(const char *text, struct bb_notice *ret_notice)
{
    return bb_notice_parse(text, strlen(text), ret_notice);
}

static void test_reads_each_assignment(void **state)
{
    (void)state;
    struct bb_notice notice;
    assert_int_equal(parse("READY=1\nSTATUS=polling 3 batteries\nWATCHDOG=1\n"
                           "X_BUSBAR_MESSAGES=12 345",
                           &notice),
                     4);
    assert_true(notice.ready);
    assert_true(notice.watchdog);
    assert_true(notice.has_status);
    assert_string_equal(notice.status, "polling 3 batteries");
    assert_true(notice.has_messages);
    assert_int_equal(notice.messages_in, 12);
    assert_int_equal(notice.messages_out, 345);
}

static void test_ignores_what_it_does_not_know_or_understand(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n\n\n",
        "READY",
        "READY=",
        "READY=0",
        "READY=10",
        "ready=1",
        " READY=1",
        "MAINPID=1",
        "WATCHDOG=trigger",
        "=1",
        "X_BUSBAR_MESSAGES=",
        "X_BUSBAR_MESSAGES=1",
        "X_BUSBAR_MESSAGES=1 ",
        "X_BUSBAR_MESSAGES=1 2 3",
        "X_BUSBAR_MESSAGES=-1 2",
        "X_BUSBAR_MESSAGES=1,2",
        "X_BUSBAR_MESSAGES=1 9999999999999999999",
        "STATUS=\xff\xfe",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bb_notice notice;
        assert_int_equal(parse(texts[i], &notice), 0);
        assert_false(notice.ready || notice.watchdog || notice.has_status || notice.has_messages);
    }
}

static void test_one_bad_line_spoils_no_other(void **state)
{
    (void)state;
    struct bb_notice notice;
    assert_int_equal(parse("FDSTORE=1\nX_BUSBAR_MESSAGES=x\nREADY=1", &notice), 1);
    assert_true(notice.ready);
    assert_false(notice.has_messages);
}

static void test_status_is_fit_for_a_terminal(void **state)
{
    (void)state;
    struct bb_notice notice;
    assert_int_equal(parse("STATUS=a\x1b[31m\tb\x7f", &notice), 1);
    assert_string_equal(notice.status, "a [31m b ");
    assert_int_equal(parse("STATUS=", &notice), 1); /* takes the old one back */
    assert_true(notice.has_status);
    assert_string_equal(notice.status, "");
}

static void test_status_is_cut_between_characters(void **state)
{
    (void)state;
    char text[300] = "STATUS=";
    static const char degree[2] = {'\xc2', '\xb0'}; /* an odd number of bytes cuts one in half */
    for (size_t i = 7; i < 207; i += 2) {
        memcpy(text + i, degree, sizeof degree);
    }
    struct bb_notice notice;
    assert_int_equal(parse(text, &notice), 1);
    assert_int_equal(strlen(notice.status), 126);
    assert_memory_equal(notice.status, text + strlen("STATUS="), 126);
}

static void test_refuses_what_is_too_long(void **state)
{
    (void)state;
    static const char text[BB_NOTICE_MAX + 1] = "READY=1";
    struct bb_notice notice = {.ready = false};
    assert_int_equal(bb_notice_parse(text, sizeof text, &notice), BB_ERR_OVERSIZE);
    assert_false(notice.ready);
}

static void test_needs_no_terminating_zero(void **state)
{
    (void)state;
    static const char text[] = {'R', 'E', 'A', 'D', 'Y', '=', '1'};
    struct bb_notice notice;
    assert_int_equal(bb_notice_parse(text, sizeof text, &notice), 1);
    assert_int_equal(bb_notice_parse(text, sizeof text - 1, &notice), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_each_assignment),
        cmocka_unit_test(test_ignores_what_it_does_not_know_or_understand),
        cmocka_unit_test(test_one_bad_line_spoils_no_other),
        cmocka_unit_test(test_status_is_fit_for_a_terminal),
        cmocka_unit_test(test_status_is_cut_between_characters),
        cmocka_unit_test(test_refuses_what_is_too_long),
        cmocka_unit_test(test_needs_no_terminating_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
