/* The dead man on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "proto/deadlines.h"
#include "sample.h"

static struct bb_view view_at(const struct bb_snapshot *snapshot, int64_t now_ms)
{
    struct bb_view view;
    bb_snapshot_view(snapshot, now_ms, SAMPLE_WALL_MS, &view);
    return view;
}

static struct bb_snapshot battery_snapshot(void)
{
    struct bb_snapshot snapshot = {.id = "rack-1"};
    struct bb_message message;
    sample_battery(&message);
    (void)bb_snapshot_take(&snapshot, &message);
    sample_charge(&message);
    (void)bb_snapshot_take(&snapshot, &message);
    return snapshot;
}

static void assert_is_dead_man(const struct bb_view *view, double cvl)
{
    assert_false(view->decided);
    assert_true(view->ccl == 0 && view->dcl == 0);
    assert_true(view->cvl == cvl);
    assert_false(view->allow_charge || view->allow_discharge);
    assert_true(view->bms_cable >= 1);
}

static void test_a_young_decision_is_passed_on(void **state)
{
    (void)state;
    struct bb_snapshot snapshot = battery_snapshot();
    struct bb_view view = view_at(&snapshot, SAMPLE_NOW_MS + BB_DECISION_MAX_AGE_MS);
    assert_true(view.decided && view.reading && !view.lost);
    assert_true(view.cvl == 55.2 && view.ccl == 50 && view.dcl == 60);
    assert_true(view.allow_charge && view.allow_discharge);
    assert_int_equal(view.bms_cable, 0);
}

static void test_an_old_decision_becomes_zero_current(void **state)
{
    (void)state;
    struct bb_snapshot snapshot = battery_snapshot();
    int64_t end_ms = SAMPLE_NOW_MS + BB_DECISION_MAX_AGE_MS + 1;
    struct bb_view view = view_at(&snapshot, end_ms);
    assert_is_dead_man(&view, 53.6);
    assert_int_equal(view.bms_cable, 1);
    view = view_at(&snapshot, SAMPLE_NOW_MS + BB_CABLE_ALARM_MS + 1);
    assert_is_dead_man(&view, 53.6);
    assert_int_equal(view.bms_cable, 2);
}

static void test_the_dead_man_never_raises_the_voltage(void **state)
{
    (void)state;
    struct bb_snapshot snapshot = battery_snapshot();
    struct bb_message message;
    sample_charge(&message);
    message.body.charge.cvl = bb_real(52.9); /* held below float: a cell is too high */
    (void)bb_snapshot_take(&snapshot, &message);
    struct bb_view view = view_at(&snapshot, SAMPLE_NOW_MS + 6000);
    assert_is_dead_man(&view, 52.9);
}

static void test_a_decision_from_the_future_is_not_believed(void **state)
{
    (void)state;
    struct bb_snapshot snapshot = battery_snapshot();
    struct bb_view view = view_at(&snapshot, SAMPLE_NOW_MS - BB_CLOCK_SLACK_MS);
    assert_true(view.decided);
    view = view_at(&snapshot, SAMPLE_NOW_MS - BB_CLOCK_SLACK_MS - 1);
    assert_is_dead_man(&view, 53.6);
    assert_false(view.reading);
}

static void test_an_incomplete_decision_is_none(void **state)
{
    (void)state;
    for (int missing = 0; missing < 4; missing++) {
        struct bb_snapshot snapshot = battery_snapshot();
        struct bb_message message;
        sample_charge(&message);
        struct bb_charge *charge = &message.body.charge;
        struct bb_real *const needed[] = {&charge->cvl, &charge->ccl, &charge->dcl,
                                          &charge->float_voltage};
        needed[missing]->present = false;
        (void)bb_snapshot_take(&snapshot, &message);
        struct bb_view view = view_at(&snapshot, SAMPLE_NOW_MS);
        assert_is_dead_man(&view, 53.6);
    }
}

static void test_a_closed_direction_has_no_current(void **state)
{
    (void)state;
    struct bb_snapshot snapshot = battery_snapshot();
    struct bb_message message;
    sample_charge(&message);
    message.body.charge.allow_charge = bb_flag(false);
    message.body.charge.allow_discharge.present = false;
    (void)bb_snapshot_take(&snapshot, &message);
    struct bb_view view = view_at(&snapshot, SAMPLE_NOW_MS);
    assert_true(view.decided);
    assert_true(view.ccl == 0 && view.dcl == 0);
}

static void test_the_alarm_of_the_decision_is_kept(void **state)
{
    (void)state;
    struct bb_snapshot snapshot = battery_snapshot();
    struct bb_message message;
    sample_charge(&message);
    message.body.charge.bms_cable = bb_integer(2);
    (void)bb_snapshot_take(&snapshot, &message);
    assert_int_equal(view_at(&snapshot, SAMPLE_NOW_MS).bms_cable, 2);
    assert_int_equal(view_at(&snapshot, SAMPLE_NOW_MS + 6000).bms_cable, 2);
}

static void test_a_fresh_decision_ends_the_dead_man(void **state)
{
    (void)state;
    struct bb_snapshot snapshot = battery_snapshot();
    struct bb_message message;
    sample_charge(&message);
    message.head.mono_ms = bb_integer(SAMPLE_NOW_MS + 60000);
    message.body.charge.ccl = bb_real(1);
    (void)bb_snapshot_take(&snapshot, &message);
    struct bb_view view = view_at(&snapshot, SAMPLE_NOW_MS + 60000);
    assert_true(view.decided && view.ccl == 1);
    assert_int_equal(view.bms_cable, 0);
}

static void test_a_reading_ends_when_the_battery_is_lost(void **state)
{
    (void)state;
    struct bb_snapshot snapshot = battery_snapshot();
    int64_t lost_ms = SAMPLE_NOW_MS + bb_lost_after_ms(1000);
    struct bb_view view = view_at(&snapshot, lost_ms - 1);
    assert_true(bb_view_reading(&view));
    view = view_at(&snapshot, lost_ms);
    assert_false(bb_view_reading(&view));
}

static void test_links(void **state)
{
    (void)state;
    static const struct {
        const char *link;
        bool measured;
    } cases[] = {
        {"online", true}, {"stale", true}, {"lost", false}, {"never_seen", false}, {"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bb_snapshot snapshot = battery_snapshot();
        (void)snprintf(snapshot.charge.link, sizeof snapshot.charge.link, "%s", cases[i].link);
        struct bb_view view = view_at(&snapshot, SAMPLE_NOW_MS);
        assert_int_equal(bb_view_measured(&view), cases[i].measured);
        assert_int_equal(bb_view_reading(&view), cases[i].measured);
    }
}

static void test_urgent_news(void **state)
{
    (void)state;
    struct bb_snapshot snapshot = battery_snapshot();
    struct bb_message message;
    sample_charge(&message);
    struct bb_charge *charge = &message.body.charge;
    assert_false(bb_snapshot_take(&snapshot, &message));
    charge->ccl = bb_real(51);
    charge->voltage = bb_real(1);
    assert_false(bb_snapshot_take(&snapshot, &message)); /* a limit that rises can wait */
    charge->ccl = bb_real(50);
    assert_true(bb_snapshot_take(&snapshot, &message));
    charge->dcl.present = false;
    assert_true(bb_snapshot_take(&snapshot, &message));
    charge->dcl = bb_real(60);
    assert_false(bb_snapshot_take(&snapshot, &message));
    charge->allow_discharge = bb_flag(false);
    assert_true(bb_snapshot_take(&snapshot, &message));
    charge->alarms.low_voltage = bb_integer(0);
    assert_false(bb_snapshot_take(&snapshot, &message));
    charge->alarms.low_voltage = bb_integer(1);
    assert_true(bb_snapshot_take(&snapshot, &message));
    charge->bms_cable = bb_integer(1);
    assert_true(bb_snapshot_take(&snapshot, &message));
    (void)snprintf(charge->link, sizeof charge->link, "stale");
    assert_true(bb_snapshot_take(&snapshot, &message));
    assert_false(bb_snapshot_take(&snapshot, &message));
}

static void test_knows_when_it_may_appear(void **state)
{
    (void)state;
    struct bb_snapshot snapshot = {.id = "rack-1"};
    struct bb_message message;
    sample_charge(&message);
    message.body.charge.float_voltage.present = false;
    (void)bb_snapshot_take(&snapshot, &message);
    sample_battery(&message);
    (void)bb_snapshot_take(&snapshot, &message);
    assert_false(bb_snapshot_is_complete(&snapshot)); /* no complete decision */
    sample_charge(&message);
    message.body.charge.cell_count.present = false;
    struct bb_snapshot uncounted = {.id = "rack-1"};
    (void)bb_snapshot_take(&uncounted, &message);
    assert_false(bb_snapshot_is_complete(&uncounted)); /* no number of cells */
    sample_charge(&message);
    (void)bb_snapshot_take(&snapshot, &message);
    assert_true(bb_snapshot_is_complete(&snapshot));
    struct bb_snapshot unread = {.id = "rack-1"};
    (void)bb_snapshot_take(&unread, &message);
    assert_false(bb_snapshot_is_complete(&unread)); /* no reading */
    struct bb_snapshot bank = {.id = "bank"};
    sample_bank(&message);
    (void)bb_snapshot_take(&bank, &message);
    assert_true(bb_snapshot_is_complete(&bank)); /* has none of its own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_young_decision_is_passed_on),
        cmocka_unit_test(test_an_old_decision_becomes_zero_current),
        cmocka_unit_test(test_the_dead_man_never_raises_the_voltage),
        cmocka_unit_test(test_a_decision_from_the_future_is_not_believed),
        cmocka_unit_test(test_an_incomplete_decision_is_none),
        cmocka_unit_test(test_a_closed_direction_has_no_current),
        cmocka_unit_test(test_the_alarm_of_the_decision_is_kept),
        cmocka_unit_test(test_a_fresh_decision_ends_the_dead_man),
        cmocka_unit_test(test_a_reading_ends_when_the_battery_is_lost),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_urgent_news),
        cmocka_unit_test(test_knows_when_it_may_appear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
