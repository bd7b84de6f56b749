#include "tests/unit/sim/chain.h"

#include "proto/deadlines.h"
#include "tests/unit/sim/chain_expect.h"
#include "tests/unit/sim/fixture.h"

static int64_t travel_ms(const struct chain *chain, size_t size)
{
    int64_t bit_rate = chain->bench.line.bit_rate;
    return ((int64_t)size * 10000 + bit_rate - 1) / bit_rate;
}

static void on_event(void *arg, size_t station, enum bb_event event)
{
    struct chain *chain = arg;
    struct chain_battery *battery = &chain->batteries[station];
    int64_t time_ms = 0;
    switch (event) {
    case BB_EVENT_STATE:
        if (battery->states > 0 &&
            chain->now_ms - battery->last_state_ms > battery->longest_gap_ms) {
            battery->longest_gap_ms = chain->now_ms - battery->last_state_ms;
        }
        battery->states++;
        battery->last_state_ms = chain->now_ms;
        bb_wire_battery(chain->wire, station, &battery->last, &time_ms);
        assert_true(time_ms <= chain->now_ms);
        chain_check(chain, station, &battery->last);
        break;
    case BB_EVENT_FAILED:
        battery->failures++;
        break;
    case BB_EVENT_COMMAND:
        battery->commands++;
        break;
    case BB_EVENT_FOREIGN_MASTER:
    case BB_EVENT_NONE:
        break;
    }
}

/* Keeps what every board shows from now on. */
static void show(struct chain *chain)
{
    for (size_t i = 0; i < chain->count; i++) {
        struct chain_battery *battery = &chain->batteries[i];
        size_t at = battery->shown_count++ % CHAIN_SHOWN;
        battery->shown[at] = *bb_sim_board_shown(&chain->bench.line.boards[i]);
        battery->shown_ms[at] = chain->now_ms;
    }
}

void chain_set_up(struct chain *chain, const struct bb_driver *driver, size_t count,
                  const struct bb_sim_pack_setup *setup)
{
    memset(chain, 0, sizeof *chain);
    chain->driver = driver;
    chain->count = count;
    chain->now_ms = chain->stepped_ms = 1000;
    chain->arrives_ms = BB_NEVER_MS;
    chain->window_ms = BB_STALE_MAX_MS + 1000; /* and what the answer took */
    chain->random.state = 3;
    struct bb_sim_line *line = &chain->bench.line;
    struct bb_sim_pack_setup own = *setup;
    bb_sim_line_init(line, bb_sim_protocol_find(driver->id));
    line->paced = true;
    own.balancer = line->protocol->balancer;
    chain->wire = bb_wire_new(line->bit_rate, on_event, chain);
    assert_non_null(chain->wire);
    for (size_t i = 0; i < count; i++) {
        uint16_t address = (uint16_t)(line->protocol->address_default + 2 * i);
        struct bb_driver_config config = {
            .medium = BB_MEDIUM_SERIAL, .address = address, .period_ms = 1000};
        assert_non_null(bb_sim_line_add(line, "chain", address, &own, 1, NULL));
        assert_int_equal(bb_wire_add(chain->wire, driver, &config, NULL), (int)i);
    }
    bb_sim_bench_connect(&chain->bench);
    chain->bench.speed = 10;
    chain_calm(chain, CHAIN_SETTLE_MS);
    bb_wire_link(chain->wire, true, chain->now_ms);
}

void chain_calm(struct chain *chain, int64_t duration_ms)
{
    chain->restless_ms = chain->now_ms + duration_ms;
    chain_command(chain, "power=-800");
}

void chain_tear_down(struct chain *chain)
{
    bb_wire_destroy(&chain->wire);
}

/* A new power every few seconds: current and voltages jump. */
static void disturb(struct chain *chain)
{
    if (chain->now_ms < chain->restless_ms) {
        return;
    }
    double power_w = bb_sim_random_around(&chain->random, 4000);
    power_w = chain->one_way ? -200 - fabs(power_w) : power_w;
    chain->restless_ms = chain->now_ms + 1000 + bb_sim_random_below(&chain->random, 4000);
    assert_int_equal(bb_sim_bench_command(&chain->bench, BB_SIM_ALL_BOARDS, "power", power_w, NULL),
                     BB_OK);
    if (chain->one_way && bb_sim_pack_soc(chain->bench.plant.packs[0]) < 10) {
        chain_command(chain, "soc=90");
    }
}

static void step_plant(struct chain *chain)
{
    if (chain->now_ms - chain->stepped_ms < CHAIN_SHOW_MS) {
        return;
    }
    disturb(chain);
    bb_sim_bench_step(&chain->bench, chain->now_ms, chain->now_ms - chain->stepped_ms);
    chain->stepped_ms = chain->now_ms;
    show(chain);
}

static void carry_bytes(struct chain *chain)
{
    uint8_t answer[BB_SIM_ANSWER_MAX];
    struct bb_sim_line *line = &chain->bench.line;
    if (chain->now_ms >= chain->arrives_ms) {
        chain->arrives_ms = BB_NEVER_MS;
        bb_sim_line_receive(line, chain->request.data, chain->request.size, chain->now_ms);
        show(chain); /* a write may have changed something */
    }
    size_t size = bb_sim_line_transmit(line, chain->now_ms, answer, sizeof answer);
    if (size > 0) {
        bb_wire_receive(chain->wire, answer, size, chain->now_ms);
    }
}

static void carry_requests(struct chain *chain)
{
    while (bb_wire_next(chain->wire, chain->now_ms, &chain->request)) {
        assert_true(chain->arrives_ms == BB_NEVER_MS);
        chain->arrives_ms = chain->now_ms + travel_ms(chain, chain->request.size);
        bb_wire_written(chain->wire, chain->now_ms);
    }
}

static int64_t earliest(const struct chain *chain)
{
    const int64_t times_ms[] = {
        bb_wire_wake_ms(chain->wire),
        bb_sim_line_wake_ms(&chain->bench.line),
        chain->arrives_ms,
        chain->stepped_ms + CHAIN_SHOW_MS,
    };
    int64_t next_ms = times_ms[0];
    for (size_t i = 1; i < sizeof times_ms / sizeof times_ms[0]; i++) {
        next_ms = times_ms[i] < next_ms ? times_ms[i] : next_ms;
    }
    return next_ms > chain->now_ms ? next_ms : chain->now_ms + 1;
}

void chain_run(struct chain *chain, int64_t duration_ms)
{
    int64_t until_ms = chain->now_ms + duration_ms;
    while (chain->now_ms < until_ms) {
        chain->now_ms = earliest(chain);
        step_plant(chain);
        carry_bytes(chain);
        bb_wire_tick(chain->wire, chain->now_ms);
        carry_requests(chain);
    }
}

void chain_command(struct chain *chain, const char *text)
{
    struct bb_problem problem = {0};
    if (bb_sim_bench_command_text(&chain->bench, text, &problem) != BB_OK) {
        fail_msg("%s: %s", problem.where, problem.what);
    }
    show(chain);
}

/* How many of the newest things a battery has shown may still be what was decoded. What was shown
 * last before the window began was still shown inside it. */
static size_t count_young(const struct chain_battery *battery, int64_t since_ms)
{
    size_t most = battery->shown_count < CHAIN_SHOWN ? battery->shown_count : CHAIN_SHOWN;
    for (size_t young = 1; young <= most; young++) {
        if (battery->shown_ms[(battery->shown_count - young) % CHAIN_SHOWN] < since_ms) {
            return young;
        }
    }
    return most;
}

void chain_check(struct chain *chain, size_t station, const struct bb_battery *battery)
{
    const struct chain_battery *known = &chain->batteries[station];
    const struct bb_sim_board *board = &chain->bench.line.boards[station];
    size_t young = count_young(known, chain->now_ms - chain->window_ms);
    for (size_t part = 0; part < EXPECT_PARTS; part++) {
        const char *wrong = "everything";
        bool found = false;
        for (size_t i = 1; i <= young && !found; i++) {
            const struct bb_sim_pack *pack = &known->shown[(known->shown_count - i) % CHAIN_SHOWN];
            const char *why = expect_part(chain->driver->id, part, board, pack, battery);
            found = why == NULL;
            wrong = i == 1 ? why : wrong;
        }
        if (!found) {
            fail_msg("%s at 0x%02x, %lld ms: %s was never shown", chain->driver->id, board->address,
                     (long long)chain->now_ms, wrong);
        }
    }
}
