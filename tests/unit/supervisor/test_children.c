#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "proto/deadlines.h"
#include "supervisor/children.h"
#include "tests/unit/supervisor/scratch.h"

/* Real processes: shell scripts in place of the programs. */
struct stage {
    struct scratch scratch;
    struct bb_children children;
};

static void write_program(struct stage *stage, const char *name, const char *script)
{
    scratch_write(&stage->scratch, name, script);
    assert_int_equal(chmod(scratch_path(&stage->scratch, name), 0700), 0);
}

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    scratch_make(&stage->scratch);
    write_program(stage, "busbar-sleeper", "#!/bin/sh\nexec sleep 1000\n");
    write_program(stage, "busbar-stubborn", "#!/bin/sh\ntrap '' TERM\nsleep 1000\n");
    stage->children.log = bb_log_new("test", BB_LOG_ERROR);
    stage->children.spawn = (struct bb_spawn){.program_dir = stage->scratch.folder,
                                              .run_dir = stage->scratch.folder,
                                              .notify_socket = "/nowhere"};
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    for (size_t i = 0; i < stage->children.count; i++) {
        if (stage->children.entries[i].child.pid > 0) {
            (void)kill(-stage->children.entries[i].child.pid, SIGKILL);
        }
    }
    while (wait(NULL) > 0) {
    }
    bb_log_destroy(&stage->children.log);
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

static struct bb_instance instance(const char *name, const char *program, int order,
                                   uint64_t fingerprint)
{
    struct bb_instance instance = {.order = order, .fingerprint = fingerprint};
    (void)snprintf(instance.name, sizeof instance.name, "%s", name);
    (void)snprintf(instance.program, sizeof instance.program, "%s", program);
    return instance;
}

static struct bb_changes apply(struct stage *stage, const struct bb_instance *instances,
                               size_t count, int64_t now_ms)
{
    struct bb_changes changes;
    assert_int_equal(bb_children_apply(&stage->children, instances, count, now_ms, &changes),
                     BB_OK);
    bb_children_step(&stage->children, now_ms);
    return changes;
}

static struct bb_child *find(struct stage *stage, const char *name)
{
    struct bb_child *child = bb_children_find(&stage->children, name);
    assert_non_null(child);
    return child;
}

static void say_ready(struct stage *stage, const char *name, int64_t now_ms)
{
    struct bb_notice notice = {.ready = true};
    assert_true(bb_children_heard(&stage->children, find(stage, name)->pid, &notice, now_ms));
}

/* Waits until the process has ended, then lets it be collected, unless it was already, together
 * with another one. */
static void wait_for_end(struct stage *stage, pid_t pid, int64_t now_ms)
{
    siginfo_t info;
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0) {
        assert_int_equal(errno, ECHILD);
    }
    bb_children_reap(&stage->children, now_ms);
}

static void test_later_orders_wait_for_earlier_ones(void **state)
{
    struct stage *stage = *state;
    const struct bb_instance instances[] = {instance("late", "sleeper", 30, 0),
                                            instance("bus", "sleeper", 0, 0),
                                            instance("middle", "sleeper", 10, 0)};
    struct bb_changes changes = apply(stage, instances, 3, 1000);
    assert_int_equal(changes.started, 3);
    assert_string_equal(stage->children.entries[0].child.instance.name, "bus");
    assert_int_equal(find(stage, "bus")->state, BB_CHILD_STARTING);
    assert_int_equal(find(stage, "middle")->state, BB_CHILD_WAITING);
    say_ready(stage, "bus", 1100);
    bb_children_step(&stage->children, 1100);
    assert_int_equal(find(stage, "middle")->state, BB_CHILD_STARTING);
    assert_int_equal(find(stage, "late")->state, BB_CHILD_WAITING);
    /* One that is slow does not hold up the others for longer than this. */
    int64_t due_ms = bb_children_due(&stage->children, 1100);
    assert_int_equal(due_ms, 1100 + BB_START_ORDER_MS);
    bb_children_step(&stage->children, due_ms);
    assert_int_equal(find(stage, "late")->state, BB_CHILD_STARTING);
}

static void test_missing_program_holds_up_nobody(void **state)
{
    struct stage *stage = *state;
    const struct bb_instance instances[] = {instance("bus", "nowhere", 0, 0),
                                            instance("late", "sleeper", 30, 0)};
    (void)apply(stage, instances, 2, 1000);
    assert_int_equal(find(stage, "late")->state, BB_CHILD_STARTING);
    assert_string_equal(find(stage, "bus")->reason,
                        "cannot run busbar-nowhere: No such file or directory");
    assert_int_equal(bb_children_due(&stage->children, 1000), 1000 + BB_RESTART_FIRST_MS);
}

static void test_stranger_is_not_heard(void **state)
{
    struct stage *stage = *state;
    const struct bb_instance bus = instance("bus", "sleeper", 0, 0);
    (void)apply(stage, &bus, 1, 0);
    struct bb_notice notice = {.ready = true};
    assert_false(bb_children_heard(&stage->children, getpid(), &notice, 1));
    assert_false(bb_children_heard(&stage->children, 0, &notice, 1));
    assert_int_equal(find(stage, "bus")->state, BB_CHILD_STARTING);
}

static void test_apply_touches_only_what_differs(void **state)
{
    struct stage *stage = *state;
    const struct bb_instance before[] = {instance("kept", "sleeper", 0, 1),
                                         instance("changed", "sleeper", 0, 1),
                                         instance("dropped", "sleeper", 0, 1)};
    (void)apply(stage, before, 3, 1000);
    pid_t kept = find(stage, "kept")->pid;
    pid_t changed = find(stage, "changed")->pid;
    pid_t dropped = find(stage, "dropped")->pid;
    const struct bb_instance after[] = {instance("kept", "sleeper", 0, 1),
                                        instance("changed", "sleeper", 0, 2),
                                        instance("new", "sleeper", 0, 1)};
    struct bb_changes changes = apply(stage, after, 3, 2000);
    assert_int_equal(changes.kept, 1);
    assert_int_equal(changes.restarted, 1);
    assert_int_equal(changes.started, 1);
    assert_int_equal(changes.stopped, 1);
    assert_null(bb_children_find(&stage->children, "dropped"));
    assert_int_equal(stage->children.count, 4); /* it has not ended yet */
    wait_for_end(stage, changed, 2100);
    wait_for_end(stage, dropped, 2100);
    bb_children_step(&stage->children, 2100);
    assert_int_equal(stage->children.count, 3);
    assert_int_equal(find(stage, "kept")->pid, kept);
    assert_true(find(stage, "changed")->pid > 0);
    assert_int_not_equal(find(stage, "changed")->pid, changed);
}

static void test_too_many_that_have_not_ended(void **state)
{
    struct stage *stage = *state;
    struct bb_instance instances[BB_PROCESSES_MAX];
    struct bb_changes changes;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < BB_PROCESSES_MAX; i++) {
            char name[BB_ID_MAX];
            (void)snprintf(name, sizeof name, "p-%d-%d", round, i);
            instances[i] = instance(name, "nowhere", 0, 0);
        }
        int error =
            bb_children_apply(&stage->children, instances, BB_PROCESSES_MAX, 1000, &changes);
        assert_int_equal(error, round < 2 ? BB_OK : BB_ERR_BUSY);
    }
    bb_children_step(&stage->children, 1000); /* those without a process are forgotten at once */
    assert_int_equal(stage->children.count, BB_PROCESSES_MAX);
}

static void test_end_takes_the_bus_last_and_everybody_in_time(void **state)
{
    struct stage *stage = *state;
    const struct bb_instance instances[] = {instance("bus", "stubborn", 0, 0),
                                            instance("late", "stubborn", 30, 0)};
    (void)apply(stage, instances, 2, 1000);
    bb_children_step(&stage->children, 1000 + BB_START_ORDER_MS);
    int64_t end_ms = 5000;
    bb_children_sample(&stage->children, end_ms);
    bb_children_end(&stage->children, end_ms);
    bb_children_step(&stage->children, end_ms);
    assert_int_equal(find(stage, "late")->state, BB_CHILD_STOPPING);
    assert_int_equal(find(stage, "bus")->state, BB_CHILD_STARTING);
    assert_int_equal(bb_children_due(&stage->children, end_ms), end_ms + BB_STOP_BUS_MS);
    bb_children_step(&stage->children, end_ms + BB_STOP_BUS_MS);
    assert_int_equal(find(stage, "bus")->state, BB_CHILD_STOPPING);
    assert_int_equal(bb_children_due(&stage->children, end_ms + BB_STOP_BUS_MS),
                     end_ms + BB_STOP_MS);
    bb_children_step(&stage->children, end_ms + BB_STOP_MS);
    assert_true(find(stage, "bus")->killed);
    assert_true(find(stage, "late")->killed);
    pid_t late = find(stage, "late")->pid;
    wait_for_end(stage, find(stage, "bus")->pid, end_ms + BB_STOP_MS);
    wait_for_end(stage, late, end_ms + BB_STOP_MS);
    assert_true(bb_children_gone(&stage->children));
}

static void test_who_dies_while_all_ends_does_not_come_back(void **state)
{
    struct stage *stage = *state;
    const struct bb_instance instances[] = {instance("bus", "sleeper", 0, 0),
                                            instance("late", "stubborn", 30, 0)};
    (void)apply(stage, instances, 2, 1000);
    bb_children_step(&stage->children, 1000 + BB_START_ORDER_MS);
    bb_children_end(&stage->children, 10000);
    const struct bb_child *bus = find(stage, "bus");
    assert_int_equal(kill(bus->pid, SIGKILL), 0);
    wait_for_end(stage, bus->pid, 10001);
    bb_children_step(&stage->children, 10001);
    assert_int_equal(bus->state, BB_CHILD_STOPPED);
    assert_int_equal(bus->pid, 0);
}

static void test_counts_what_runs(void **state)
{
    struct stage *stage = *state;
    const struct bb_instance instances[] = {instance("a", "sleeper", 0, 0),
                                            instance("b", "nowhere", 0, 0)};
    (void)apply(stage, instances, 2, 1000);
    size_t wanted = 0;
    assert_int_equal(bb_children_running(&stage->children, &wanted), 0);
    assert_int_equal(wanted, 2);
    assert_false(bb_children_settled(&stage->children));
    say_ready(stage, "a", 1001);
    assert_int_equal(bb_children_running(&stage->children, &wanted), 1);
    assert_true(bb_children_settled(&stage->children)); /* one runs, one waits for its next try */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_later_orders_wait_for_earlier_ones),
        TEST(test_missing_program_holds_up_nobody),
        TEST(test_stranger_is_not_heard),
        TEST(test_apply_touches_only_what_differs),
        TEST(test_too_many_that_have_not_ended),
        TEST(test_end_takes_the_bus_last_and_everybody_in_time),
        TEST(test_who_dies_while_all_ends_does_not_come_back),
        TEST(test_counts_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
