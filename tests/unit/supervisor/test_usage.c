#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "proto/error.h"
#include "supervisor/usage.h"

/* A real line with a name that tries to look like the rest of it. */
#define LINE                                                                                       \
    "4242 (bus) R 1 (x) S 4200 4242 4242 0 -1 4194304 1563 0 2 0 150 25 0 0 20 0 3 0 81 "          \
    "273547264 1954 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0"

static void test_reads_time_and_memory(void **state)
{
    (void)state;
    struct bb_usage usage;
    assert_int_equal(bb_usage_parse(LINE, 100, 4, &usage), BB_OK);
    assert_int_equal(usage.cpu_ms, 1750);
    assert_int_equal(usage.resident_kb, 1954 * 4);
}

static void test_refuses_what_is_cut_or_absurd(void **state)
{
    (void)state;
    struct bb_usage usage = {.cpu_ms = -7};
    static const char line[] = LINE;
    const char *end = strstr(line, " 1954");
    for (size_t size = 0; line + size <= end; size++) {
        char cut[sizeof line];
        memcpy(cut, line, size);
        cut[size] = '\0';
        assert_true(bb_usage_parse(cut, 100, 4, &usage) < 0);
    }
    assert_int_equal(
        bb_usage_parse("1 (x) S 1 1 1 0 -1 0 0 0 0 0 -5 25 0 0 20 0 3 0 81 1 1", 100, 4, &usage),
        BB_ERR_MALFORMED);
    assert_int_equal(bb_usage_parse("1 (x) S 1 1 1 0 -1 0 0 0 0 0 9223372036854775807 25 0 0 20 0 "
                                    "3 0 81 1 1",
                                    100, 4, &usage),
                     BB_ERR_RANGE);
    assert_int_equal(usage.cpu_ms, -7);
}

static void test_reads_a_real_process(void **state)
{
    (void)state;
    struct bb_usage usage;
    assert_int_equal(bb_usage_read(getpid(), &usage), BB_OK);
    assert_true(usage.resident_kb > 100);
    assert_true(usage.cpu_ms >= 0);
    int64_t proportional_kb = bb_usage_proportional_kb(getpid());
    assert_true(proportional_kb == -1 || proportional_kb > 0);
    assert_int_equal(bb_usage_read(0x7ffffff0, &usage), BB_ERR_IO);
    assert_int_equal(bb_usage_proportional_kb(0x7ffffff0), -1);
}

static void test_percent_is_over_the_last_seconds(void **state)
{
    (void)state;
    struct bb_meter meter = {0};
    double percent = -1;
    assert_false(bb_meter_percent(&meter, 5, 0, 1000, &percent));
    bb_meter_sample(&meter, 5, 100, 1000);
    assert_false(bb_meter_percent(&meter, 5, 100, 1000, &percent)); /* no time has passed */
    assert_true(bb_meter_percent(&meter, 5, 350, 1500, &percent));
    assert_float_equal(percent, 50.0, 1e-9);
    /* Busy at first, idle since: after two periods only the idle time counts. */
    bb_meter_sample(&meter, 5, 5100, 1000 + BB_METER_MS);
    bb_meter_sample(&meter, 5, 5100, 1000 + 2 * BB_METER_MS);
    bb_meter_sample(&meter, 5, 5100, 1000 + 3 * BB_METER_MS);
    assert_true(bb_meter_percent(&meter, 5, 5100, 1000 + 3 * BB_METER_MS, &percent));
    assert_float_equal(percent, 0.0, 1e-9);
}

static void test_another_process_starts_over(void **state)
{
    (void)state;
    struct bb_meter meter = {0};
    double percent;
    bb_meter_sample(&meter, 5, 100000, 1000);
    assert_false(bb_meter_percent(&meter, 6, 10, 9000, &percent));
    bb_meter_sample(&meter, 6, 10, 9000);
    assert_true(bb_meter_percent(&meter, 6, 20, 10000, &percent));
    assert_float_equal(percent, 1.0, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_time_and_memory),
        cmocka_unit_test(test_refuses_what_is_cut_or_absurd),
        cmocka_unit_test(test_reads_a_real_process),
        cmocka_unit_test(test_percent_is_over_the_last_seconds),
        cmocka_unit_test(test_another_process_starts_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
