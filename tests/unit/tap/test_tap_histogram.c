#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/tap/histogram.h"

static void test_empty_has_no_quantile(void **state)
{
    (void)state;
    struct bb_histogram histogram = {0};
    assert_int_equal(bb_histogram_quantile(&histogram, 500), -1);
}

static void test_small_values_are_exact(void **state)
{
    (void)state;
    struct bb_histogram histogram = {0};
    for (int i = 1; i <= 50; i++) {
        bb_histogram_add(&histogram, i);
    }
    assert_int_equal(bb_histogram_quantile(&histogram, 500), 25);
    assert_int_equal(bb_histogram_quantile(&histogram, 990), 50);
    assert_int_equal(bb_histogram_quantile(&histogram, 0), 1);
    assert_int_equal(histogram.max, 50);
    assert_int_equal(histogram.count, 50);
}

static void test_large_values_within_three_percent(void **state)
{
    (void)state;
    for (int64_t value = 1; value < (INT64_C(1) << 32); value += value / 3 + 1) {
        struct bb_histogram histogram = {0};
        bb_histogram_add(&histogram, value);
        int64_t told = bb_histogram_quantile(&histogram, 990);
        assert_true(told <= value);
        assert_true(value - told <= value * 32 / 1000);
    }
}

static void test_values_beyond_the_scale(void **state)
{
    (void)state;
    struct bb_histogram histogram = {0};
    bb_histogram_add(&histogram, -5);
    assert_int_equal(bb_histogram_quantile(&histogram, 500), 0);
    bb_histogram_add(&histogram, INT64_MAX);
    assert_int_equal(histogram.max, INT64_MAX);
    assert_true(bb_histogram_quantile(&histogram, 1000) > INT64_C(4000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_has_no_quantile),
        cmocka_unit_test(test_small_values_are_exact),
        cmocka_unit_test(test_large_values_within_three_percent),
        cmocka_unit_test(test_values_beyond_the_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
