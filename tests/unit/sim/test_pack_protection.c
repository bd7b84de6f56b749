#include "tests/unit/sim/fixture.h"

static struct bb_sim_pack usual_pack(void)
{
    struct bb_sim_pack pack;
    bb_sim_pack_init(&pack, &usual_setup);
    return pack;
}

static void test_nothing_is_wrong_at_rest(void **state)
{
    (void)state;
    struct bb_sim_pack pack = usual_pack();
    for (int i = 0; i < BB_SIM_ALARMS; i++) {
        assert_int_equal(pack.level[i], 0);
    }
    assert_true(pack.charge_fet && pack.discharge_fet);
}

static void test_cell_too_high_opens_the_charge_fet(void **state)
{
    (void)state;
    struct bb_sim_pack pack = usual_pack();
    pack.cells[3].charge_ah = 1.0105 * pack.cells[3].capacity_ah;
    bb_sim_pack_protect(&pack, 0);
    assert_int_equal(pack.level[BB_SIM_CELL_HIGH], 1); /* 3.61 V: a warning */
    assert_true(pack.charge_fet);
    bb_sim_pack_set_current(&pack, 60);
    bb_sim_pack_protect(&pack, 0);
    assert_int_equal(pack.level[BB_SIM_CELL_HIGH], 2); /* with its resistance above 3.65 V */
    assert_false(pack.charge_fet);
    assert_true(pack.discharge_fet);
    assert_near(pack.current_a, 0, 0);
    bb_sim_pack_protect(&pack, 0);
    assert_false(pack.charge_fet); /* 3.61 V at rest is still above release */
    pack.cells[3].charge_ah = 0.99 * pack.cells[3].capacity_ah;
    bb_sim_pack_protect(&pack, 0);
    assert_true(pack.charge_fet);
    assert_int_equal(pack.trips[BB_SIM_CELL_HIGH], 1);
}

static void test_cell_too_low_opens_the_discharge_fet(void **state)
{
    (void)state;
    struct bb_sim_pack pack = usual_pack();
    pack.cells[15].charge_ah = -0.005 * pack.cells[15].capacity_ah;
    bb_sim_pack_set_current(&pack, -10);
    bb_sim_pack_protect(&pack, 0);
    assert_int_equal(pack.level[BB_SIM_CELL_LOW], 2);
    assert_true(pack.charge_fet);
    assert_false(pack.discharge_fet);
    assert_near(pack.current_a, 0, 0);
    pack.cells[15].charge_ah = 0.03 * pack.cells[15].capacity_ah; /* 2.92 V: below release */
    bb_sim_pack_protect(&pack, 0);
    assert_false(pack.discharge_fet);
    pack.cells[15].charge_ah = 0.06 * pack.cells[15].capacity_ah;
    bb_sim_pack_protect(&pack, 0);
    assert_true(pack.discharge_fet);
}

static void test_pack_levels(void **state)
{
    (void)state;
    struct bb_sim_pack pack = usual_pack();
    bb_sim_pack_fill(&pack, 101.5);
    bb_sim_pack_protect(&pack, 0);
    assert_int_equal(pack.level[BB_SIM_PACK_HIGH], 2);
    assert_false(pack.charge_fet);
    bb_sim_pack_fill(&pack, 0.2);
    bb_sim_pack_protect(&pack, 0);
    assert_int_equal(pack.level[BB_SIM_PACK_HIGH], 0);
    assert_int_equal(pack.level[BB_SIM_PACK_LOW], 2);
    assert_false(pack.discharge_fet);
    assert_true(pack.charge_fet);
}

static void at_temperature(struct bb_sim_pack *pack, double temp_c)
{
    pack->temperature_c = temp_c;
    bb_sim_pack_protect(pack, 0);
}

static void test_temperatures(void **state)
{
    (void)state;
    struct bb_sim_pack pack = usual_pack();
    at_temperature(&pack, -2);
    assert_int_equal(pack.level[BB_SIM_CHARGE_COLD], 2);
    assert_false(pack.charge_fet);
    assert_true(pack.discharge_fet);
    at_temperature(&pack, 3);
    assert_false(pack.charge_fet);
    at_temperature(&pack, 7);
    assert_true(pack.charge_fet);
    at_temperature(&pack, -22);
    assert_false(pack.discharge_fet);
    at_temperature(&pack, 62);
    assert_false(pack.charge_fet);
    assert_true(pack.discharge_fet);
    at_temperature(&pack, 66);
    assert_false(pack.discharge_fet);
    at_temperature(&pack, 20);
    assert_true(pack.charge_fet && pack.discharge_fet);
    pack.mos_c = 101;
    bb_sim_pack_protect(&pack, 0);
    assert_false(pack.charge_fet || pack.discharge_fet);
}

static void test_over_current_trips_after_its_delay(void **state)
{
    (void)state;
    struct bb_sim_pack pack = usual_pack();
    bb_sim_pack_set_current(&pack, -150);
    bb_sim_pack_step(&pack, 3);
    assert_int_equal(pack.level[BB_SIM_DISCHARGE_CURRENT], 1);
    assert_true(pack.discharge_fet);
    bb_sim_pack_step(&pack, 3);
    assert_int_equal(pack.level[BB_SIM_DISCHARGE_CURRENT], 2);
    assert_false(pack.discharge_fet);
    assert_near(pack.current_a, 0, 0);
    bb_sim_pack_step(&pack, 20);
    assert_false(pack.discharge_fet);
    bb_sim_pack_step(&pack, 12);
    assert_true(pack.discharge_fet);
    assert_int_equal(pack.trips[BB_SIM_DISCHARGE_CURRENT], 1);
}

static void test_short_over_current_is_forgiven(void **state)
{
    (void)state;
    struct bb_sim_pack pack = usual_pack();
    for (int i = 0; i < 10; i++) {
        bb_sim_pack_set_current(&pack, 115);
        bb_sim_pack_step(&pack, 4);
        bb_sim_pack_set_current(&pack, 50);
        bb_sim_pack_step(&pack, 2);
    }
    assert_true(pack.charge_fet);
    assert_int_equal(pack.trips[BB_SIM_CHARGE_CURRENT], 0);
}

static void test_imbalance_and_low_charge_only_warn(void **state)
{
    (void)state;
    struct bb_sim_pack pack = usual_pack();
    pack.cell_bias_v = -0.45;
    bb_sim_pack_count(&pack, 4);
    bb_sim_pack_protect(&pack, 0);
    assert_int_equal(pack.level[BB_SIM_IMBALANCE], 1);
    assert_int_equal(pack.level[BB_SIM_SOC_LOW], 2);
    assert_true(pack.charge_fet && pack.discharge_fet);
}

static void test_measuring_error_is_believed(void **state)
{
    (void)state;
    struct bb_sim_pack pack = usual_pack();
    pack.cell_bias_v = 0.5;
    bb_sim_pack_protect(&pack, 0);
    assert_int_equal(pack.level[BB_SIM_CELL_HIGH], 2);
    assert_int_equal(pack.level[BB_SIM_PACK_HIGH], 0);
    assert_false(pack.charge_fet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_wrong_at_rest),
        cmocka_unit_test(test_cell_too_high_opens_the_charge_fet),
        cmocka_unit_test(test_cell_too_low_opens_the_discharge_fet),
        cmocka_unit_test(test_pack_levels),
        cmocka_unit_test(test_temperatures),
        cmocka_unit_test(test_over_current_trips_after_its_delay),
        cmocka_unit_test(test_short_over_current_is_forgiven),
        cmocka_unit_test(test_imbalance_and_low_charge_only_warn),
        cmocka_unit_test(test_measuring_error_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
