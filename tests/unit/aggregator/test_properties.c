/* What must hold whatever the batteries say: thousands of random histories of banks with random
 * faults. A failing history names its seed; BUSBAR_SEED runs that one alone. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORIES 2000
#define STEPS 160

static struct stack stack;
static uint64_t seed_now;
static uint64_t random_state;

static uint32_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

static double uniform(double low, double high)
{
    return low + (high - low) * (double)draw() / (double)UINT32_MAX;
}

static bool chance(double probability)
{
    return uniform(0, 1) < probability;
}

static struct bb_real nonsense(void)
{
    static const double values[] = {NAN, INFINITY, -INFINITY, -1, 0, 655.35, 1e9, -40};
    struct bb_real value = bb_real(values[draw() % (sizeof values / sizeof values[0])]);
    value.present = !chance(0.3);
    return value;
}

static struct bb_battery plausible_pack(void)
{
    struct bb_battery battery = healthy_pack(uniform(3.0, 3.48));
    for (unsigned cell = 1; cell <= 16; cell++) {
        set_cell(&battery, cell, battery.cells[cell - 1].voltage.value + uniform(-0.02, 0.02));
    }
    if (chance(0.2)) {
        set_cell(&battery, 1 + draw() % 16, uniform(2.6, 3.7));
    }
    battery.current = bb_real(uniform(-80, 80));
    battery.soc = bb_real(uniform(0, 100));
    battery.capacity = bb_real(uniform(50, 300));
    battery.temperature_1 = bb_real(uniform(-15, 58));
    battery.temperature_2 = bb_real(uniform(5, 40));
    battery.temperature_mos = bb_real(uniform(10, 95));
    battery.charge_fet = bb_flag(!chance(0.15));
    battery.discharge_fet = bb_flag(!chance(0.15));
    if (chance(0.2)) {
        battery.max_battery_charge_current = bb_real(uniform(0, 100));
    }
    if (chance(0.1)) {
        battery.protection.high_cell_voltage = bb_integer(draw() % 3);
        battery.protection.internal_failure = bb_integer(draw() % 3);
    }
    return battery;
}

static void spoil(struct bb_battery *battery)
{
    struct bb_real *const reals[] = {&battery->voltage,
                                     &battery->current,
                                     &battery->soc,
                                     &battery->capacity,
                                     &battery->temperature_1,
                                     &battery->temperature_2,
                                     &battery->temperature_mos,
                                     &battery->max_battery_charge_current,
                                     &battery->max_battery_voltage_bms,
                                     &battery->cells[draw() % 16].voltage};
    *reals[draw() % (sizeof reals / sizeof reals[0])] = nonsense();
    if (chance(0.2)) {
        battery->charge_fet.present = false;
    }
    if (chance(0.1)) {
        battery->cells_count = 0;
    }
    if (chance(0.05)) {
        battery->cell_count = bb_integer(15);
        battery->cells_count = 15;
    }
}

static void require_true(bool condition, const char *text)
{
    if (!condition) {
        fail_msg("seed %llu, %lld s: %s", (unsigned long long)seed_now,
                 (long long)((stack.now_ms - START_MS) / 1000), text);
    }
}
#define require(condition) require_true((condition), #condition)

/* The decision about the bank's i-th member: members stand in the order they appeared. */
static const struct bb_decision *decision_of_member(size_t i)
{
    for (size_t k = 0; k < stack.count; k++) {
        if (strcmp(stack.ids[k], stack.charge.members[i].id) == 0) {
            return &stack.batteries[k].decision;
        }
    }
    return NULL;
}

static void check_message(const struct bb_charge *charge)
{
    struct bb_problem problem = {0};
    if (bb_schema_check(bb_message_schema(BB_TOPIC_CHARGE), charge, &problem) != BB_OK) {
        fail_msg("seed %llu: %s: %s", (unsigned long long)seed_now, problem.where, problem.what);
    }
    require(charge->cvl.present && isfinite(charge->cvl.value));
    require(charge->ccl.present && isfinite(charge->ccl.value) && charge->ccl.value >= 0);
    require(charge->dcl.present && isfinite(charge->dcl.value) && charge->dcl.value >= 0);
    require(charge->ccl_reason[0] != '\0' && charge->dcl_reason[0] != '\0');
    require(charge->cvl_reason[0] != '\0' && charge->mode[0] != '\0');
    require(!charge->allow_charge.value || charge->ccl.value > 0);
    require(!charge->allow_discharge.value || charge->dcl.value > 0);
}

static void check_battery(const struct bb_decision *decision)
{
    check_message(&decision->charge);
    if (decision->levels_known) {
        require(decision->control_v >= decision->levels.min_v - 1e-6);
        require(decision->control_v <= decision->levels.max_v + 1e-6);
        require(decision->tolerated_v <= decision->levels.max_v + 1e-6);
    }
    for (unsigned d = 0; d < BB_DIRECTIONS; d++) {
        require(decision->limit_a[d] <= decision->max_a[d] + 1e-6);
        require(decision->facts.fet[d] != BB_FET_OPEN || decision->limit_a[d] <= 0 ||
                decision->link.state != BB_LINK_ONLINE);
    }
    if (decision->link.state == BB_LINK_ONLINE) {
        require(decision->facts.cells_valid ||
                decision->limit_a[BB_CHARGING] + decision->limit_a[BB_DISCHARGING] <= 0);
        require(decision->facts.sensors_valid > 0 || decision->limit_a[BB_CHARGING] <= 0);
    }
}

static void check_bank(void)
{
    if (!stack.published) {
        return;
    }
    check_message(&stack.charge);
    double sum[BB_DIRECTIONS] = {0, 0};
    const double limits[BB_DIRECTIONS] = {stack.charge.ccl.value, stack.charge.dcl.value};
    for (size_t i = 0; i < stack.charge.members_count; i++) {
        const struct bb_decision *decision = decision_of_member(i);
        for (unsigned d = 0; d < BB_DIRECTIONS; d++) {
            if (!decision->connected[d]) {
                continue;
            }
            sum[d] += decision->limit_a[d];
            require(decision->limit_a[d] > 0 || limits[d] <= 0);
        }
        if (decision->connected[BB_CHARGING] && decision->levels_known &&
            stack.charge.members_count > 1) {
            require(stack.charge.cvl.value <= decision->levels.max_v + 0.0051);
            require(stack.charge.cvl.value <= decision->tolerated_v + 0.0051);
        }
        double share = stack.charge.members[i].share.value;
        require(share >= 0 && share <= 1);
    }
    require(limits[BB_CHARGING] <= sum[BB_CHARGING] + 0.001);
    require(limits[BB_DISCHARGING] <= sum[BB_DISCHARGING] + 0.001);
}

/* No battery is expected to get more than its limit. */
static void check_shares(void)
{
    const double limits[BB_DIRECTIONS] = {stack.charge.ccl.value, stack.charge.dcl.value};
    double capacity[BB_DIRECTIONS] = {0, 0};
    for (size_t i = 0; i < stack.count; i++) {
        for (unsigned d = 0; d < BB_DIRECTIONS; d++) {
            const struct bb_decision *decision = &stack.batteries[i].decision;
            capacity[d] += decision->connected[d] ? decision->facts.capacity_ah : 0;
        }
    }
    for (size_t i = 0; i < stack.count && stack.charge.members_count == stack.count; i++) {
        for (unsigned d = 0; d < BB_DIRECTIONS; d++) {
            const struct bb_decision *decision = &stack.batteries[i].decision;
            if (decision->connected[d]) {
                double part = limits[d] * decision->facts.capacity_ah / capacity[d];
                require(part <= decision->limit_a[d] + 0.001);
            }
        }
    }
}

static void maybe_restart(void)
{
    if (!chance(0.01)) {
        return;
    }
    struct bb_bank_record record;
    bb_bank_record(&stack.bank, &stack.bank_config, &record);
    bb_bank_restore(&stack.bank, &stack.bank_config, &record, chance(0.5));
    for (size_t i = 0; i < stack.count; i++) {
        struct bb_decision_record one;
        bb_decision_record(&stack.batteries[i].state, stack.ids[i], &one);
        bb_decision_restore(&stack.batteries[i].state, &stack.batteries[i].config, &one,
                            chance(0.5));
        stack.batteries[i].snapshot.seen = false;
    }
}

static const char *const configurations[] = {
    "",
    "cvl_controller_mode = 3\ncharge_mode = 2",
    "cvl_controller_mode = 2\nblock_on_disconnect = yes",
    "cvcm_enable = no\ncccm_soc_enable = yes\ndccm_soc_enable = yes",
    "ccl_recovery_hold_sec = 0\nccl_recovery_rate_a_per_sec = 0\ncvl_recovery_hold_sec = 0",
};

static void run_history(uint64_t seed)
{
    seed_now = seed;
    random_state = seed * 0x9E3779B97F4A7C15ULL + 1;
    struct bb_battery battery = plausible_pack();
    size_t kinds = sizeof configurations / sizeof configurations[0];
    stack_init(&stack, 1 + draw() % 4, configurations[draw() % kinds],
               chance(0.2) ? "max_charge_current = 70" : "", &battery);
    for (int step = 0; step < STEPS; step++) {
        for (size_t i = 0; i < stack.count; i++) {
            struct bb_battery *state = &stack.batteries[i].snapshot.battery;
            *state = chance(0.3) ? plausible_pack() : *state;
            if (chance(0.2)) {
                spoil(state);
            }
            stack.silent[i] = chance(stack.silent[i] ? 0.9 : 0.05);
        }
        stack.now_ms += chance(0.02) ? (int64_t)uniform(0, 1e6) : (int64_t)uniform(50, 4000);
        maybe_restart();
        stack_evaluate(&stack);
        for (size_t i = 0; i < stack.count; i++) {
            check_battery(&stack.batteries[i].decision);
        }
        check_bank();
        check_shares();
    }
}

static void test_random_histories(void **state)
{
    (void)state;
    const char *seed = getenv("BUSBAR_SEED");
    if (seed) {
        run_history(strtoull(seed, NULL, 10));
        return;
    }
    for (uint64_t i = 1; i <= HISTORIES; i++) {
        run_history(i);
    }
}

/* From the same situation: the battery whose next reading has lost something is never allowed
 * more than the one whose reading is complete. */
static void test_bad_data_never_raises_a_limit(void **state)
{
    (void)state;
    static struct bench good;
    static struct bench bad;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        seed_now = seed;
        random_state = seed * 0x9E3779B97F4A7C15ULL + 7;
        struct bb_charge_config config = charge_config(configurations[seed % 4]);
        struct bb_battery battery = plausible_pack();
        bench_init(&good, &config, &battery);
        bench_evaluate(&good, true);
        bench_run(&good, 60);
        bad = good;
        for (int step = 0; step < 60; step++) {
            if (chance(0.1)) {
                bad.snapshot.battery = battery;
                spoil(&bad.snapshot.battery);
            }
            bench_run(&good, 1);
            bench_run(&bad, 1);
            for (unsigned d = 0; d < BB_DIRECTIONS; d++) {
                /* the good one's current target is what a complete reading asks for */
                double most = fmax(good.decision.limit_a[d], good.decision.target_a[d]);
                require(bad.decision.limit_a[d] <= most + 0.001);
            }
            require(bad.decision.control_v <= good.decision.levels.max_v + 1e-6);
        }
    }
}

/* Another battery that may take nothing, with a closed switch, stops the bank. */
static void test_a_limited_battery_always_stops_the_bank(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        seed_now = seed;
        random_state = seed * 0x9E3779B97F4A7C15ULL + 3;
        struct bb_battery battery = plausible_pack();
        battery.charge_fet = bb_flag(true);
        stack_init(&stack, 2 + draw() % 3, "", "", &battery);
        stack_run(&stack, 60);
        struct bb_battery *frozen = &stack.batteries[draw() % stack.count].snapshot.battery;
        frozen->temperature_1 = bb_real(-5);
        stack_run(&stack, 1);
        require(stack.charge.ccl.value <= 0);
    }
}

/* A battery that has switched itself off may come and go without any effect on the others. */
static void test_an_isolated_battery_changes_no_limit(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        seed_now = seed;
        random_state = seed * 0x9E3779B97F4A7C15ULL + 5;
        struct bb_battery battery = healthy_pack(uniform(3.2, 3.37));
        stack_init(&stack, 3, "", "", &battery);
        struct bb_battery *off = &stack.batteries[2].snapshot.battery;
        off->charge_fet = bb_flag(false);
        off->discharge_fet = bb_flag(false);
        set_cells(off, uniform(3.0, 3.4));
        stack_run(&stack, 120);
        double ccl = stack.charge.ccl.value;
        double dcl = stack.charge.dcl.value;
        require(ccl > 0 && dcl > 0);
        stack.silent[2] = true;
        stack_run(&stack, 60);
        require(stack.charge.ccl.value == ccl && stack.charge.dcl.value == dcl);
        stack.silent[2] = false;
        stack_run(&stack, 60);
        require(stack.charge.ccl.value == ccl && stack.charge.dcl.value == dcl);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_histories),
        cmocka_unit_test(test_bad_data_never_raises_a_limit),
        cmocka_unit_test(test_a_limited_battery_always_stops_the_bank),
        cmocka_unit_test(test_an_isolated_battery_changes_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
