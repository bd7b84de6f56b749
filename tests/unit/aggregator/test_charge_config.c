/* Options of [charge], [battery ID] and [bank NAME]: what they become, and what is refused. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void test_defaults(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config("");
    assert_near(config.current[BB_CHARGING].max_a, 50, 0);
    assert_near(config.current[BB_DISCHARGING].max_a, 60, 0);
    assert_near(config.max_cell_v, 3.45, 0);
    assert_near(config.float_cell_v, 3.375, 0);
    assert_near(config.min_cell_v, 2.9, 0);
    assert_int_equal(config.absorption_ms, 900000);
    assert_int_equal(config.absorption_most_ms, 8 * 3600000);
    assert_int_equal(config.controller, BB_CONTROLLER_PENALTY);
    assert_int_equal(config.block_timeout_ms, 1800000);
    assert_false(config.block_on_disconnect);
    assert_true(config.block_on_alarm && config.cable_alarm && config.cvl_enabled);
    assert_true(config.current[BB_CHARGING].use_temperature);
    assert_false(config.current[BB_CHARGING].use_soc);
    assert_false(config.sensorless);
    assert_near(config.capacity_ah, 99, 0);
    assert_int_equal(config.current[BB_CHARGING].cell.count, 5);
    assert_near(config.current[BB_CHARGING].cell.x[0], 3.375, 0); /* turned round */
    assert_near(config.current[BB_CHARGING].cell.y[0], 1.0, 0);
    assert_string_equal(config.sensor_name[3], "Temp 4");
}

static void test_battery_section_overrides(void **state)
{
    (void)state;
    struct bb_config *config =
        config_of("[charge]\nmax_battery_charge_current = 80\nbattery_capacity = 200\n"
                  "[battery jk-1]\nname = Left\nmax_battery_charge_current = 40\n"
                  "max_battery_discharge_current = 0\nsensorless = yes\nbattery_capacity = 280\n"
                  "[battery jk-2]\n");
    struct bb_charge_config one;
    struct bb_charge_config two;
    struct bb_charge_config other;
    bb_charge_config_read(config, "jk-1", &one);
    bb_charge_config_read(config, "jk-2", &two);
    bb_charge_config_read(config, "jk-3", &other);
    bb_config_destroy(&config);
    assert_string_equal(one.name, "Left");
    assert_near(one.current[BB_CHARGING].max_a, 40, 0);
    assert_near(one.current[BB_DISCHARGING].max_a, 0, 0);
    assert_true(one.sensorless);
    assert_near(one.capacity_ah, 280, 0);
    assert_near(two.current[BB_CHARGING].max_a, 80, 0);
    assert_near(other.current[BB_CHARGING].max_a, 80, 0);
    assert_near(other.capacity_ah, 200, 0);
}

static void test_banks(void **state)
{
    (void)state;
    struct bb_bank_config banks[BB_BANKS_MAX];
    struct bb_config *config = config_of("[charge]\n");
    assert_int_equal(bb_bank_config_read(config, banks), 1);
    bb_config_destroy(&config);
    assert_string_equal(banks[0].id, "bank");
    assert_false(banks[0].listed);
    assert_true(isinf(banks[0].max_a[BB_CHARGING]));
    config = config_of("[bank house]\nname = House\nmembers = a, b\nmax_charge_current = 120\n"
                       "missing_member = reduce\n[bank shed]\nignore_members = a, b\n");
    assert_int_equal(bb_bank_config_read(config, banks), 2);
    bb_config_destroy(&config);
    assert_string_equal(banks[0].name, "House");
    assert_int_equal(banks[0].member_count, 2);
    assert_string_equal(banks[0].members[1], "b");
    assert_near(banks[0].max_a[BB_CHARGING], 120, 0);
    assert_true(isinf(banks[0].max_a[BB_DISCHARGING]));
    assert_true(banks[0].missing_reduces);
    assert_string_equal(banks[1].id, "shed");
    assert_string_equal(banks[1].name, "shed");
    assert_false(banks[1].listed);
    assert_int_equal(banks[1].ignored_count, 2);
}

static void test_refusals_name_the_option(void **state)
{
    (void)state;
    const struct {
        const char *text, *where;
    } cases[] = {
        {"[charge]\nfloat_cell_voltage = 3.5", "float_cell_voltage"},
        {"[charge]\nfloat_cell_voltage = 2.8", "float_cell_voltage"},
        {"[charge]\nmin_cell_voltage = 3.45", "min_cell_voltage"},
        {"[charge]\nmax_cell_voltage = 9", "max_cell_voltage"},
        {"[charge]\nblock_on_disconnect_voltage_min = 3.4", "block_on_disconnect_voltage_min"},
        {"[charge]\nmax_cell_voltage = 3.55", "cell_voltages_while_charging"},
        {"[charge]\ncell_voltages_while_charging = 3.5, 3.45", "max_charge_current_cv_fraction"},
        {"[charge]\nsoc_while_charging = 98\nmax_charge_current_soc_fraction = 1",
         "soc_while_charging"},
        {"[charge]\ntemperatures_while_charging = 0, 2, 5, 10, 10, 45, 50, 55",
         "temperatures_while_charging"},
        {"[charge]\ntemperatures_while_charging = 0, 2, 5, 10, 9, 45, 50, 55",
         "temperatures_while_charging"},
        {"[charge]\nmax_charge_current_soc_fraction = 0.1, 0.2, 0.5, 0.9",
         "max_charge_current_soc_fraction"},
        {"[charge]\nmax_charge_current_soc_fraction = 0.1, 0.2, 0.5, 1.1",
         "max_charge_current_soc_fraction"},
        {"[charge]\nmax_discharge_current_cv_fraction = 0, 0, 0.05, 0.25, 1\n"
         "min_cell_voltage = 2.85",
         "cell_voltages_while_discharging"},
        {"[charge]\nswitch_to_bulk_soc_threshold = 0\nswitch_to_bulk_cell_voltage_diff = 0.2",
         "switch_to_bulk_soc_threshold"},
        {"[charge]\ntemperature_2_adjust = 1", "temperature_2_adjust"},
        {"[charge]\ntemperature_mos_adjust = 0, 0", "temperature_mos_adjust"},
        {"[charge]\nmax_battery_charge_current = -1", "max_battery_charge_current"},
        {"[charge]\nmax_battery_charge_current = nan", "max_battery_charge_current"},
        {"[charge]\nsoc_calculation = yes", "soc_calculation"},
        {"[bank Rack 1]\n", "bank Rack 1"},
        {"[bank rack]\nmembers = a, b, a", "members"},
        {"[bank rack]\nignore_members = "
         "an-identifier-that-is-longer-than-forty-seven-bytes",
         "ignore_members"},
        {"[bank rack]\nmissing_member = forget", "missing_member"},
        {"[battery jk-1]\nmax_cell_voltage = 3.4", "max_cell_voltage"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bb_problem problem = {0};
        if (!config_refuses(cases[i].text, &problem)) {
            fail_msg("accepted: %s", cases[i].text);
        }
        if (!strstr(problem.where, cases[i].where)) {
            fail_msg("%s: reported at %s: %s", cases[i].text, problem.where, problem.what);
        }
    }
}

static void test_too_many_banks_and_members(void **state)
{
    (void)state;
    char text[2048] = "";
    for (int i = 0; i <= BB_BANKS_MAX; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "[bank b%d]\n", i);
        (void)strncat(text, line, sizeof text - strlen(text) - 1);
    }
    struct bb_problem problem = {0};
    assert_true(config_refuses(text, &problem));
    (void)snprintf(text, sizeof text, "[bank rack]\nmembers = m0");
    for (int i = 1; i <= BB_MEMBERS_MAX; i++) {
        char word[16];
        (void)snprintf(word, sizeof word, ", m%d", i);
        (void)strncat(text, word, sizeof text - strlen(text) - 1);
    }
    assert_true(config_refuses(text, &problem));
    assert_true(strstr(problem.what, "more than 32") != NULL);
}

/* Another chemistry needs other voltages, and with them the whole set is accepted. */
static void test_other_chemistry(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config(
        "min_cell_voltage = 3.1\nmax_cell_voltage = 4.1\nfloat_cell_voltage = 3.9\n"
        "cell_voltages_while_charging = 4.15, 4.1, 4.05\n"
        "max_charge_current_cv_fraction = 0, 0.2, 1\n"
        "cell_voltages_while_discharging = 3.0, 3.2, 3.4\n"
        "max_discharge_current_cv_fraction = 0, 0.2, 1\n"
        "block_on_disconnect_voltage_min = 3.5\nblock_on_disconnect_voltage_max = 3.9\n");
    assert_near(config.max_cell_v, 4.1, 0);
    assert_int_equal(config.current[BB_DISCHARGING].cell.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_battery_section_overrides),
        cmocka_unit_test(test_banks),
        cmocka_unit_test(test_refusals_name_the_option),
        cmocka_unit_test(test_too_many_banks_and_members),
        cmocka_unit_test(test_other_chemistry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
