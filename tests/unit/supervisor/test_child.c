#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "common/actor.h"
#include "proto/deadlines.h"
#include "supervisor/child.h"

/* What waitpid reports on Linux. */
#define EXITED(code) ((code) << 8)
#define KILLED(number) (number)

#define PID 100

static const struct bb_instance instance = {.name = "serial-rack", .program = "serial"};

/* A child that waits for its turn no longer. */
static void begin(struct bb_child *child, int64_t now_ms)
{
    bb_child_init(child, &instance);
    bb_child_start(child);
    bb_child_release(child, now_ms);
}

static void spawn(struct bb_child *child, int64_t now_ms)
{
    assert_int_equal(bb_child_next(child, now_ms), BB_ACT_SPAWN);
    bb_child_spawned(child, PID, now_ms);
    assert_int_equal(bb_child_next(child, now_ms), BB_ACT_NONE);
}

static void hear(struct bb_child *child, int64_t now_ms, bool ready, bool watchdog)
{
    struct bb_notice notice = {.ready = ready, .watchdog = watchdog};
    bb_child_heard(child, &notice, now_ms);
}

static void run(struct bb_child *child, int64_t now_ms)
{
    begin(child, now_ms);
    spawn(child, now_ms);
    hear(child, now_ms, true, false);
    assert_int_equal(child->state, BB_CHILD_RUNNING);
}

static void test_nothing_happens_before_it_is_wanted_and_its_turn(void **state)
{
    (void)state;
    struct bb_child child;
    bb_child_init(&child, &instance);
    assert_int_equal(bb_child_next(&child, 1000000), BB_ACT_NONE);
    bb_child_start(&child);
    assert_int_equal(child.state, BB_CHILD_WAITING);
    assert_int_equal(bb_child_next(&child, 1000000), BB_ACT_NONE);
    bb_child_release(&child, 1000000);
    assert_int_equal(bb_child_next(&child, 1000000), BB_ACT_SPAWN);
}

static void test_runs_as_long_as_it_is_heard_of(void **state)
{
    (void)state;
    struct bb_child child;
    run(&child, 0);
    for (int64_t now_ms = 0; now_ms < 1000000; now_ms += BB_WATCHDOG_MS / 2) {
        assert_int_equal(bb_child_next(&child, now_ms), BB_ACT_NONE);
        hear(&child, now_ms, false, true);
    }
    assert_int_equal(child.restarts, 0);
}

static void test_silent_process_is_aborted_then_killed_then_restarted(void **state)
{
    (void)state;
    struct bb_child child;
    run(&child, 0);
    assert_int_equal(bb_child_next(&child, BB_WATCHDOG_MS - 1), BB_ACT_NONE);
    assert_int_equal(bb_child_next(&child, BB_WATCHDOG_MS), BB_ACT_ABORT);
    assert_int_equal(child.state, BB_CHILD_STOPPING);
    int64_t now_ms = BB_WATCHDOG_MS + BB_ABORT_MS;
    assert_int_equal(bb_child_next(&child, now_ms - 1), BB_ACT_NONE);
    hear(&child, now_ms - 1, true, true); /* too late */
    assert_int_equal(bb_child_next(&child, now_ms), BB_ACT_KILL);
    assert_int_equal(bb_child_next(&child, now_ms + 100000), BB_ACT_NONE);
    bb_child_ended(&child, KILLED(9), now_ms);
    assert_string_equal(child.reason, "watchdog: silent for 5000 ms");
    assert_int_equal(child.restarts, 1);
    assert_int_equal(bb_child_next(&child, now_ms), BB_ACT_SPAWN);
}

static void test_process_that_is_never_ready_is_killed(void **state)
{
    (void)state;
    struct bb_child child;
    begin(&child, 0);
    spawn(&child, 0);
    assert_int_equal(bb_child_next(&child, BB_READY_MS - 1), BB_ACT_NONE);
    assert_int_equal(bb_child_next(&child, BB_READY_MS), BB_ACT_ABORT);
    bb_child_ended(&child, KILLED(6), BB_READY_MS);
    assert_string_equal(child.reason, "watchdog: not ready after 10000 ms");
}

static void test_watchdog_stands_in_for_a_lost_ready(void **state)
{
    (void)state;
    struct bb_child child;
    begin(&child, 0);
    spawn(&child, 0);
    hear(&child, 10, false, true);
    assert_int_equal(child.state, BB_CHILD_RUNNING);
}

static void test_deaths_say_their_reason(void **state)
{
    (void)state;
    static const struct {
        int wait_status;
        const char *reason;
        enum bb_child_state state;
    } cases[] = {
        {KILLED(9), "killed by signal 9", BB_CHILD_WAITING},
        {EXITED(1), "exit 1", BB_CHILD_WAITING},
        {EXITED(0), "exit 0", BB_CHILD_WAITING},
        {EXITED(BB_EXIT_CONFIG), "exit 78: its configuration is wrong", BB_CHILD_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bb_child child;
        run(&child, 0);
        bb_child_ended(&child, cases[i].wait_status, 5);
        assert_string_equal(child.reason, cases[i].reason);
        assert_int_equal(child.state, cases[i].state);
        assert_int_equal(child.pid, 0);
        assert_int_equal(child.restarts, 1);
    }
}

static void test_wrong_configuration_is_tried_again_now_and_then(void **state)
{
    (void)state;
    struct bb_child child;
    begin(&child, 0);
    spawn(&child, 0);
    bb_child_ended(&child, EXITED(BB_EXIT_CONFIG), 0);
    assert_int_equal(bb_child_next(&child, BB_RESTART_MAX_MS - 1), BB_ACT_NONE);
    assert_int_equal(bb_child_next(&child, BB_RESTART_MAX_MS), BB_ACT_SPAWN);
    bb_child_restart(&child, 10); /* what a reload does when its options changed */
    assert_int_equal(bb_child_next(&child, 10), BB_ACT_SPAWN);
}

static void test_program_that_cannot_be_started_backs_off(void **state)
{
    (void)state;
    struct bb_child child;
    begin(&child, 0);
    assert_int_equal(bb_child_next(&child, 0), BB_ACT_SPAWN);
    bb_child_not_spawned(&child, "no such file", 0);
    assert_string_equal(child.reason, "no such file");
    assert_int_equal(bb_child_next(&child, 0), BB_ACT_SPAWN);
    bb_child_not_spawned(&child, "no such file", 0);
    assert_int_equal(bb_child_next(&child, BB_RESTART_FIRST_MS - 1), BB_ACT_NONE);
    assert_int_equal(bb_child_next(&child, BB_RESTART_FIRST_MS), BB_ACT_SPAWN);
}

static void test_stop_asks_then_kills_and_stays_stopped(void **state)
{
    (void)state;
    struct bb_child child;
    run(&child, 0);
    bb_child_stop(&child, 2500);
    assert_int_equal(bb_child_next(&child, 0), BB_ACT_TERM);
    assert_int_equal(bb_child_next(&child, 2499), BB_ACT_NONE);
    assert_int_equal(bb_child_next(&child, 2500), BB_ACT_KILL);
    bb_child_ended(&child, KILLED(9), 2501);
    assert_string_equal(child.reason, "stopped, by force");
    assert_int_equal(child.state, BB_CHILD_STOPPED);
    assert_int_equal(bb_child_next(&child, 1000000), BB_ACT_NONE);
    assert_int_equal(child.restarts, 0);
}

static void test_an_earlier_end_shortens_a_stop_under_way(void **state)
{
    (void)state;
    struct bb_child child;
    run(&child, 0);
    bb_child_stop(&child, 2500);
    assert_int_equal(bb_child_next(&child, 0), BB_ACT_TERM);
    bb_child_stop(&child, 1000);
    assert_int_equal(bb_child_next(&child, 1000), BB_ACT_KILL);
    bb_child_stop(&child, 500); /* nothing is left to shorten */
    assert_int_equal(bb_child_next(&child, 2000), BB_ACT_NONE);
}

static void test_stop_while_waiting_needs_no_process(void **state)
{
    (void)state;
    struct bb_child child;
    begin(&child, 0);
    bb_child_stop(&child, 2500);
    assert_int_equal(child.state, BB_CHILD_STOPPED);
    bb_child_start(&child);
    bb_child_stop(&child, 2500);
    bb_child_release(&child, 0); /* its turn came too late */
    assert_int_equal(bb_child_next(&child, 1000000), BB_ACT_NONE);
}

static void test_restart_comes_without_back_off(void **state)
{
    (void)state;
    struct bb_child child;
    run(&child, 0);
    child.streak = 7;
    bb_child_restart(&child, 100);
    assert_int_equal(bb_child_next(&child, 100), BB_ACT_TERM);
    bb_child_ended(&child, EXITED(0), 120);
    assert_string_equal(child.reason, "stopped");
    assert_int_equal(bb_child_next(&child, 120), BB_ACT_SPAWN);
    assert_int_equal(child.restarts, 0);
    assert_int_equal(child.streak, 0);
}

static void test_start_takes_back_a_stop_under_way(void **state)
{
    (void)state;
    struct bb_child child;
    run(&child, 0);
    bb_child_stop(&child, 2500);
    assert_int_equal(bb_child_next(&child, 0), BB_ACT_TERM);
    bb_child_start(&child);
    bb_child_ended(&child, EXITED(0), 50);
    assert_int_equal(bb_child_next(&child, 50), BB_ACT_SPAWN);
}

static void test_health_forgets_earlier_deaths(void **state)
{
    (void)state;
    struct bb_child child;
    begin(&child, 0);
    int64_t now_ms = 0;
    for (int i = 0; i < 6; i++) {
        now_ms = child.due_ms;
        spawn(&child, now_ms);
        bb_child_ended(&child, EXITED(1), now_ms);
    }
    assert_true(child.due_ms - now_ms >= 8000);
    now_ms = child.due_ms;
    spawn(&child, now_ms);
    hear(&child, now_ms, true, false);
    bb_child_ended(&child, EXITED(1), now_ms + BB_HEALTHY_MS);
    assert_int_equal(child.due_ms, now_ms + BB_HEALTHY_MS);
}

static void test_forgiven_silence(void **state)
{
    (void)state;
    struct bb_child child;
    run(&child, 0);
    bb_child_forgive(&child, 100000);
    assert_int_equal(bb_child_next(&child, 100000), BB_ACT_NONE);
    assert_int_equal(bb_child_next(&child, 100000 + BB_WATCHDOG_MS), BB_ACT_ABORT);
    bb_child_forgive(&child, 200000); /* not for one that is being killed */
    assert_int_equal(bb_child_next(&child, 200000), BB_ACT_KILL);
}

static void report(struct bb_child *child, int64_t now_ms, int64_t in, int64_t out)
{
    struct bb_notice notice = {.has_messages = true, .messages_in = in, .messages_out = out};
    bb_child_heard(child, &notice, now_ms);
}

static void test_rates_are_over_the_last_seconds(void **state)
{
    (void)state;
    struct bb_child child;
    double in = -1;
    double out = -1;
    run(&child, 1000);
    assert_false(bb_child_rates(&child, &in, &out));
    report(&child, 1000, 10, 100);
    assert_false(bb_child_rates(&child, &in, &out));
    report(&child, 3000, 20, 150);
    assert_true(bb_child_rates(&child, &in, &out));
    assert_float_equal(in, 5.0, 1e-9);
    assert_float_equal(out, 25.0, 1e-9);
    /* Nothing since: after two periods the busy start no longer counts. */
    report(&child, 3000 + BB_RATE_MS, 20, 150);
    report(&child, 3000 + 2 * BB_RATE_MS, 20, 150);
    assert_true(bb_child_rates(&child, &in, &out));
    assert_float_equal(in, 0.0, 1e-9);
    report(&child, 4000 + 2 * BB_RATE_MS, 19, 151); /* a counter cannot go back */
    assert_false(bb_child_rates(&child, &in, &out));
    bb_child_ended(&child, KILLED(9), 5000 + 2 * BB_RATE_MS);
    assert_false(bb_child_rates(&child, &in, &out));
}

static void test_status_goes_with_its_process(void **state)
{
    (void)state;
    struct bb_child child;
    run(&child, 0);
    struct bb_notice notice = {.has_status = true, .status = "polling"};
    bb_child_heard(&child, &notice, 1);
    assert_string_equal(child.status, "polling");
    bb_child_ended(&child, EXITED(1), 2);
    assert_string_equal(child.status, "");
    bb_child_heard(&child, &notice, 3); /* a late word of the dead */
    assert_string_equal(child.status, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_happens_before_it_is_wanted_and_its_turn),
        cmocka_unit_test(test_runs_as_long_as_it_is_heard_of),
        cmocka_unit_test(test_silent_process_is_aborted_then_killed_then_restarted),
        cmocka_unit_test(test_process_that_is_never_ready_is_killed),
        cmocka_unit_test(test_watchdog_stands_in_for_a_lost_ready),
        cmocka_unit_test(test_deaths_say_their_reason),
        cmocka_unit_test(test_wrong_configuration_is_tried_again_now_and_then),
        cmocka_unit_test(test_program_that_cannot_be_started_backs_off),
        cmocka_unit_test(test_stop_asks_then_kills_and_stays_stopped),
        cmocka_unit_test(test_an_earlier_end_shortens_a_stop_under_way),
        cmocka_unit_test(test_stop_while_waiting_needs_no_process),
        cmocka_unit_test(test_restart_comes_without_back_off),
        cmocka_unit_test(test_start_takes_back_a_stop_under_way),
        cmocka_unit_test(test_health_forgets_earlier_deaths),
        cmocka_unit_test(test_forgiven_silence),
        cmocka_unit_test(test_rates_are_over_the_last_seconds),
        cmocka_unit_test(test_status_goes_with_its_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
