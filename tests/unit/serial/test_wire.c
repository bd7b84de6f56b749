/* The scheduler of a shared wire, on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "proto/deadlines.h"
#include "rig.h"

#define DAY_MS (24 * 60 * 60 * 1000LL)

static const struct stub_spec usual = {.steps = 2, .tries = 2, .timeout_ms = 300, .silence_ms = 20};

static void rig_up(struct rig *rig)
{
    bb_wire_link(rig->wire, true, rig->now_ms);
}

static void a_state_arrives_every_period(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig, &usual, 1, 1000);
    assert_string_equal(rig_link(&rig, 0).state, "down");
    rig_up(&rig);
    assert_string_equal(rig_link(&rig, 0).state, "searching");
    rig_run(&rig, rig.now_ms + 60500);
    assert_int_equal(rig.batteries[0].states, 61);
    assert_in_range(rig.batteries[0].longest_gap_ms, 1000, 1010);
    struct bb_battery battery;
    int64_t time_ms;
    bb_wire_battery(rig.wire, 0, &battery, &time_ms);
    assert_true(battery.voltage.present);
    assert_int_equal((int)battery.voltage.value, 50);
    struct bb_link link = rig_link(&rig, 0);
    assert_string_equal(link.state, "online");
    assert_int_equal(link.requests.value, 122);
    assert_int_equal(link.snapshots.value, 61);
    assert_int_equal(link.backoff_ms.value, 0);
    assert_in_range(link.period_ms.value, 995, 1005);
    /* two exchanges: request, think time, answer */
    assert_in_range(link.busy_ms.value, 2 * (5 + 40 + 7) - 2, 2 * (5 + 40 + 7) + 2);
    rig_tear_down(&rig);
}

static void nothing_is_due_between_polls(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig, &usual, 1, 1000);
    assert_true(bb_wire_wake_ms(rig.wire) == BB_NEVER_MS);
    int64_t began_ms = rig.now_ms;
    rig_up(&rig);
    rig_run(&rig, began_ms + 500);
    assert_in_range(bb_wire_wake_ms(rig.wire), began_ms + 1000, began_ms + 1030);
    rig_tear_down(&rig);
}

static void stations_share_the_wire_evenly(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig, &usual, 4, 0);
    rig_up(&rig);
    rig_run(&rig, rig.now_ms + 60000);
    unsigned most = 0;
    unsigned least = UINT32_MAX;
    for (size_t i = 0; i < 4; i++) {
        unsigned states = rig.batteries[i].states;
        most = states > most ? states : most;
        least = states < least ? states : least;
    }
    assert_true(most - least <= 1);
    /* 5 + 40 + 7 ms an exchange, 21 ms pause, two exchanges a state: the line never idles */
    assert_in_range(4 * least, 60000 / (2 * 73) - 8, 60000 / (2 * 73) + 4);
    rig_tear_down(&rig);
}

/* Many requests make one state: it must not be spread over the turns of all others. */
static void a_state_is_read_in_one_go(void **state)
{
    (void)state;
    struct rig rig;
    struct stub_spec spec = usual;
    spec.steps = 8;
    rig_set_up(&rig, &spec, 4, 0);
    rig_up(&rig);
    rig_run(&rig, rig.now_ms + 20000);
    for (size_t i = 0; i < 4; i++) {
        assert_true(rig.batteries[i].states > 5);
        assert_in_range(rig_link(&rig, i).busy_ms.value, 8 * 50, 8 * 56);
        struct bb_battery battery;
        int64_t time_ms;
        bb_wire_battery(rig.wire, i, &battery, &time_ms);
        assert_true(rig.batteries[i].last_state_ms - time_ms < 8 * 74);
    }
    rig_tear_down(&rig);
}

/* Batteries share a wire that cannot keep up with the period: whoever reads the states must be
 * told, or it takes slow for dead. */
static void a_slow_wire_says_its_real_interval(void **state)
{
    (void)state;
    struct rig rig;
    struct stub_spec spec = usual;
    spec.steps = 8;
    rig_set_up(&rig, &spec, 4, 1000);
    rig_up(&rig);
    assert_int_equal(bb_wire_interval_ms(rig.wire, 0), 1000);
    rig_run(&rig, rig.now_ms + 20000);
    assert_in_range(bb_wire_interval_ms(rig.wire, 0), 4 * 8 * 70, 4 * 8 * 76);
    assert_string_equal(rig_link(&rig, 0).state, "online");
    rig_tear_down(&rig);
}

static unsigned states_within(struct rig *rig, size_t battery, int64_t duration_ms)
{
    unsigned before = rig->batteries[battery].states;
    rig_run(rig, rig->now_ms + duration_ms);
    return rig->batteries[battery].states - before;
}

static void a_silent_neighbour_costs_little(void **state, uint32_t period_ms)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig, &usual, 2, period_ms);
    rig_up(&rig);
    unsigned together = states_within(&rig, 0, 60000);
    rig.batteries[1].dead = true;
    unsigned alone = states_within(&rig, 0, 60000);
    assert_true(alone * 10 >= together * 8);
    assert_string_equal(rig_link(&rig, 1).state, "silent");
    assert_string_equal(rig_link(&rig, 1).last_error, "no answer");
    assert_int_equal(rig_link(&rig, 1).backoff_ms.value, BB_BACKOFF_MAX_MS);
    assert_string_equal(rig_link(&rig, 0).state, "online");

    /* From here it costs one time-out per back-off. */
    unsigned asked = rig.batteries[1].requests;
    rig_run(&rig, rig.now_ms + 10 * BB_BACKOFF_MAX_MS);
    assert_in_range(rig.batteries[1].requests - asked, 9, 10);

    rig.batteries[1].dead = false;
    unsigned failures = rig.batteries[1].failures;
    rig_run(&rig, rig.now_ms + BB_BACKOFF_MAX_MS + 400);
    assert_string_equal(rig_link(&rig, 1).state, "online");
    assert_int_equal(rig_link(&rig, 1).backoff_ms.value, 0);
    assert_int_equal(rig.batteries[1].failures, failures);
    rig_tear_down(&rig);
}

static void a_silent_neighbour_at_one_second(void **state)
{
    a_silent_neighbour_costs_little(state, 1000);
}

static void a_silent_neighbour_at_full_speed(void **state)
{
    a_silent_neighbour_costs_little(state, 0);
}

static void an_absent_battery_is_asked_ever_more_rarely(void **state)
{
    (void)state;
    static const int64_t pauses_ms[] = {0, 1000, 2000, 5000, 10000, 30000, 30000};
    struct rig rig;
    rig_set_up(&rig, &usual, 1, 0);
    rig.batteries[0].dead = true;
    rig_up(&rig);
    for (size_t i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
        unsigned failures = rig.batteries[0].failures;
        int64_t began_ms = rig.now_ms;
        while (rig.batteries[0].failures == failures) {
            rig_run(&rig, rig.now_ms + 1);
        }
        assert_int_equal(rig_link(&rig, 0).backoff_ms.value, pauses_ms[i]);
        assert_true(rig.now_ms - began_ms < 1000 + (i > 0 ? pauses_ms[i - 1] : 0));
    }
    rig_tear_down(&rig);
}

/* Promise: lost polls alone never make a battery lost. */
static void random_loss_never_looks_like_an_outage(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 3; seed++) {
        struct rig rig;
        struct stub_spec spec = {.steps = 1, .tries = 1, .timeout_ms = 300, .silence_ms = 20};
        rig_set_up(&rig, &spec, 2, 1000);
        rig.random = seed * 7919;
        rig.batteries[0].loss_percent = 10;
        rig.batteries[1].loss_percent = 10;
        rig_up(&rig);
        rig_run(&rig, rig.now_ms + DAY_MS);
        for (size_t i = 0; i < 2; i++) {
            assert_true(rig.batteries[i].failures > 8000); /* the loss was real */
            assert_true(rig.batteries[i].states > 75000);
            assert_true(rig.batteries[i].longest_gap_ms < bb_lost_after_ms(1000));
            assert_string_equal(rig_link(&rig, i).state, "online");
        }
        rig_tear_down(&rig);
    }
}

static void total_silence_is_noticed_in_time(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig, &usual, 2, 1000);
    rig.batteries[0].loss_percent = 10;
    rig.batteries[1].loss_percent = 10;
    rig_up(&rig);
    for (int round = 0; round < 200; round++) {
        rig_run(&rig, rig.now_ms + 2000 + round * 13);
        assert_string_equal(rig_link(&rig, 0).state, "online");
        int64_t last_ms = rig_link(&rig, 0).last_good_ms.value;
        rig.batteries[0].dead = true;
        rig_run(&rig, last_ms + bb_lost_after_ms(1000) - 1);
        if (rig_link(&rig, 0).last_good_ms.value == last_ms) {
            assert_string_equal(rig_link(&rig, 0).state, "online");
        }
        rig_run(&rig, rig_link(&rig, 0).last_good_ms.value + bb_lost_after_ms(1000));
        assert_string_equal(rig_link(&rig, 0).state, "silent");
        assert_false(bb_wire_is_online(rig.wire, 0));
        rig.batteries[0].dead = false;
        rig_run(&rig, rig.now_ms + 8000);
    }
    rig_tear_down(&rig);
}

static void garbage_changes_nothing_but_counters(void **state)
{
    (void)state;
    static const uint8_t noise[] = {0x00, 0xFF, 0xB5, 0x01, 0x00, 0x63, 0x00, 0x00, 0x77};
    struct rig rig;
    rig_set_up(&rig, &usual, 2, 1000);
    rig_up(&rig);
    for (int i = 0; i < 100; i++) {
        rig_run(&rig, rig.now_ms + 337);
        rig_inject(&rig, noise, sizeof noise);
    }
    for (size_t i = 0; i < 2; i++) {
        struct bb_link link = rig_link(&rig, i);
        assert_string_equal(link.state, "online");
        assert_true(link.garbage_bytes.value + link.checksum_errors.value > 0);
        assert_in_range(rig.batteries[i].states, 30, 35);
        struct bb_battery battery;
        int64_t time_ms;
        bb_wire_battery(rig.wire, i, &battery, &time_ms);
        assert_int_equal((int)battery.voltage.value, 50 + (int)i);
    }
    rig_tear_down(&rig);
}

/* An answer that comes after its time-out meets the next request, or nobody. */
static void a_late_answer_is_not_taken_for_another(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig, &usual, 2, 1000);
    rig.batteries[0].dead = true;
    rig_up(&rig);
    rig_run(&rig, rig.now_ms + 3000);
    const uint8_t request[] = {0xA5, 1, 0, 0xA4};
    uint8_t late[STUB_REPLY_SIZE];
    stub_answer(request, 99, 0, late);
    const int64_t foreign[] = {rig_link(&rig, 0).foreign_frames.value,
                               rig_link(&rig, 1).foreign_frames.value};
    while (bb_wire_wake_ms(rig.wire) - rig.now_ms < 100) {
        rig_run(&rig, rig.now_ms + 1); /* until the line is idle */
    }
    rig_inject(&rig, late, sizeof late);
    assert_int_equal(rig_link(&rig, 0).foreign_frames.value, foreign[0] + 1);
    assert_int_equal(rig_link(&rig, 1).foreign_frames.value, foreign[1] + 1);
    assert_int_equal(rig.batteries[0].states, 0);
    assert_true(rig.batteries[1].states >= 2);
    rig_tear_down(&rig);
}

static void another_master_is_reported(void **state)
{
    (void)state;
    static const uint8_t request[] = {0xA5, 7, 0, 0xA2};
    struct rig rig;
    rig_set_up(&rig, &usual, 1, 1000);
    rig_up(&rig);
    rig_run(&rig, rig.now_ms + 500);
    rig_inject(&rig, request, sizeof request);
    assert_int_equal(rig.foreign_masters, 1);
    assert_string_equal(rig_link(&rig, 0).last_error, "another master asks on this wire");
    rig_tear_down(&rig);
}

/* Somebody talks all the time: no request may collide with it, and the owner is told. */
static void a_line_that_is_never_quiet_is_reported(void **state)
{
    (void)state;
    static const uint8_t noise[] = {0x00};
    struct rig rig;
    rig_set_up(&rig, &usual, 1, 1000);
    rig_up(&rig);
    rig_run(&rig, rig.now_ms + 3300);
    unsigned asked = rig.batteries[0].requests;
    for (int i = 0; i < 1500; i++) {
        rig_run(&rig, rig.now_ms + 10);
        rig_inject(&rig, noise, sizeof noise);
    }
    assert_int_equal(rig.batteries[0].requests, asked);
    assert_string_equal(rig_link(&rig, 0).state, "silent");
    assert_string_equal(rig_link(&rig, 0).last_error,
                        "the line is never quiet for 20 ms: noise or another master");
    rig_run(&rig, rig.now_ms + 1500);
    assert_string_equal(rig_link(&rig, 0).state, "online");
    rig_tear_down(&rig);
}

static void the_link_goes_down_and_comes_back(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig, &usual, 2, 1000);
    rig_up(&rig);
    rig_run(&rig, rig.now_ms + 5010); /* in the middle of an exchange */
    bb_wire_link(rig.wire, false, rig.now_ms);
    rig.answering = false;
    assert_string_equal(rig_link(&rig, 0).state, "down");
    assert_true(bb_wire_wake_ms(rig.wire) == BB_NEVER_MS);
    unsigned states = rig.batteries[0].states;
    struct bb_request request;
    assert_false(bb_wire_next(rig.wire, rig.now_ms, &request));
    rig_run(&rig, rig.now_ms + 60000);
    assert_int_equal(rig.batteries[0].states, states);

    rig_up(&rig);
    int64_t back_ms = rig.now_ms;
    rig_run(&rig, back_ms + 1000);
    assert_true(rig.batteries[0].states > states);
    struct bb_link link = rig_link(&rig, 0);
    assert_string_equal(link.state, "online");
    assert_int_equal(link.reconnects.value, 1);
    rig_tear_down(&rig);
}

static void a_write_waits_until_it_fits(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig, &usual, 1, 1000);
    rig_up(&rig);
    struct bb_request request;
    rig.now_ms += 500;
    assert_true(bb_wire_next(rig.wire, rig.now_ms, &request));
    /* The port takes its time: nothing else is offered, nothing times out. */
    assert_false(bb_wire_next(rig.wire, rig.now_ms + 5, &request));
    bb_wire_tick(rig.wire, rig.now_ms + 400);
    assert_int_equal(rig_link(&rig, 0).requests.value, 0);
    bb_wire_written(rig.wire, rig.now_ms + 400);
    assert_int_equal(bb_wire_wake_ms(rig.wire), rig.now_ms + 405); /* four bytes at 9600 baud */
    bb_wire_tick(rig.wire, rig.now_ms + 405);
    assert_int_equal(rig_link(&rig, 0).requests.value, 1);
    assert_int_equal(bb_wire_wake_ms(rig.wire), rig.now_ms + 705); /* the time-out */
    rig_tear_down(&rig);
}

static void a_command_goes_first_and_is_answered(void **state)
{
    (void)state;
    struct rig rig;
    struct stub_spec spec = usual;
    spec.steps = 8;
    rig_set_up(&rig, &spec, 4, 0);
    const struct bb_control off = {.verb = "charge_fet", .value = 0};
    const struct bb_control unknown = {.verb = "self_destruct", .value = 1};
    struct bb_problem problem;
    assert_int_equal(bb_wire_command(rig.wire, 2, &off, rig.now_ms, &problem), BB_ERR_BUSY);
    rig_up(&rig);
    rig_run(&rig, rig.now_ms + 10000);
    assert_int_equal(bb_wire_command(rig.wire, 2, &unknown, rig.now_ms, &problem),
                     BB_ERR_UNSUPPORTED);
    assert_int_equal(bb_wire_command(rig.wire, 2, &off, rig.now_ms, &problem), BB_OK);
    rig_run(&rig, rig.now_ms + 200); /* two exchanges, though a state takes eight */
    assert_int_equal(rig.batteries[2].commands, 1);
    struct bb_control_result result;
    bb_wire_result(rig.wire, 2, &result);
    assert_true(result.done);
    rig_tear_down(&rig);
}

static void exchanges_are_kept_per_battery(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig, &usual, 2, 1000);
    rig_up(&rig);
    rig_run(&rig, rig.now_ms + 500);
    const struct bb_trace *trace = bb_wire_trace(rig.wire, 1);
    assert_int_equal(trace->count, 4);
    assert_int_equal(bb_trace_at(trace, 0)->origin, BB_TRACE_SENT);
    assert_int_equal(bb_trace_at(trace, 0)->data[1], 2);
    assert_int_equal(bb_trace_at(trace, 1)->origin, BB_TRACE_ANSWER);
    assert_int_equal(bb_trace_at(trace, 1)->size, STUB_REPLY_SIZE);
    const uint8_t stray[] = {1, 2, 3};
    rig_inject(&rig, stray, sizeof stray);
    assert_int_equal(bb_trace_at(trace, 4)->origin, BB_TRACE_STRAY);
    assert_int_equal(bb_wire_trace(rig.wire, 0)->count, 5);
    rig_tear_down(&rig);
}

static void a_refused_station_is_not_added(void **state)
{
    (void)state;
    struct rig rig;
    rig_set_up(&rig, &usual, 1, 1000);
    const struct bb_driver_setting setting = {.name = "colour", .value = "red"};
    struct bb_driver_config config = {
        .medium = BB_MEDIUM_SERIAL, .address = 2, .settings = &setting, .setting_count = 1};
    struct bb_problem problem;
    assert_int_equal(bb_wire_add(rig.wire, &rig.driver, &config, &problem), BB_ERR_UNKNOWN);
    assert_string_equal(problem.where, "colour");
    assert_int_equal(bb_wire_count(rig.wire), 1);
    config.setting_count = 0;
    for (size_t i = 1; i < BB_WIRE_STATIONS_MAX; i++) {
        assert_int_equal(bb_wire_add(rig.wire, &rig.driver, &config, &problem), (int)i);
    }
    assert_int_equal(bb_wire_add(rig.wire, &rig.driver, &config, &problem), BB_ERR_OVERSIZE);
    rig_tear_down(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_arrives_every_period),
        cmocka_unit_test(nothing_is_due_between_polls),
        cmocka_unit_test(stations_share_the_wire_evenly),
        cmocka_unit_test(a_state_is_read_in_one_go),
        cmocka_unit_test(a_slow_wire_says_its_real_interval),
        cmocka_unit_test(a_silent_neighbour_at_one_second),
        cmocka_unit_test(a_silent_neighbour_at_full_speed),
        cmocka_unit_test(an_absent_battery_is_asked_ever_more_rarely),
        cmocka_unit_test(random_loss_never_looks_like_an_outage),
        cmocka_unit_test(total_silence_is_noticed_in_time),
        cmocka_unit_test(garbage_changes_nothing_but_counters),
        cmocka_unit_test(a_late_answer_is_not_taken_for_another),
        cmocka_unit_test(another_master_is_reported),
        cmocka_unit_test(a_line_that_is_never_quiet_is_reported),
        cmocka_unit_test(the_link_goes_down_and_comes_back),
        cmocka_unit_test(a_write_waits_until_it_fits),
        cmocka_unit_test(a_command_goes_first_and_is_answered),
        cmocka_unit_test(exchanges_are_kept_per_battery),
        cmocka_unit_test(a_refused_station_is_not_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
