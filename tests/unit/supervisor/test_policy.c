#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>

#include "proto/deadlines.h"
#include "supervisor/policy.h"

static void test_waits_longer_and_longer(void **state)
{
    (void)state;
    static const int64_t delays[] = {0, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    unsigned streak = 0;
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        struct bb_restart restart = bb_policy_restart(streak, BB_END_CRASHED, 0);
        assert_int_equal(restart.delay_ms, delays[i]);
        assert_int_equal(restart.streak, streak + 1);
        streak = restart.streak;
    }
}

static void test_health_ends_the_streak(void **state)
{
    (void)state;
    struct bb_restart restart = bb_policy_restart(9, BB_END_CRASHED, BB_HEALTHY_MS);
    assert_int_equal(restart.delay_ms, 0);
    assert_int_equal(restart.streak, 1);
    restart = bb_policy_restart(9, BB_END_CRASHED, BB_HEALTHY_MS - 1);
    assert_int_equal(restart.delay_ms, BB_RESTART_MAX_MS);
}

static void test_wrong_configuration_waits_at_once(void **state)
{
    (void)state;
    assert_int_equal(bb_policy_restart(0, BB_END_CONFIG, 0).delay_ms, BB_RESTART_MAX_MS);
    assert_int_equal(bb_policy_restart(3, BB_END_CONFIG, BB_HEALTHY_MS).delay_ms,
                     BB_RESTART_MAX_MS);
}

static void test_never_gives_up(void **state)
{
    (void)state;
    struct bb_restart restart = bb_policy_restart(UINT_MAX, BB_END_CRASHED, 0);
    assert_int_equal(restart.delay_ms, BB_RESTART_MAX_MS);
    assert_int_equal(restart.streak, UINT_MAX);
}

/* A virtual day in which a process dies whenever it has lived for life_ms: the number of starts
 * stays bounded, and a process that lives for a minute is always back at once. */
static void test_a_day_of_deaths(void **state)
{
    (void)state;
    static const int64_t lives_ms[] = {0, 10, 900, 59999, 60000, 3600000};
    enum { DAY_MS = 86400000 };
    for (size_t i = 0; i < sizeof lives_ms / sizeof lives_ms[0]; i++) {
        unsigned streak = 0;
        int64_t now_ms = 0;
        int64_t longest_ms = 0;
        int64_t starts = 0;
        while (now_ms < DAY_MS) {
            now_ms += lives_ms[i];
            struct bb_restart restart = bb_policy_restart(streak, BB_END_CRASHED, lives_ms[i]);
            streak = restart.streak;
            now_ms += restart.delay_ms;
            longest_ms = restart.delay_ms > longest_ms ? restart.delay_ms : longest_ms;
            starts++;
        }
        assert_true(starts <= DAY_MS / BB_RESTART_MAX_MS + 10);
        assert_true(starts >= DAY_MS / (lives_ms[i] + BB_RESTART_MAX_MS));
        assert_int_equal(longest_ms, lives_ms[i] >= BB_HEALTHY_MS ? 0 : BB_RESTART_MAX_MS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits_longer_and_longer),
        cmocka_unit_test(test_health_ends_the_streak),
        cmocka_unit_test(test_wrong_configuration_waits_at_once),
        cmocka_unit_test(test_never_gives_up),
        cmocka_unit_test(test_a_day_of_deaths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
