#include <math.h>

#include "tests/unit/sim/fixture.h"

static void test_rest_voltage_rises(void **state)
{
    (void)state;
    double before_v = bb_sim_cell_ocv(-0.1);
    for (int i = -99; i <= 1200; i++) {
        double now_v = bb_sim_cell_ocv(i / 1000.0);
        assert_true(now_v > before_v);
        before_v = now_v;
    }
    assert_true(isfinite(bb_sim_cell_ocv(1e6)) && isfinite(bb_sim_cell_ocv(-1e6)));
}

static void test_rest_voltage_is_that_of_lfp(void **state)
{
    (void)state;
    for (int percent = 20; percent <= 90; percent++) {
        double rest_v = bb_sim_cell_ocv(percent / 100.0);
        assert_true(rest_v >= 3.2 && rest_v <= 3.35);
    }
    assert_true(bb_sim_cell_ocv(0) < 2.6);
    assert_true(bb_sim_cell_ocv(1) > 3.4);
    assert_true(bb_sim_cell_ocv(1.01) > 3.55);
}

static void test_current_moves_charge(void **state)
{
    (void)state;
    struct bb_sim_cell cell;
    bb_sim_cell_init(&cell, 100, 0.5, 1);
    for (int i = 0; i < 3600; i++) {
        (void)bb_sim_cell_step(&cell, 10, 1);
    }
    assert_near(bb_sim_cell_soc(&cell), 0.6, 1e-9);
}

static void test_voltage_under_load(void **state)
{
    (void)state;
    struct bb_sim_cell cell;
    bb_sim_cell_init(&cell, 100, 0.5, 1);
    double rest_v = bb_sim_cell_voltage(&cell, 0);
    assert_near(rest_v, bb_sim_cell_ocv(0.5), 1e-12);
    assert_near(bb_sim_cell_voltage(&cell, 100) - rest_v, 0.07, 1e-12);
    assert_near(rest_v - bb_sim_cell_voltage(&cell, -100), 0.07, 1e-12);
}

static void test_polarization_builds_up_and_relaxes(void **state)
{
    (void)state;
    struct bb_sim_cell cell;
    bb_sim_cell_init(&cell, 100, 0.5, 1);
    for (int i = 0; i < 1200; i++) {
        (void)bb_sim_cell_step(&cell, -50, 1);
    }
    double settled_v = -50 * cell.polarization_ohm;
    assert_near(cell.polarization_v, settled_v, fabs(settled_v) * 1e-3);
    double soc = bb_sim_cell_soc(&cell);
    for (int i = 0; i < 1800; i++) {
        (void)bb_sim_cell_step(&cell, 0, 1);
    }
    assert_near(bb_sim_cell_emf(&cell), bb_sim_cell_ocv(soc), 1e-6);
}

/* What goes in at the terminals is stored or becomes heat: nothing else. */
static void test_energy_is_conserved(void **state)
{
    (void)state;
    struct bb_sim_cell cell;
    double terminal_j = 0;
    double stored_j = 0;
    double heat_j = 0;
    bb_sim_cell_init(&cell, 100, 0.3, 1);
    double before_v = cell.polarization_v;
    for (int i = 0; i < 20000; i++) {
        double current_a = i % 7000 < 3500 ? 40 : -55;
        double start_v = bb_sim_cell_voltage(&cell, current_a);
        double start_ocv = bb_sim_cell_ocv(bb_sim_cell_soc(&cell));
        heat_j += bb_sim_cell_step(&cell, current_a, 1);
        double end_v = bb_sim_cell_voltage(&cell, current_a);
        double end_ocv = bb_sim_cell_ocv(bb_sim_cell_soc(&cell));
        terminal_j += current_a * (start_v + end_v) / 2;
        stored_j += current_a * (start_ocv + end_ocv) / 2;
    }
    double farad = BB_SIM_POLARIZATION_S / cell.polarization_ohm;
    stored_j += farad * (cell.polarization_v * cell.polarization_v - before_v * before_v) / 2;
    assert_true(heat_j > 0);
    assert_near(terminal_j, stored_j + heat_j, heat_j * 1e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rest_voltage_rises),
        cmocka_unit_test(test_rest_voltage_is_that_of_lfp),
        cmocka_unit_test(test_current_moves_charge),
        cmocka_unit_test(test_voltage_under_load),
        cmocka_unit_test(test_polarization_builds_up_and_relaxes),
        cmocka_unit_test(test_energy_is_conserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
