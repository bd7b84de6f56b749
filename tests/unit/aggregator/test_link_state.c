#include "support.h"

#include <string.h>

#include "proto/deadlines.h"
#include "services/aggregator/link_state.h"

static const struct bb_cell_range harmless = {.known = true, .min_v = 3.29, .max_v = 3.31};
static const struct bb_cell_range nearly_full = {.known = true, .min_v = 3.30, .max_v = 3.375};
static const struct bb_cell_range nearly_empty = {.known = true, .min_v = 3.225, .max_v = 3.30};
static const struct bb_cell_range unknown = {.known = false};

static struct bb_link_view silent_for(const struct bb_charge_config *config,
                                      struct bb_cell_range cells, int64_t age_ms)
{
    return bb_link_view_at(config, true, START_MS, 1000, cells, START_MS + age_ms);
}

static void test_never_seen_is_blocked(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config("");
    struct bb_link_view view = bb_link_view_at(&config, false, 0, 0, unknown, START_MS);
    assert_int_equal(view.state, BB_LINK_NEVER_SEEN);
    assert_true(view.blocked);
    assert_int_equal(view.bms_cable, 0);
}

static void test_stale_is_only_a_mark(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config("block_on_disconnect = yes");
    assert_int_equal(silent_for(&config, unknown, BB_STALE_MIN_MS - 1).state, BB_LINK_ONLINE);
    struct bb_link_view view = silent_for(&config, unknown, BB_STALE_MIN_MS);
    assert_int_equal(view.state, BB_LINK_STALE);
    assert_false(view.blocked);
    assert_int_equal(silent_for(&config, unknown, BB_LOST_MIN_MS - 1).state, BB_LINK_STALE);
}

static void test_slow_pollers_get_three_periods(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config("");
    assert_int_equal(
        bb_link_view_at(&config, true, START_MS, 4000, harmless, START_MS + 11999).state,
        BB_LINK_ONLINE);
    assert_int_equal(
        bb_link_view_at(&config, true, START_MS, 4000, harmless, START_MS + 12000).state,
        BB_LINK_LOST);
    assert_int_equal(
        bb_link_view_at(&config, true, START_MS, 86400000, harmless, START_MS + 15000).state,
        BB_LINK_LOST);
}

static void test_lost_outside_the_window_blocks_at_once(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config("");
    assert_true(silent_for(&config, nearly_full, BB_LOST_MIN_MS).blocked);
    assert_true(silent_for(&config, nearly_empty, BB_LOST_MIN_MS).blocked);
    assert_true(silent_for(&config, unknown, BB_LOST_MIN_MS).blocked);
    assert_false(silent_for(&config, harmless, BB_LOST_MIN_MS).blocked);
    struct bb_charge_config strict = charge_config("block_on_disconnect = yes");
    assert_true(silent_for(&strict, harmless, BB_LOST_MIN_MS).blocked);
}

static void test_time_out_and_cable_alarm(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config("block_on_disconnect_timeout_minutes = 2");
    assert_int_equal(silent_for(&config, harmless, 60000).bms_cable, 0);
    assert_int_equal(silent_for(&config, harmless, 60001).bms_cable, 1);
    assert_false(silent_for(&config, harmless, 119999).blocked);
    struct bb_link_view view = silent_for(&config, harmless, 120000);
    assert_true(view.blocked);
    assert_true(view.gave_up);
    assert_int_equal(view.bms_cable, 2);
    assert_int_equal(silent_for(&config, unknown, 60001).bms_cable, 2);
    assert_false(silent_for(&config, unknown, 60000).gave_up);
}

static void test_cable_alarm_can_be_switched_off(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config("bms_cable_alarm = no");
    struct bb_link_view view = silent_for(&config, unknown, 3600000);
    assert_int_equal(view.bms_cable, 0);
    assert_true(view.blocked);
}

static void test_a_reading_from_the_future_is_only_fresh(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config("");
    assert_int_equal(silent_for(&config, harmless, -5000).age_ms, 0);
}

static void test_texts(void **state)
{
    (void)state;
    assert_string_equal(bb_link_state_text(BB_LINK_NEVER_SEEN), "never_seen");
    assert_string_equal(bb_link_state_text(BB_LINK_ONLINE), "online");
    assert_string_equal(bb_link_state_text(BB_LINK_STALE), "stale");
    assert_string_equal(bb_link_state_text(BB_LINK_LOST), "lost");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_seen_is_blocked),
        cmocka_unit_test(test_stale_is_only_a_mark),
        cmocka_unit_test(test_slow_pollers_get_three_periods),
        cmocka_unit_test(test_lost_outside_the_window_blocks_at_once),
        cmocka_unit_test(test_time_out_and_cable_alarm),
        cmocka_unit_test(test_cable_alarm_can_be_switched_off),
        cmocka_unit_test(test_a_reading_from_the_future_is_only_fresh),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
