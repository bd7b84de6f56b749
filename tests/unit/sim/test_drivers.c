/* Every driver against its simulated BMS: what is decoded is what the pack shows, whatever the
 * wire does in between. */
#include "proto/deadlines.h"
#include "tests/unit/sim/chain.h"
#include "tests/unit/sim/chain_expect.h"
#include "tests/unit/sim/fixture.h"

#define MINUTE_MS 60000

/* The test of one driver; cmocka's initial state is its id. */
static const struct bb_driver *driver_of(void **state)
{
    const char *id = *state;
    const struct bb_driver *driver = bb_driver_find(id);
    assert_non_null(driver);
    return driver;
}

static size_t batteries_of(const struct bb_driver *driver)
{
    const struct bb_sim_protocol *protocol = bb_sim_protocol_find(driver->id);
    return protocol->address_first == protocol->address_last ? 1 : CHAIN_BATTERIES;
}

static struct chain *start(void **state)
{
    static struct chain chain;
    const struct bb_driver *driver = driver_of(state);
    chain_set_up(&chain, driver, batteries_of(driver), &usual_setup);
    return &chain;
}

static void assert_states(const struct chain *chain, unsigned least)
{
    for (size_t i = 0; i < chain->count; i++) {
        if (chain->batteries[i].states < least) {
            fail_msg("battery %zu of %s: %u states, not %u", i, chain->driver->id,
                     chain->batteries[i].states, least);
        }
    }
}

static void forget_states(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        chain->batteries[i].states = 0;
        chain->batteries[i].failures = 0;
        chain->batteries[i].longest_gap_ms = 0;
    }
}

static void test_everything_is_decoded(void **state)
{
    struct chain *chain = start(state);
    chain->window_ms = 3000;
    chain_run(chain, 2 * MINUTE_MS);
    assert_states(chain, 30);
    for (size_t i = 0; i < chain->count; i++) {
        const char *missing = expect_complete(chain->driver->id, &chain->batteries[i].last, true);
        if (missing != NULL) {
            fail_msg("%s: %s", chain->driver->id, missing);
        }
        assert_int_equal(chain->batteries[i].failures, 0);
    }
    chain_tear_down(chain);
}

/* From empty to full and into every protection: no level is misread. */
static void test_the_whole_range_is_decoded(void **state)
{
    static const char *const situations[] = {
        "soc=0",
        "soc=3",
        "soc=50",
        "soc=99.5",
        "soc=100",
        "cell_voltage_bias=0.5",
        "cell_voltage_bias=-1",
        "ambient_temperature=-25",
        "ambient_temperature=70",
        "cell_voltage_bias=0",
        "ambient_temperature=20",
    };
    struct chain *chain = start(state);
    unsigned alarms = 0;
    for (size_t i = 0; i < sizeof situations / sizeof situations[0]; i++) {
        chain_command(chain, situations[i]);
        for (unsigned n = 0; n < chain->bench.line.board_count; n++) {
            struct bb_sim_pack *pack = &chain->bench.line.boards[n].pack;
            pack->temperature_c = pack->setup.ambient_c;
        }
        chain_run(chain, 20000);
        const struct bb_protection *seen = &chain->batteries[0].last.protection;
        alarms |= seen->high_cell_voltage.value > 0 ? 1U : 0;
        alarms |= seen->low_cell_voltage.value > 0 ? 2U : 0;
        alarms |= seen->low_charge_temperature.value > 0 ? 4U : 0;
        alarms |= seen->high_temperature.value > 0 ? 8U : 0;
        alarms |= seen->low_temperature.value > 0 ? 16U : 0;
    }
    assert_int_equal(alarms, 31);
    assert_states(chain, 60);
    chain_tear_down(chain);
}

static void test_highest_and_lowest_numbers(void **state)
{
    static struct chain chain;
    const struct bb_driver *driver = driver_of(state);
    struct bb_sim_pack_setup setup = usual_setup;
    setup.cell_count = 32;
    setup.sensor_count = 4;
    setup.capacity_ah = 650;
    setup.charge_limit_a = setup.discharge_limit_a = 300;
    chain_set_up(&chain, driver, 1, &setup);
    chain_run(&chain, MINUTE_MS);
    assert_states(&chain, 20);
    assert_int_equal(chain.batteries[0].last.cells_count, 32);
    assert_true(chain.batteries[0].last.temperature_4.present);
    chain_tear_down(&chain);
    setup.cell_count = 4;
    setup.sensor_count = 1;
    setup.capacity_ah = 5;
    setup.charge_limit_a = setup.discharge_limit_a = 2;
    chain_set_up(&chain, driver, 1, &setup);
    chain_run(&chain, MINUTE_MS);
    assert_states(&chain, 20);
    assert_int_equal(chain.batteries[0].last.cells_count, 4);
    chain_tear_down(&chain);
}

/* A Daly sends current and direction apart. Before it has learnt how a board counts, and that is
 * after every outage anew, the driver has to believe that both are of one moment. */
static bool is_daly(const struct chain *chain)
{
    return strcmp(chain->driver->id, "daly") == 0;
}

/* Everything is well again, and back-off has ended. */
static void end_fault(struct chain *chain)
{
    chain_calm(chain, BB_BACKOFF_MAX_MS + CHAIN_SETTLE_MS);
    chain_run(chain, 1000);
    chain_command(chain, "clear");
    chain_run(chain, BB_BACKOFF_MAX_MS + 5000);
}

/* A fault in a share of all answers: states still come, none is wrong, and once the fault is over
 * every poll succeeds again. */
static void under_fault(void **state, const char *fault, unsigned least)
{
    struct chain *chain = start(state);
    chain->one_way = is_daly(chain);
    chain_run(chain, MINUTE_MS / 2);
    chain_command(chain, fault);
    forget_states(chain);
    chain_run(chain, 5 * MINUTE_MS);
    assert_states(chain, least);
    end_fault(chain);
    forget_states(chain);
    chain_run(chain, MINUTE_MS);
    assert_states(chain, 15);
    for (size_t i = 0; i < chain->count; i++) {
        assert_int_equal(chain->batteries[i].failures, 0);
        assert_null(expect_complete(chain->driver->id, &chain->batteries[i].last, false));
    }
    chain_tear_down(chain);
}

static void test_loss(void **state)
{
    under_fault(state, "loss=10", 60);
}

static void test_corruption(void **state)
{
    under_fault(state, "corrupt=30", 10);
}

static void test_corruption_of_everything(void **state)
{
    under_fault(state, "corrupt=100", 0);
}

static void test_truncation(void **state)
{
    under_fault(state, "truncate=30", 10);
}

static void test_garbage(void **state)
{
    under_fault(state, "garbage=50", 10);
}

static void test_wrong_addresses(void **state)
{
    under_fault(state, "wrong_address=30", 10);
}

static void test_delay_within_the_time_out(void **state)
{
    under_fault(state, "delay=100", 50);
}

static void test_delay_beyond_the_time_out(void **state)
{
    under_fault(state, "delay=900", 0);
}

static void test_very_late_answers(void **state)
{
    under_fault(state, "delay=3500", 0);
}

/* 10 % of the answers lost: never so long without a state that the battery would be lost. */
static void test_loss_makes_no_outage(void **state)
{
    struct chain *chain = start(state);
    chain_command(chain, "loss=10");
    chain_run(chain, 60 * MINUTE_MS);
    for (size_t i = 0; i < chain->count; i++) {
        assert_true(chain->batteries[i].longest_gap_ms < BB_LOST_MIN_MS);
    }
    chain_tear_down(chain);
}

static void test_somebody_elses_answers_are_never_taken(void **state)
{
    struct chain *chain = start(state);
    chain_command(chain, "wrong_address=100");
    chain_run(chain, 5 * MINUTE_MS);
    for (size_t i = 0; i < chain->count; i++) {
        assert_int_equal(chain->batteries[i].states, 0);
    }
    chain_tear_down(chain);
}

static void test_silence_is_noticed_and_ends(void **state)
{
    struct chain *chain = start(state);
    chain_run(chain, MINUTE_MS);
    chain_command(chain, "silence");
    chain_run(chain, 5000);
    forget_states(chain);
    chain_run(chain, 2 * MINUTE_MS);
    for (size_t i = 0; i < chain->count; i++) {
        struct bb_link link = {0};
        assert_int_equal(chain->batteries[i].states, 0);
        bb_wire_report(chain->wire, i, &link);
        assert_string_equal(link.state, "silent");
    }
    end_fault(chain);
    assert_states(chain, 1);
    chain_tear_down(chain);
}

static void test_echo_is_harmless(void **state)
{
    struct chain *chain = start(state);
    chain->bench.line.echo = true;
    chain_run(chain, 2 * MINUTE_MS);
    assert_states(chain, 30);
    chain_tear_down(chain);
}

/* Requests and answers hit by everything at once, for an hour. */
static void test_everything_at_once(void **state)
{
    struct chain *chain = start(state);
    chain->one_way = is_daly(chain);
    chain_command(chain, "loss=5");
    chain_command(chain, "corrupt=5");
    chain_command(chain, "garbage=10");
    chain->bench.line.echo = true;
    chain_run(chain, 60 * MINUTE_MS);
    assert_states(chain, 500);
    chain_tear_down(chain);
}

static void write_switch(struct chain *chain, const char *verb, double value)
{
    struct bb_control control = {.value = value};
    struct bb_control_result result = {0};
    struct bb_problem problem = {0};
    (void)snprintf(control.verb, sizeof control.verb, "%s", verb);
    unsigned before = chain->batteries[0].commands;
    int error = bb_wire_command(chain->wire, 0, &control, chain->now_ms, &problem);
    if (error == BB_ERR_UNSUPPORTED) {
        chain_tear_down(chain);
        skip();
    }
    assert_int_equal(error, BB_OK);
    chain_run(chain, 10000);
    assert_int_equal(chain->batteries[0].commands, before + 1);
    bb_wire_result(chain->wire, 0, &result);
    if (!result.done) {
        fail_msg("%s %s %g: %s", chain->driver->id, verb, value, result.reason);
    }
}

static void test_switches_are_written_and_read_back(void **state)
{
    struct chain *chain = start(state);
    const struct bb_sim_pack *pack = &chain->bench.line.boards[0].pack;
    chain_run(chain, 10000);
    write_switch(chain, "charge_fet", 0);
    assert_false(pack->charge_switch);
    assert_true(pack->discharge_switch);
    write_switch(chain, "discharge_fet", 0);
    assert_false(pack->charge_switch || pack->discharge_switch);
    write_switch(chain, "charge_fet", 1);
    write_switch(chain, "discharge_fet", 1);
    assert_true(pack->charge_switch && pack->discharge_switch);
    chain_tear_down(chain);
}

/* One test per driver and case. */
#define CASE(function, id) cmocka_unit_test_prestate(function, id)
#define CASES(id)                                                                                  \
    CASE(test_everything_is_decoded, id), CASE(test_the_whole_range_is_decoded, id),               \
        CASE(test_highest_and_lowest_numbers, id), CASE(test_loss, id), CASE(test_corruption, id), \
        CASE(test_corruption_of_everything, id), CASE(test_truncation, id),                        \
        CASE(test_garbage, id), CASE(test_wrong_addresses, id),                                    \
        CASE(test_delay_within_the_time_out, id), CASE(test_delay_beyond_the_time_out, id),        \
        CASE(test_very_late_answers, id), CASE(test_loss_makes_no_outage, id),                     \
        CASE(test_somebody_elses_answers_are_never_taken, id),                                     \
        CASE(test_silence_is_noticed_and_ends, id), CASE(test_echo_is_harmless, id),               \
        CASE(test_everything_at_once, id), CASE(test_switches_are_written_and_read_back, id)

/* Every serial protocol that both a driver and a server exist for. */
int main(void)
{
    int failed = 0;
    int groups = 0;
    for (size_t i = 0; bb_sim_protocol_at(i) != NULL; i++) {
        const struct bb_sim_protocol *protocol = bb_sim_protocol_at(i);
        char id[16];
        (void)snprintf(id, sizeof id, "%s", protocol->id);
        if (protocol->can || bb_driver_find(id) == NULL) {
            continue;
        }
        const struct CMUnitTest tests[] = {CASES(id)};
        failed += cmocka_run_group_tests_name(id, tests, NULL, NULL);
        groups++;
    }
    return failed > 0 || groups == 0 ? 1 : 0;
}
