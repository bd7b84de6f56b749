#include "support.h"

#include "services/aggregator/contradiction.h"

static const double limits[BB_DIRECTIONS] = {50, 60};

static struct bb_contradiction_view after(struct bb_contradictions *state,
                                          const struct bb_facts *facts, int seconds)
{
    struct bb_charge_config config = charge_config("");
    struct bb_contradiction_view view = {0};
    for (int i = 0; i < seconds; i++) {
        bb_contradictions_update(state, &config, facts, limits, 1000, &view);
    }
    return view;
}

static void test_lasts(void **state)
{
    (void)state;
    int64_t lasted_ms = -1;
    assert_false(bb_lasts(&lasted_ms, true, 3000, 1000));
    assert_false(bb_lasts(&lasted_ms, true, 3000, 2999));
    assert_true(bb_lasts(&lasted_ms, true, 3000, 1));
    assert_false(bb_lasts(&lasted_ms, false, 3000, 1000));
    assert_false(bb_lasts(&lasted_ms, true, 3000, 10000));
}

static void test_voltages_exclude_each_other_after_ten_seconds(void **state)
{
    (void)state;
    struct bb_contradictions timers;
    bb_contradictions_init(&timers);
    struct bb_facts facts = {.deviation = 0.11, .deviates = true};
    assert_true(after(&timers, &facts, 10).voltages_differ);
    assert_false(after(&timers, &facts, 0).voltages_exclude);
    assert_true(after(&timers, &facts, 1).voltages_exclude);
    facts.deviation = 0.05;
    assert_false(after(&timers, &facts, 1).voltages_exclude);
}

static void test_current_through_an_open_switch(void **state)
{
    (void)state;
    struct bb_contradictions timers;
    bb_contradictions_init(&timers);
    struct bb_facts facts = {.current_valid = true, .raw_current = 1.5};
    facts.fet[BB_CHARGING] = BB_FET_OPEN;
    facts.fet[BB_DISCHARGING] = BB_FET_OPEN;
    assert_false(after(&timers, &facts, 10).fet_disbelieved[BB_CHARGING]);
    struct bb_contradiction_view view = after(&timers, &facts, 1);
    assert_true(view.fet_disbelieved[BB_CHARGING]);
    assert_false(view.fet_disbelieved[BB_DISCHARGING]);
    facts.raw_current = -1.5;
    assert_true(after(&timers, &facts, 11).fet_disbelieved[BB_DISCHARGING]);
    facts.current_valid = false;
    assert_false(after(&timers, &facts, 1).fet_disbelieved[BB_DISCHARGING]);
}

static void test_limit_not_obeyed(void **state)
{
    (void)state;
    struct bb_contradictions timers;
    bb_contradictions_init(&timers);
    struct bb_facts facts = {.current_valid = true, .raw_current = 57.1};
    assert_int_equal(after(&timers, &facts, 30).excess_level[BB_CHARGING], 0);
    assert_int_equal(after(&timers, &facts, 1).excess_level[BB_CHARGING], 1);
    assert_int_equal(after(&timers, &facts, 270).excess_level[BB_CHARGING], 2);
    facts.raw_current = 56.9;
    assert_int_equal(after(&timers, &facts, 60).excess_level[BB_CHARGING], 0);
    facts.raw_current = -68.1;
    assert_int_equal(after(&timers, &facts, 31).excess_level[BB_DISCHARGING], 1);
}

static void test_doubtful_soc(void **state)
{
    (void)state;
    struct bb_contradictions timers;
    bb_contradictions_init(&timers);
    struct bb_facts facts = {.cells_valid = true,
                             .current_valid = true,
                             .soc_valid = true,
                             .soc = 100.0,
                             .max_v = 3.33,
                             .min_v = 3.30,
                             .raw_current = 10.0};
    assert_true(after(&timers, &facts, 1).soc_doubtful);
    facts.raw_current = -10.0;
    assert_false(after(&timers, &facts, 1).soc_doubtful);
    facts.soc = 0.0;
    assert_true(after(&timers, &facts, 1).soc_doubtful);
    facts.min_v = 3.1;
    assert_false(after(&timers, &facts, 1).soc_doubtful);
    facts.cells_valid = false;
    assert_false(after(&timers, &facts, 1).soc_doubtful);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lasts),
        cmocka_unit_test(test_voltages_exclude_each_other_after_ten_seconds),
        cmocka_unit_test(test_current_through_an_open_switch),
        cmocka_unit_test(test_limit_not_obeyed),
        cmocka_unit_test(test_doubtful_soc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
