#include <math.h>

#include "services/sim/plant.h"
#include "tests/unit/sim/fixture.h"

#define PACKS 3

struct bank {
    struct bb_sim_pack packs[PACKS];
    struct bb_sim_plant plant;
};

static void prepare(struct bank *bank, double soc_percent, const char *profile)
{
    struct bb_sim_pack_setup setup = usual_setup;
    memset(bank, 0, sizeof *bank);
    setup.soc_percent = soc_percent;
    for (unsigned i = 0; i < PACKS; i++) {
        setup.seed = 10 + i;
        bb_sim_pack_init(&bank->packs[i], &setup);
        bank->plant.packs[i] = &bank->packs[i];
    }
    bank->plant.count = PACKS;
    assert_int_equal(bb_sim_profile_add(&bank->plant.profile, profile, NULL), BB_OK);
}

static const struct bb_sim_limits usual_limits = {
    .valid = true, .cvl_v = 55.2, .ccl_a = 120, .dcl_a = 90, .low_v = 46.4};

static double sum_of_currents(const struct bank *bank)
{
    double sum_a = 0;
    for (unsigned i = 0; i < PACKS; i++) {
        sum_a += bank->packs[i].current_a;
    }
    return sum_a;
}

static void test_charger_obeys_ccl(void **state)
{
    (void)state;
    struct bank bank;
    prepare(&bank, 50, "100000");
    bb_sim_plant_step(&bank.plant, &usual_limits, 60);
    assert_near(bank.plant.current_a, 120, 1e-6);
    assert_near(sum_of_currents(&bank), bank.plant.current_a, 1e-9);
}

static void test_inverter_obeys_dcl(void **state)
{
    (void)state;
    struct bank bank;
    prepare(&bank, 50, "-100000");
    bb_sim_plant_step(&bank.plant, &usual_limits, 60);
    assert_near(bank.plant.current_a, -90, 1e-6);
}

static void test_power_is_power(void **state)
{
    (void)state;
    struct bank bank;
    prepare(&bank, 50, "500");
    bb_sim_plant_step(&bank.plant, &usual_limits, 60);
    assert_near(bank.plant.current_a * bank.plant.voltage_v, PACKS * 500, 1);
}

/* From half full until full: never above the limit, and at the end at it with a small current. */
static void test_charge_voltage_is_held_without_overshoot(void **state)
{
    (void)state;
    struct bank bank;
    prepare(&bank, 50, "100000");
    for (int i = 0; i < 3 * 3600; i += 10) {
        bb_sim_plant_step(&bank.plant, &usual_limits, 10);
        assert_true(bank.plant.voltage_v <= usual_limits.cvl_v + 1e-9);
        assert_true(bank.plant.current_a <= usual_limits.ccl_a + 1e-9);
    }
    assert_near(bank.plant.voltage_v, usual_limits.cvl_v, 1e-6);
    assert_true(bank.plant.current_a < 5);
    assert_true(bb_sim_pack_soc(&bank.packs[0]) > 98);
}

static void test_lowered_limits_hold_at_once(void **state)
{
    (void)state;
    struct bank bank;
    struct bb_sim_limits lower = usual_limits;
    prepare(&bank, 95, "100000");
    bb_sim_plant_step(&bank.plant, &usual_limits, 60);
    lower.cvl_v = 52; /* below the voltage at rest */
    bb_sim_plant_step(&bank.plant, &lower, 1);
    assert_near(bank.plant.current_a, 0, 1e-6);
    lower.cvl_v = 55.2;
    lower.ccl_a = 7;
    bb_sim_plant_step(&bank.plant, &lower, 1);
    assert_near(bank.plant.current_a, 7, 1e-6);
}

static void test_low_voltage_stops_the_inverter(void **state)
{
    (void)state;
    struct bank bank;
    struct bb_sim_limits limits = usual_limits;
    limits.low_v = 51.5;
    prepare(&bank, 40, "-100000");
    for (int i = 0; i < 3600; i++) {
        bb_sim_plant_step(&bank.plant, &limits, 10);
        assert_true(bank.plant.voltage_v >= limits.low_v - 1e-9);
    }
    assert_true(bank.plant.current_a > -5);
}

static void test_no_limits_no_current(void **state)
{
    (void)state;
    struct bank bank;
    struct bb_sim_limits none = usual_limits;
    none.valid = false;
    prepare(&bank, 50, "2000");
    bb_sim_plant_step(&bank.plant, &usual_limits, 10);
    assert_true(bank.plant.current_a > 50);
    bb_sim_plant_step(&bank.plant, &none, 1);
    assert_near(bank.plant.current_a, 0, 1e-6);
}

static void test_packs_share_by_voltage_and_resistance(void **state)
{
    (void)state;
    struct bank bank;
    prepare(&bank, 50, "1500");
    bb_sim_pack_fill(&bank.packs[1], 20);
    bb_sim_plant_step(&bank.plant, &usual_limits, 1);
    assert_true(bank.packs[1].current_a > bank.packs[0].current_a + 5);
    assert_near(sum_of_currents(&bank), bank.plant.current_a, 1e-9);
    for (unsigned i = 0; i < PACKS; i++) {
        double bus_v = bb_sim_pack_emf(&bank.packs[i]) +
                       bank.packs[i].current_a * bb_sim_pack_resistance(&bank.packs[i]);
        assert_near(bus_v, bank.plant.voltage_v, 1e-6);
    }
}

static void test_blocked_pack_leaves_the_current_to_the_others(void **state)
{
    (void)state;
    struct bank bank;
    prepare(&bank, 50, "3000");
    bank.packs[2].charge_switch = false;
    bb_sim_pack_protect(&bank.packs[2], 0);
    bb_sim_plant_step(&bank.plant, &usual_limits, 10);
    assert_near(bank.packs[2].current_a, 0, 0);
    assert_near(bank.plant.current_a, 120, 1e-6);
    for (unsigned i = 0; i < PACKS; i++) {
        bank.packs[i].charge_switch = false;
        bb_sim_pack_protect(&bank.packs[i], 0);
    }
    bb_sim_plant_step(&bank.plant, &usual_limits, 1);
    assert_near(bank.plant.current_a, 0, 0);
    assert_true(bank.plant.voltage_v > 40 && bank.plant.voltage_v <= usual_limits.cvl_v);
}

static void test_one_long_step_is_many_short_ones(void **state)
{
    (void)state;
    struct bank once;
    struct bank often;
    prepare(&once, 50, "900");
    prepare(&often, 50, "900");
    bb_sim_plant_step(&once.plant, &usual_limits, 600);
    for (int i = 0; i < 600; i++) {
        bb_sim_plant_step(&often.plant, &usual_limits, 1);
    }
    assert_near(once.plant.time_s, 600, 1e-6);
    assert_near(bb_sim_pack_soc(&once.packs[0]), bb_sim_pack_soc(&often.packs[0]), 1e-3);
    assert_near(once.plant.voltage_v, often.plant.voltage_v, 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_charger_obeys_ccl),
        cmocka_unit_test(test_inverter_obeys_dcl),
        cmocka_unit_test(test_power_is_power),
        cmocka_unit_test(test_charge_voltage_is_held_without_overshoot),
        cmocka_unit_test(test_lowered_limits_hold_at_once),
        cmocka_unit_test(test_low_voltage_stops_the_inverter),
        cmocka_unit_test(test_no_limits_no_current),
        cmocka_unit_test(test_packs_share_by_voltage_and_resistance),
        cmocka_unit_test(test_blocked_pack_leaves_the_current_to_the_others),
        cmocka_unit_test(test_one_long_step_is_many_short_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
