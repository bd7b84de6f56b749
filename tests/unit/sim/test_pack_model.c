#include <math.h>

#include "tests/unit/sim/fixture.h"

static void step(struct bb_sim_pack *pack, double current_a, double seconds)
{
    bb_sim_pack_set_current(pack, current_a);
    bb_sim_pack_step(pack, seconds);
}

static void test_pack_is_the_sum_of_its_cells(void **state)
{
    (void)state;
    struct bb_sim_pack pack;
    double sum_v = 0;
    bb_sim_pack_init(&pack, &usual_setup);
    bb_sim_pack_set_current(&pack, -30);
    for (unsigned i = 0; i < 16; i++) {
        double cell_v = bb_sim_pack_cell(&pack, i);
        assert_true(cell_v >= bb_sim_pack_lowest_cell(&pack));
        assert_true(cell_v <= bb_sim_pack_highest_cell(&pack));
        sum_v += cell_v;
    }
    assert_near(bb_sim_pack_voltage(&pack), sum_v, 1e-9);
}

static void test_seed_decides_the_cells(void **state)
{
    (void)state;
    struct bb_sim_pack first;
    struct bb_sim_pack again;
    struct bb_sim_pack other;
    struct bb_sim_pack_setup setup = usual_setup;
    bb_sim_pack_init(&first, &setup);
    bb_sim_pack_init(&again, &setup);
    setup.seed++;
    bb_sim_pack_init(&other, &setup);
    assert_memory_equal(first.cells, again.cells, sizeof first.cells);
    assert_memory_not_equal(first.cells, other.cells, sizeof first.cells);
}

static void test_counter_counts_charge(void **state)
{
    (void)state;
    struct bb_sim_pack pack;
    bb_sim_pack_init(&pack, &usual_setup);
    unsigned cycles = bb_sim_pack_cycles(&pack);
    step(&pack, -20, 3600);
    assert_near(bb_sim_pack_soc(&pack), 30, 1e-6);
    assert_near(pack.age_s, 3600, 1e-6);
    step(&pack, 20, 3600);
    assert_near(bb_sim_pack_soc(&pack), 50, 1e-6);
    assert_true(bb_sim_pack_cycles(&pack) <= cycles + 1);
}

static void test_counter_stays_in_range(void **state)
{
    (void)state;
    struct bb_sim_pack pack;
    bb_sim_pack_init(&pack, &usual_setup);
    bb_sim_pack_count(&pack, 250);
    assert_near(bb_sim_pack_soc(&pack), 100, 0);
    bb_sim_pack_count(&pack, -3);
    assert_near(bb_sim_pack_soc(&pack), 0, 0);
    step(&pack, -1, 10);
    assert_near(bb_sim_pack_soc(&pack), 0, 0);
}

static void test_counter_finds_full(void **state)
{
    (void)state;
    struct bb_sim_pack pack;
    bb_sim_pack_init(&pack, &usual_setup);
    bb_sim_pack_fill(&pack, 99.7);
    bb_sim_pack_count(&pack, 90);
    step(&pack, 4, 60);
    assert_true(bb_sim_pack_lowest_cell(&pack) >= 3.40);
    assert_near(bb_sim_pack_soc(&pack), 100, 0);
}

static void test_load_warms_the_pack(void **state)
{
    (void)state;
    struct bb_sim_pack pack;
    bb_sim_pack_init(&pack, &usual_setup);
    step(&pack, -80, 1200);
    double warm_c = pack.temperature_c;
    assert_true(warm_c > 20.2 && warm_c < 35);
    assert_true(pack.mos_c > warm_c + 5 && pack.mos_c < warm_c + 25);
    step(&pack, 0, 24 * 3600);
    assert_near(pack.temperature_c, 20, 0.05);
    assert_near(pack.mos_c, pack.temperature_c, 0.05);
    assert_near(bb_sim_pack_sensor(&pack, 1), 20, 0.6);
}

static double spread(const struct bb_sim_pack *pack)
{
    return bb_sim_pack_highest_cell(pack) - bb_sim_pack_lowest_cell(pack);
}

static void balance(enum bb_sim_balancer balancer)
{
    struct bb_sim_pack pack;
    struct bb_sim_pack_setup setup = usual_setup;
    setup.balancer = balancer;
    bb_sim_pack_init(&pack, &setup);
    bb_sim_pack_fill(&pack, 99.8);
    double before_v = spread(&pack);
    assert_true(before_v > 0.03);
    step(&pack, 0, 1);
    assert_int_not_equal(pack.balancing, 0);
    step(&pack, 0, 4 * 3600);
    assert_true(spread(&pack) < before_v / 2);
}

static void test_passive_balancer_equalises(void **state)
{
    (void)state;
    balance(BB_SIM_BALANCER_PASSIVE);
}

static void test_active_balancer_equalises(void **state)
{
    (void)state;
    balance(BB_SIM_BALANCER_ACTIVE);
}

static void test_balancer_rests(void **state)
{
    (void)state;
    struct bb_sim_pack pack;
    bb_sim_pack_init(&pack, &usual_setup);
    step(&pack, 0, 1);
    assert_int_equal(pack.balancing, 0); /* too low to balance */
    bb_sim_pack_fill(&pack, 99.8);
    pack.balance_switch = false;
    step(&pack, 0, 1);
    assert_int_equal(pack.balancing, 0); /* switched off */
}

static void test_fill_keeps_the_spread(void **state)
{
    (void)state;
    struct bb_sim_pack pack;
    bb_sim_pack_init(&pack, &usual_setup);
    double apart = bb_sim_cell_soc(&pack.cells[0]) - bb_sim_cell_soc(&pack.cells[1]);
    bb_sim_pack_fill(&pack, 80);
    assert_near(bb_sim_cell_soc(&pack.cells[0]) - bb_sim_cell_soc(&pack.cells[1]), apart, 1e-9);
    assert_near(bb_sim_pack_soc(&pack), 80, 1e-9);
}

static void test_fets_stop_currents(void **state)
{
    (void)state;
    struct bb_sim_pack pack;
    bb_sim_pack_init(&pack, &usual_setup);
    pack.charge_switch = false;
    bb_sim_pack_protect(&pack, 0);
    bb_sim_pack_set_current(&pack, 10);
    assert_near(pack.current_a, 0, 0);
    bb_sim_pack_set_current(&pack, -10);
    assert_near(pack.current_a, -10, 0);
    pack.discharge_switch = false;
    bb_sim_pack_protect(&pack, 0);
    assert_near(pack.current_a, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pack_is_the_sum_of_its_cells),
        cmocka_unit_test(test_seed_decides_the_cells),
        cmocka_unit_test(test_counter_counts_charge),
        cmocka_unit_test(test_counter_stays_in_range),
        cmocka_unit_test(test_counter_finds_full),
        cmocka_unit_test(test_load_warms_the_pack),
        cmocka_unit_test(test_passive_balancer_equalises),
        cmocka_unit_test(test_active_balancer_equalises),
        cmocka_unit_test(test_balancer_rests),
        cmocka_unit_test(test_fill_keeps_the_spread),
        cmocka_unit_test(test_fets_stop_currents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
