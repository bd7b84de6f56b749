/* Lost polls: at random they change nothing, and silence is noticed on time, every time. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/deadlines.h"

#define DAY_S 86400
#define LOSS 10 /* percent of all polls */

static struct bench bench;
static uint64_t random_state;

static uint32_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

static void begin(const char *options, double cell_v, uint64_t seed)
{
    random_state = seed * 0x9E3779B97F4A7C15ULL + 1;
    struct bb_charge_config config = charge_config(options);
    struct bb_battery pack = healthy_pack(cell_v);
    bench_init(&bench, &config, &pack);
    bench_evaluate(&bench, true);
    bench_run(&bench, 60);
}

static void run_a_day(const char *options, double cell_v, uint64_t seed)
{
    begin(options, cell_v, seed);
    const double cvl = cvl_of(&bench);
    const double ccl = ccl_of(&bench);
    const double dcl = dcl_of(&bench);
    assert_true(dcl > 0);
    for (int second = 0; second < DAY_S; second++) {
        bench.now_ms += 1000;
        bench_evaluate(&bench, draw() % 100 >= LOSS);
        if (bench.decision.link.state == BB_LINK_LOST || cvl_of(&bench) != cvl ||
            ccl_of(&bench) != ccl || dcl_of(&bench) != dcl ||
            bench.decision.charge.bms_cable.value != 0) {
            fail_msg("seed %llu, %d s: link %s, %.3f V, %.3f A, %.3f A", (unsigned long long)seed,
                     second, bench.decision.charge.link, cvl_of(&bench), ccl_of(&bench),
                     dcl_of(&bench));
        }
    }
}

static void test_a_day_with_a_tenth_of_the_polls_lost(void **state)
{
    (void)state;
    run_a_day("", 3.30, 1);
    run_a_day("", 3.42, 2); /* nearly full: outside the harmless window */
    run_a_day("block_on_disconnect = yes", 3.30, 3);
}

/* From the last good reading: stale within 5 s, limits gone within 10 s, alarm after a minute,
 * whatever losses came before. */
static void test_silence_is_noticed_on_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        begin("", 3.42, seed);
        for (uint32_t second = 0; second < 30 + draw() % 60; second++) {
            bench.now_ms += 1000;
            bench_evaluate(&bench, draw() % 100 >= LOSS);
        }
        bench.now_ms += 1000;
        bench_evaluate(&bench, true);
        int64_t last_ms = bench.now_ms;
        while (bench.now_ms - last_ms < 70000) {
            bench.now_ms += 200;
            bench_evaluate(&bench, false);
            int64_t age_ms = bench.now_ms - last_ms;
            const char *link = bench.decision.charge.link;
            const char *expected = age_ms >= BB_LOST_MIN_MS    ? "lost"
                                   : age_ms >= BB_STALE_MIN_MS ? "stale"
                                                               : "online";
            if (strcmp(link, expected) != 0) {
                fail_msg("seed %llu: %lld ms: %s", (unsigned long long)seed, (long long)age_ms,
                         link);
            }
            bool blocked = age_ms >= BB_LOST_MIN_MS;
            assert_int_equal(dcl_of(&bench) <= 0, blocked);
            assert_int_equal(ccl_of(&bench) <= 0, blocked);
            assert_int_equal(bench.decision.charge.bms_cable.value > 0, age_ms > BB_CABLE_ALARM_MS);
        }
    }
}

/* With cells that jitter by 3 mV on the steep part of the curve and a tenth of the polls lost. */
static void test_noise_moves_a_limit_seldom(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        begin("", 3.39, seed);
        bench_run(&bench, 5);
        int changes = 0;
        for (int second = 0; second < 3600; second++) {
            double before = ccl_of(&bench);
            for (unsigned cell = 1; cell <= 16; cell++) {
                set_cell(&bench.snapshot.battery, cell, 3.387 + 0.001 * (double)(draw() % 7));
            }
            bench.now_ms += 1000;
            bench_evaluate(&bench, draw() % 100 >= LOSS);
            changes += ccl_of(&bench) != before ? 1 : 0;
        }
        if (changes > 12) {
            fail_msg("seed %llu: %d changes in an hour", (unsigned long long)seed, changes);
        }
    }
}

static void test_steady_input_gives_steady_limits(void **state)
{
    (void)state;
    begin("", 3.41, 1);
    double ccl = ccl_of(&bench);
    for (int second = 0; second < 3600; second++) {
        bench_run(&bench, 1);
        assert_near(ccl_of(&bench), ccl, 0);
        assert_near(cvl_of(&bench), 55.2, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_day_with_a_tenth_of_the_polls_lost),
        cmocka_unit_test(test_silence_is_noticed_on_time),
        cmocka_unit_test(test_noise_moves_a_limit_seldom),
        cmocka_unit_test(test_steady_input_gives_steady_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
