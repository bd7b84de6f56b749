#include "support.h"

#include "services/aggregator/ceiling.h"

#define HOLD_MS 60000
#define RATE 0.001

static enum bb_ceiling_step run(struct bb_ceiling *ceiling, double target, double allowed,
                                int seconds)
{
    enum bb_ceiling_step step = BB_CEILING_FREE;
    for (int i = 0; i < seconds; i++) {
        step = bb_ceiling_update(ceiling, target, allowed, HOLD_MS, RATE, 1000);
    }
    return step;
}

static void test_follows_its_target(void **state)
{
    (void)state;
    struct bb_ceiling ceiling = {0};
    assert_int_equal(run(&ceiling, 55.2, 55.2, 1), BB_CEILING_FREE);
    assert_near(ceiling.volts, 55.2, 0);
    assert_int_equal(run(&ceiling, 54.0, 55.2, 1), BB_CEILING_FREE);
    assert_near(ceiling.volts, 54.0, 0);
    assert_int_equal(run(&ceiling, 55.2, 55.2, 1), BB_CEILING_FREE);
    assert_near(ceiling.volts, 55.2, 0);
}

/* Limited to 54.22 V; the high cell is gone from then on: a minute nothing, then 1 mV/s. */
static void test_reduction_hold_and_ramp(void **state)
{
    (void)state;
    struct bb_ceiling ceiling = {0};
    (void)run(&ceiling, 55.2, 55.2, 1);
    assert_int_equal(run(&ceiling, 55.2, 54.22, 1), BB_CEILING_LIMITED);
    assert_int_equal(run(&ceiling, 55.2, 55.2, 59), BB_CEILING_LIMITED);
    assert_near(ceiling.volts, 54.22, 1e-9);
    assert_int_equal(run(&ceiling, 55.2, 55.2, 1 + 151), BB_CEILING_RECOVERING);
    assert_near(ceiling.volts, 54.371, 1e-6);
    (void)run(&ceiling, 55.2, 55.2, 280);
    assert_near(ceiling.volts, 54.651, 1e-6);
    (void)run(&ceiling, 55.2, 55.2, 560);
    assert_near(ceiling.volts, 55.2, 0);
    assert_false(ceiling.limited);
}

static void test_constant_reduction_stays(void **state)
{
    (void)state;
    struct bb_ceiling ceiling = {0};
    (void)run(&ceiling, 55.2, 55.2, 1);
    for (int i = 0; i < 600; i++) {
        double jitter = i % 2 == 0 ? 0.0001 : -0.0001;
        assert_int_equal(run(&ceiling, 55.2, 54.4501 + jitter, 1), BB_CEILING_LIMITED);
        assert_near(ceiling.volts, 54.45, 0.0002);
    }
}

static void test_ramp_stays_below_what_is_allowed(void **state)
{
    (void)state;
    struct bb_ceiling ceiling = {0};
    (void)run(&ceiling, 55.2, 54.0, 1);
    (void)run(&ceiling, 55.2, 54.3, 3600);
    assert_near(ceiling.volts, 54.3, 0.0006);
}

static void test_new_reduction_counts_at_once(void **state)
{
    (void)state;
    struct bb_ceiling ceiling = {0};
    (void)run(&ceiling, 55.2, 54.5, 1);
    (void)run(&ceiling, 55.2, 55.2, 200);
    (void)run(&ceiling, 55.2, 54.1, 1);
    assert_near(ceiling.volts, 54.1, 0);
    (void)run(&ceiling, 55.2, 55.2, 59);
    assert_near(ceiling.volts, 54.1, 0);
}

static void test_rate_zero_jumps_after_the_hold(void **state)
{
    (void)state;
    struct bb_ceiling ceiling = {0};
    (void)bb_ceiling_update(&ceiling, 55.2, 54.5, HOLD_MS, 0, 0);
    for (int i = 0; i < 59; i++) {
        (void)bb_ceiling_update(&ceiling, 55.2, 55.2, HOLD_MS, 0, 1000);
    }
    assert_near(ceiling.volts, 54.5, 0);
    (void)bb_ceiling_update(&ceiling, 55.2, 55.2, HOLD_MS, 0, 1000);
    assert_near(ceiling.volts, 55.2, 0);
}

/* Down to float with a hold pending: the way back to bulk is by ramp. */
static void test_pending_reduction_survives_a_short_float(void **state)
{
    (void)state;
    struct bb_ceiling ceiling = {0};
    (void)run(&ceiling, 55.2, 54.5, 1);
    (void)run(&ceiling, 54.0, 55.2, 10);
    assert_near(ceiling.volts, 54.0, 0);
    (void)run(&ceiling, 55.2, 55.2, 30);
    assert_near(ceiling.volts, 54.0, 0);
    (void)run(&ceiling, 55.2, 55.2, 100);
    assert_true(ceiling.volts > 54.0 && ceiling.volts < 54.2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows_its_target),
        cmocka_unit_test(test_reduction_hold_and_ramp),
        cmocka_unit_test(test_constant_reduction_stays),
        cmocka_unit_test(test_ramp_stays_below_what_is_allowed),
        cmocka_unit_test(test_new_reduction_counts_at_once),
        cmocka_unit_test(test_rate_zero_jumps_after_the_hold),
        cmocka_unit_test(test_pending_reduction_survives_a_short_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
