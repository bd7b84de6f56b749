#include "support.h"

#include <string.h>

#include "services/aggregator/alarms.h"

static const struct kind {
    const char *name;
    size_t offset;
    bool stops_charging, stops_discharging;
} kinds[] = {
    {"high_voltage", offsetof(struct bb_protection, high_voltage), true, false},
    {"high_cell_voltage", offsetof(struct bb_protection, high_cell_voltage), true, false},
    {"low_voltage", offsetof(struct bb_protection, low_voltage), false, true},
    {"low_cell_voltage", offsetof(struct bb_protection, low_cell_voltage), false, true},
    {"low_soc", offsetof(struct bb_protection, low_soc), false, false},
    {"high_charge_current", offsetof(struct bb_protection, high_charge_current), true, false},
    {"high_discharge_current", offsetof(struct bb_protection, high_discharge_current), false, true},
    {"cell_imbalance", offsetof(struct bb_protection, cell_imbalance), false, false},
    {"internal_failure", offsetof(struct bb_protection, internal_failure), true, true},
    {"high_charge_temperature", offsetof(struct bb_protection, high_charge_temperature), true,
     false},
    {"low_charge_temperature", offsetof(struct bb_protection, low_charge_temperature), true, false},
    {"high_temperature", offsetof(struct bb_protection, high_temperature), false, true},
    {"low_temperature", offsetof(struct bb_protection, low_temperature), false, true},
    {"high_internal_temperature", offsetof(struct bb_protection, high_internal_temperature), false,
     false},
    {"fuse_blown", offsetof(struct bb_protection, fuse_blown), true, true},
};

static struct bb_integer *at(struct bb_protection *protection, const struct kind *kind)
{
    return (struct bb_integer *)(void *)((char *)protection + kind->offset);
}

static void test_which_alarm_stops_what(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct bb_protection protection = {0};
        *at(&protection, &kinds[i]) = bb_integer(1);
        assert_false(bb_alarms_forbid(&protection, BB_CHARGING));
        assert_false(bb_alarms_forbid(&protection, BB_DISCHARGING));
        *at(&protection, &kinds[i]) = bb_integer(2);
        if (bb_alarms_forbid(&protection, BB_CHARGING) != kinds[i].stops_charging ||
            bb_alarms_forbid(&protection, BB_DISCHARGING) != kinds[i].stops_discharging) {
            fail_msg("%s stops the wrong direction", kinds[i].name);
        }
        assert_int_equal(bb_alarms_overvoltage(&protection), i < 2);
    }
}

static void test_merge_takes_the_worst_of_each_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct bb_protection worst = {0};
        struct bb_protection other = {0};
        bb_alarms_merge(&worst, &other);
        assert_false(at(&worst, &kinds[i])->present);
        *at(&other, &kinds[i]) = bb_integer(1);
        bb_alarms_merge(&worst, &other);
        *at(&other, &kinds[i]) = bb_integer(0);
        bb_alarms_merge(&worst, &other);
        assert_int_equal(at(&worst, &kinds[i])->value, 1);
        *at(&other, &kinds[i]) = bb_integer(2);
        bb_alarms_merge(&worst, &other);
        assert_int_equal(at(&worst, &kinds[i])->value, 2);
    }
}

static void test_an_alarm_ends_when_the_bms_says_so(void **state)
{
    (void)state;
    struct bb_protection kept = {0};
    struct bb_protection reported = {.high_voltage = bb_integer(2)};
    bb_alarms_take(&kept, &reported);
    reported = (struct bb_protection){.low_soc = bb_integer(1)};
    bb_alarms_take(&kept, &reported);
    assert_int_equal(kept.high_voltage.value, 2);
    reported.high_voltage = bb_integer(0);
    bb_alarms_take(&kept, &reported);
    assert_int_equal(kept.high_voltage.value, 0);
}

static void test_own_findings_only_raise(void **state)
{
    (void)state;
    struct bb_protection protection = {.internal_failure = bb_integer(2),
                                       .high_charge_current = bb_integer(0)};
    struct bb_contradiction_view view = {.voltages_differ = true};
    struct bb_protection alarms = bb_alarms_decide(&protection, &view, false);
    assert_int_equal(alarms.internal_failure.value, 2);
    assert_int_equal(alarms.high_charge_current.value, 0);
    assert_false(alarms.high_discharge_current.present);
    protection.internal_failure.present = false;
    assert_int_equal(bb_alarms_decide(&protection, &view, false).internal_failure.value, 1);
    view = (struct bb_contradiction_view){0};
    assert_int_equal(bb_alarms_decide(&protection, &view, true).internal_failure.value, 1);
    assert_false(bb_alarms_decide(&protection, &view, false).internal_failure.present);
    view.fet_disbelieved[BB_DISCHARGING] = true;
    view.excess_level[BB_CHARGING] = 2;
    view.excess_level[BB_DISCHARGING] = 1;
    alarms = bb_alarms_decide(&protection, &view, false);
    assert_int_equal(alarms.internal_failure.value, 2);
    assert_int_equal(alarms.high_charge_current.value, 2);
    assert_int_equal(alarms.high_discharge_current.value, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_alarm_stops_what),
        cmocka_unit_test(test_merge_takes_the_worst_of_each_kind),
        cmocka_unit_test(test_an_alarm_ends_when_the_bms_says_so),
        cmocka_unit_test(test_own_findings_only_raise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
