#include "support.h"

#include <math.h>
#include <string.h>

#include "services/aggregator/current_limits.h"

/* The facts of a pack after one reading. */
static struct bb_validity validity;

static struct bb_facts facts_of(const struct bb_charge_config *config,
                                const struct bb_battery *battery)
{
    struct bb_snapshot snapshot = {.seen = true, .mono_ms = START_MS, .interval_ms = 1000};
    snapshot.battery = *battery;
    validity = (struct bb_validity){0};
    bb_validity_take(&validity, config, &snapshot);
    struct bb_facts facts;
    bb_validity_view(&validity, config, &facts);
    return facts;
}

static struct bb_current_target target_of(const char *options, const struct bb_battery *battery,
                                          enum bb_direction direction)
{
    struct bb_charge_config config = charge_config(options);
    struct bb_facts facts = facts_of(&config, battery);
    return bb_current_target(&config, &facts, direction, 0);
}

static void expect(const char *options, const struct bb_battery *battery,
                   enum bb_direction direction, double amps, const char *reason)
{
    struct bb_current_target target = target_of(options, battery, direction);
    char text[160];
    bb_reason_text(text, sizeof text, target.reasons, direction, false);
    assert_near(target.amps, amps, 0.0006);
    assert_string_equal(text, reason);
}

static void test_configured_maximum(void **state)
{
    (void)state;
    struct bb_battery pack = healthy_pack(3.30);
    expect("", &pack, BB_CHARGING, 50, "Max Battery Charge Current");
    expect("", &pack, BB_DISCHARGING, 60, "Max Battery Discharge Current");
}

static void test_bms_limit_only_lowers(void **state)
{
    (void)state;
    struct bb_battery pack = healthy_pack(3.30);
    pack.max_battery_charge_current = bb_real(30);
    pack.max_battery_discharge_current = bb_real(200);
    expect("", &pack, BB_CHARGING, 30, "BMS Settings");
    expect("", &pack, BB_DISCHARGING, 60, "Max Battery Discharge Current");
    pack.temperature_2 = bb_real(3);
    expect("", &pack, BB_CHARGING, 16.667, "Temp"); /* 1/3 of 50 A, not of 30 A */
    pack.temperature_2 = bb_real(6);
    expect("", &pack, BB_CHARGING, 30, "BMS Settings, Temp");
}

static void test_every_reason_of_the_smallest_limit(void **state)
{
    (void)state;
    struct bb_battery pack = healthy_pack(3.51);
    pack.temperature_1 = bb_real(-1);
    pack.temperature_mos = bb_real(95);
    pack.charge_fet = bb_flag(false);
    pack.max_battery_charge_current = bb_real(0);
    expect("", &pack, BB_CHARGING, 0, "BMS Settings, Cell Voltage, Temp, MOSFET, BMS");
    expect("max_battery_charge_current = 0", &pack, BB_CHARGING, 0, "Max Battery Charge Current");
}

static void test_curves(void **state)
{
    (void)state;
    struct bb_battery pack = healthy_pack(3.30);
    pack.temperature_mos = bb_real(82);
    expect("", &pack, BB_CHARGING, 10, "MOSFET");
    expect("", &pack, BB_DISCHARGING, 12, "MOSFET");
    expect("cccm_t_mosfet_enable = no", &pack, BB_CHARGING, 50, "Max Battery Charge Current");
    pack = healthy_pack(3.30);
    pack.soc = bb_real(96.5);
    expect("cccm_soc_enable = yes", &pack, BB_CHARGING, 7.5, "SoC");
    expect("", &pack, BB_CHARGING, 50, "Max Battery Charge Current");
    pack.soc = bb_real(12.5);
    expect("dccm_soc_enable = yes", &pack, BB_DISCHARGING, 21, "SoC");
    set_cell(&pack, 5, 2.95);
    expect("", &pack, BB_DISCHARGING, 1.65, "Cell Voltage");
    expect("dccm_cv_enable = no", &pack, BB_DISCHARGING, 60, "Max Battery Discharge Current");
    pack = healthy_pack(3.30);
    pack.temperature_1 = bb_real(42.5);
    expect("", &pack, BB_CHARGING, 37.5, "Temp");
    expect("", &pack, BB_DISCHARGING, 45, "Temp");
}

/* Steps are cautious on both sides of a temperature curve. */
static void test_step_mode(void **state)
{
    (void)state;
    struct bb_battery pack = healthy_pack(3.41);
    expect("charge_mode = 2", &pack, BB_CHARGING, 12.5, "Cell Voltage");
    pack = healthy_pack(3.30);
    pack.temperature_1 = bb_real(49);
    expect("charge_mode = 2", &pack, BB_CHARGING, 12.5, "Temp");
    pack.temperature_1 = bb_real(-9);
    expect("charge_mode = 2", &pack, BB_DISCHARGING, 0, "Temp");
    pack.temperature_1 = bb_real(25);
    pack.soc = bb_real(87);
    expect("charge_mode = 2\ncccm_soc_enable = yes", &pack, BB_CHARGING, 25, "SoC");
}

static void test_without_cells_nothing_flows(void **state)
{
    (void)state;
    struct bb_battery pack = healthy_pack(3.30);
    pack.cells_count = 0;
    expect("", &pack, BB_CHARGING, 0, "No data");
    expect("", &pack, BB_DISCHARGING, 0, "No data");
    expect("cccm_cv_enable = no\ndccm_cv_enable = no", &pack, BB_CHARGING, 0, "No data");
}

static void test_without_temperature_no_charging(void **state)
{
    (void)state;
    struct bb_battery pack = healthy_pack(3.30);
    pack.temperature_1.present = false;
    pack.temperature_2.present = false;
    expect("", &pack, BB_CHARGING, 0, "No data");
    expect("cccm_t_enable = no", &pack, BB_CHARGING, 0, "No data");
    expect("", &pack, BB_DISCHARGING, 60, "Max Battery Discharge Current");
    struct bb_charge_config config = charge_config("");
    config.sensorless = true;
    struct bb_facts facts = facts_of(&config, &pack);
    assert_near(bb_current_target(&config, &facts, BB_CHARGING, 0).amps, 50, 0);
}

/* A sensor that stops must not lift the limit it had set. */
static void test_lost_sensor_keeps_its_limit(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config("");
    struct bb_battery pack = healthy_pack(3.30);
    pack.temperature_2 = bb_real(3);
    struct bb_facts facts = facts_of(&config, &pack);
    facts.sensor_valid[1] = false;
    facts.sensors_valid = 1;
    assert_near(bb_current_target(&config, &facts, BB_CHARGING, 0).amps, 16.667, 0.001);
    facts.sensor[1] = 20;
    struct bb_current_target half = bb_current_target(&config, &facts, BB_DISCHARGING, 0);
    assert_near(half.amps, 30, 0);
    assert_int_equal(half.reasons, bb_reason_bit(BB_REASON_SENSOR));
}

static void test_lost_mosfet_sensor_halves(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config("");
    struct bb_battery pack = healthy_pack(3.30);
    struct bb_facts facts = facts_of(&config, &pack);
    facts.mosfet_valid = false;
    assert_near(bb_current_target(&config, &facts, BB_CHARGING, 0).amps, 25, 0);
    assert_near(bb_current_target(&config, &facts, BB_DISCHARGING, 0).amps, 30, 0);
    facts.mosfet_known = false;
    assert_near(bb_current_target(&config, &facts, BB_CHARGING, 0).amps, 50, 0);
}

static void test_unknown_soc_never_raises(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config("cccm_soc_enable = yes");
    struct bb_battery pack = healthy_pack(3.30);
    pack.soc = bb_real(96.5);
    struct bb_facts facts = facts_of(&config, &pack);
    facts.soc_valid = false;
    assert_near(bb_current_target(&config, &facts, BB_CHARGING, 0).amps, 7.5, 0.001);
    facts.soc_known = false;
    assert_near(bb_current_target(&config, &facts, BB_CHARGING, 0).amps, 5, 0.001);
}

static void test_switches(void **state)
{
    (void)state;
    struct bb_battery pack = healthy_pack(3.30);
    pack.charge_fet = bb_flag(false);
    expect("", &pack, BB_CHARGING, 0, "BMS");
    expect("", &pack, BB_DISCHARGING, 60, "Max Battery Discharge Current");
    pack.charge_fet.present = false;
    expect("", &pack, BB_CHARGING, 50, "Max Battery Charge Current");
    struct bb_charge_config config = charge_config("");
    struct bb_facts facts = facts_of(&config, &pack);
    facts.fet[BB_CHARGING] = BB_FET_UNKNOWN;
    assert_near(bb_current_target(&config, &facts, BB_CHARGING, 0).amps, 0, 0);
}

static void test_forbidden(void **state)
{
    (void)state;
    struct bb_charge_config config = charge_config("");
    struct bb_battery pack = healthy_pack(3.30);
    struct bb_facts facts = facts_of(&config, &pack);
    bb_reasons forbidden = bb_reason_bit(BB_REASON_ALARM) | bb_reason_bit(BB_REASON_OVERVOLTAGE);
    struct bb_current_target target = bb_current_target(&config, &facts, BB_CHARGING, forbidden);
    assert_near(target.amps, 0, 0);
    assert_int_equal(target.reasons, forbidden);
}

static void test_reason_text_is_cut_at_a_character(void **state)
{
    (void)state;
    char text[16];
    bb_reason_text(text, sizeof text, ~(bb_reasons)0, BB_DISCHARGING, true);
    assert_int_equal(strlen(text), 15);
    char held[160];
    bb_reason_text(held, sizeof held, bb_reason_bit(BB_REASON_CELL), BB_CHARGING, true);
    assert_string_equal(held, "Cell Voltage *");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configured_maximum),
        cmocka_unit_test(test_bms_limit_only_lowers),
        cmocka_unit_test(test_every_reason_of_the_smallest_limit),
        cmocka_unit_test(test_curves),
        cmocka_unit_test(test_step_mode),
        cmocka_unit_test(test_without_cells_nothing_flows),
        cmocka_unit_test(test_without_temperature_no_charging),
        cmocka_unit_test(test_lost_sensor_keeps_its_limit),
        cmocka_unit_test(test_lost_mosfet_sensor_halves),
        cmocka_unit_test(test_unknown_soc_never_raises),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_forbidden),
        cmocka_unit_test(test_reason_text_is_cut_at_a_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
