#include "support.h"

#include <math.h>

#include "services/aggregator/limit.h"

static const struct bb_limit_rule usual = {
    .threshold_a = 0.75, .band_a = 2.5, .hold_ms = 30000, .rate_a_per_s = 5};

/* seconds evaluations, one per second, of a constant target. */
static enum bb_limit_step run(struct bb_limit *limit, const struct bb_limit_rule *rule,
                              double target, int seconds)
{
    enum bb_limit_step step = BB_LIMIT_AT_TARGET;
    for (int i = 0; i < seconds; i++) {
        step = bb_limit_update(limit, rule, target, 1000);
    }
    return step;
}

static void test_first_target_is_taken(void **state)
{
    (void)state;
    struct bb_limit limit = {0};
    assert_int_equal(bb_limit_update(&limit, &usual, 50, 0), BB_LIMIT_AT_TARGET);
    assert_near(limit.amps, 50, 0);
}

static void test_falls_at_once(void **state)
{
    (void)state;
    struct bb_limit limit = {0};
    (void)bb_limit_update(&limit, &usual, 50, 0);
    assert_int_equal(bb_limit_update(&limit, &usual, 12.5, 1000), BB_LIMIT_AT_TARGET);
    assert_near(limit.amps, 12.5, 0);
    assert_int_equal(bb_limit_update(&limit, &usual, 0, 1000), BB_LIMIT_AT_TARGET);
    assert_near(limit.amps, 0, 0);
}

/* 0 A by frost, warm from then on: 30 s nothing, then 5 A/s. */
static void test_hold_then_ramp(void **state)
{
    (void)state;
    struct bb_limit limit = {0};
    (void)bb_limit_update(&limit, &usual, 0, 0);
    assert_int_equal(run(&limit, &usual, 50, 30), BB_LIMIT_HELD);
    assert_near(limit.amps, 0, 0);
    assert_int_equal(run(&limit, &usual, 50, 1), BB_LIMIT_RISING);
    assert_near(limit.amps, 0, 0);
    assert_int_equal(run(&limit, &usual, 50, 4), BB_LIMIT_RISING);
    assert_near(limit.amps, 20, 1e-9);
    assert_int_equal(run(&limit, &usual, 50, 6), BB_LIMIT_AT_TARGET);
    assert_near(limit.amps, 50, 0);
}

static void test_ramp_does_not_depend_on_the_period(void **state)
{
    (void)state;
    struct bb_limit limit = {0};
    (void)bb_limit_update(&limit, &usual, 0, 0);
    (void)bb_limit_update(&limit, &usual, 50, 200);
    for (int i = 0; i < 150 + 20; i++) {
        (void)bb_limit_update(&limit, &usual, 50, 200);
    }
    assert_near(limit.amps, 20, 1e-6);
}

static void test_dip_restarts_the_hold(void **state)
{
    (void)state;
    struct bb_limit limit = {0};
    (void)bb_limit_update(&limit, &usual, 0, 0);
    (void)run(&limit, &usual, 50, 25);
    (void)run(&limit, &usual, 0, 1);
    (void)run(&limit, &usual, 50, 30);
    assert_near(limit.amps, 0, 0);
    (void)run(&limit, &usual, 50, 3);
    assert_true(limit.amps > 0);
}

static void test_threshold_keeps_zero(void **state)
{
    (void)state;
    struct bb_limit limit = {0};
    (void)bb_limit_update(&limit, &usual, 0, 0);
    assert_int_equal(run(&limit, &usual, 0.7, 300), BB_LIMIT_HELD);
    assert_near(limit.amps, 0, 0);
    (void)run(&limit, &usual, 0.75, 40);
    assert_near(limit.amps, 0.75, 1e-9);
    (void)run(&limit, &usual, 0.3, 1);
    assert_near(limit.amps, 0.3, 1e-9); /* no latch while current was allowed */
}

/* The limit only ever reaches what has lasted through the hold. */
static void test_rises_to_what_lasted(void **state)
{
    (void)state;
    struct bb_limit limit = {0};
    (void)bb_limit_update(&limit, &usual, 10, 0);
    (void)run(&limit, &usual, 20, 25);
    (void)run(&limit, &usual, 50, 15);
    assert_true(limit.amps <= 20);
    (void)run(&limit, &usual, 50, 40);
    assert_near(limit.amps, 50, 0);
}

/* A target that climbs all the time is followed, half a minute late. */
static void test_follows_a_slow_climb(void **state)
{
    (void)state;
    struct bb_limit limit = {0};
    double target = 5;
    (void)bb_limit_update(&limit, &usual, target, 0);
    for (int i = 0; i < 300; i++) {
        target += 0.1;
        (void)bb_limit_update(&limit, &usual, target, 1000);
        assert_true(limit.amps <= target);
    }
    assert_true(limit.amps >= target - 0.1 * 40 - usual.band_a);
}

static void test_without_ramp_or_hold(void **state)
{
    (void)state;
    struct bb_limit_rule jump = usual;
    jump.rate_a_per_s = 0;
    struct bb_limit limit = {0};
    (void)bb_limit_update(&limit, &jump, 0, 0);
    (void)run(&limit, &jump, 50, 30);
    assert_near(limit.amps, 0, 0);
    (void)run(&limit, &jump, 50, 1);
    assert_near(limit.amps, 50, 0);
    jump.hold_ms = 0;
    (void)run(&limit, &jump, 10, 1);
    (void)run(&limit, &jump, 50, 1);
    assert_near(limit.amps, 50, 0);
}

static void test_nonsense_counts_as_zero(void **state)
{
    (void)state;
    const double nonsense[] = {NAN, INFINITY, -INFINITY, -3};
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        struct bb_limit limit = {0};
        (void)bb_limit_update(&limit, &usual, 50, 0);
        (void)bb_limit_update(&limit, &usual, nonsense[i], 1000);
        assert_near(limit.amps, 0, 0);
    }
    assert_near(bb_amps_round(NAN), 0, 0);
    assert_near(bb_amps_round(1.23456), 1.235, 1e-12);
}

static void test_restored_limit_holds(void **state)
{
    (void)state;
    struct bb_limit limit;
    bb_limit_restore(&limit, 12.5);
    (void)run(&limit, &usual, 50, 30);
    assert_near(limit.amps, 12.5, 0);
    (void)run(&limit, &usual, 8, 1);
    assert_near(limit.amps, 8, 0);
}

/* Cells that jitter by 3 mV on the steepest part of the default curve move the target by a fifth
 * of the maximum; the limit must not follow. */
static void test_jitter_changes_little(void **state)
{
    (void)state;
    uint32_t jitter = 7;
    struct bb_limit limit = {0};
    int changes = 0;
    for (int second = 0; second < 3600; second++) {
        jitter = jitter * 1664525 + 1013904223;
        double target = 30 + 1.5 * (double)(jitter >> 16) / 65536 * 6 - 4.5;
        double before = limit.amps;
        (void)bb_limit_update(&limit, &usual, target, second == 0 ? 0 : 1000);
        changes += limit.amps != before ? 1 : 0;
    }
    assert_true(changes <= 12);
    assert_true(limit.amps <= 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_target_is_taken),
        cmocka_unit_test(test_falls_at_once),
        cmocka_unit_test(test_hold_then_ramp),
        cmocka_unit_test(test_ramp_does_not_depend_on_the_period),
        cmocka_unit_test(test_dip_restarts_the_hold),
        cmocka_unit_test(test_threshold_keeps_zero),
        cmocka_unit_test(test_rises_to_what_lasted),
        cmocka_unit_test(test_follows_a_slow_climb),
        cmocka_unit_test(test_without_ramp_or_hold),
        cmocka_unit_test(test_nonsense_counts_as_zero),
        cmocka_unit_test(test_restored_limit_holds),
        cmocka_unit_test(test_jitter_changes_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
