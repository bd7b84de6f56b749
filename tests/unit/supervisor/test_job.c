#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/deadlines.h"
#include "supervisor/job.h"

/* Two processes that never exist: the state machines are told what happens. */
static int set_up(void **state)
{
    struct bb_children *children = calloc(1, sizeof *children);
    assert_non_null(children);
    static const struct bb_instance instances[] = {{.name = "bus"},
                                                   {.name = "serial-rack", .order = 30}};
    struct bb_changes changes;
    assert_int_equal(bb_children_apply(children, instances, 2, 0, &changes), BB_OK);
    *state = children;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void bring_up(struct bb_child *child, pid_t pid, int64_t now_ms)
{
    bb_child_release(child, now_ms);
    assert_int_equal(bb_child_next(child, now_ms), BB_ACT_SPAWN);
    bb_child_spawned(child, pid, now_ms);
    bb_child_heard(child, &(struct bb_notice){.ready = true}, now_ms);
}

static struct bb_job begin(struct bb_children *children, enum bb_verb verb, int64_t now_ms)
{
    struct bb_request request = {.verb = verb, .name = "serial-rack"};
    struct bb_job job;
    assert_null(bb_job_begin(children, &request, now_ms, &job));
    return job;
}

static void assert_answer(json_t *answer, bool ok, const char *text)
{
    assert_non_null(answer);
    assert_int_equal(json_is_true(json_object_get(answer, "ok")), ok);
    assert_string_equal(json_string_value(json_object_get(answer, ok ? "text" : "error")), text);
    json_decref(answer);
}

static void test_unknown_name_lists_those_there_are(void **state)
{
    struct bb_children *children = *state;
    struct bb_request request = {.verb = BB_VERB_STOP, .name = "serial-rock"};
    struct bb_job job;
    assert_answer(bb_job_begin(children, &request, 0, &job), false,
                  "no process is called 'serial-rock'; there are bus, serial-rack");
}

static void test_start_is_answered_when_it_is_ready(void **state)
{
    struct bb_children *children = *state;
    struct bb_child *child = bb_children_find(children, "serial-rack");
    struct bb_job job = begin(children, BB_VERB_START, 10);
    assert_int_equal(bb_child_next(child, 10), BB_ACT_SPAWN); /* without waiting for its turn */
    assert_null(bb_job_progress(children, &job, 10));
    bb_child_spawned(child, 77, 10);
    assert_null(bb_job_progress(children, &job, 11));
    bb_child_heard(child, &(struct bb_notice){.ready = true}, 12);
    assert_answer(bb_job_progress(children, &job, 12), true, "serial-rack: running, process 77");
    job = begin(children, BB_VERB_START, 13); /* of one that runs: nothing to do */
    assert_answer(bb_job_progress(children, &job, 13), true, "serial-rack: running, process 77");
}

static void test_restart_is_answered_by_the_new_process(void **state)
{
    struct bb_children *children = *state;
    struct bb_child *child = bb_children_find(children, "serial-rack");
    bring_up(child, 77, 0);
    struct bb_job job = begin(children, BB_VERB_RESTART, 10);
    assert_null(bb_job_progress(children, &job, 10));
    assert_int_equal(bb_child_next(child, 10), BB_ACT_TERM);
    bb_child_ended(child, 0, 20);
    assert_null(bb_job_progress(children, &job, 20));
    bring_up(child, 78, 20);
    assert_answer(bb_job_progress(children, &job, 21), true, "serial-rack: running, process 78");
}

static void test_failed_start_says_why(void **state)
{
    struct bb_children *children = *state;
    struct bb_child *child = bb_children_find(children, "serial-rack");
    struct bb_job job = begin(children, BB_VERB_RESTART, 0);
    assert_int_equal(bb_child_next(child, 0), BB_ACT_SPAWN);
    bb_child_spawned(child, 77, 0);
    bb_child_ended(child, 1 << 8, 5);
    assert_answer(bb_job_progress(children, &job, 5), false, "serial-rack: exit 1; goes on trying");
}

static void test_stop_is_answered_when_it_is_gone(void **state)
{
    struct bb_children *children = *state;
    struct bb_child *child = bb_children_find(children, "serial-rack");
    bring_up(child, 77, 0);
    struct bb_job job = begin(children, BB_VERB_STOP, 10);
    assert_null(bb_job_progress(children, &job, 10));
    bb_child_ended(child, 0, 20);
    assert_answer(bb_job_progress(children, &job, 20), true, "serial-rack: stopped");
}

static void test_contradicting_jobs_both_get_an_answer(void **state)
{
    struct bb_children *children = *state;
    bring_up(bb_children_find(children, "serial-rack"), 77, 0);
    struct bb_job stop = begin(children, BB_VERB_STOP, 10);
    struct bb_job start = begin(children, BB_VERB_START, 11);
    assert_answer(bb_job_progress(children, &stop, 11), false,
                  "serial-rack: started again meanwhile");
    stop = begin(children, BB_VERB_STOP, 12);
    assert_answer(bb_job_progress(children, &start, 12), false,
                  "serial-rack: stopped again meanwhile");
}

static void test_no_answer_comes_later_than_its_deadline(void **state)
{
    struct bb_children *children = *state;
    bring_up(bb_children_find(children, "serial-rack"), 77, 0);
    struct bb_job job = begin(children, BB_VERB_STOP, 0);
    assert_null(bb_job_progress(children, &job, BB_OUTCOME_MS - 1));
    assert_answer(bb_job_progress(children, &job, BB_OUTCOME_MS), false,
                  "serial-rack: not done after 15000 ms; still trying");
}

static void test_end_of_everything_answers_all(void **state)
{
    struct bb_children *children = *state;
    bring_up(bb_children_find(children, "serial-rack"), 77, 0);
    struct bb_job job = begin(children, BB_VERB_RESTART, 10);
    bb_children_end(children, 11);
    assert_answer(bb_job_progress(children, &job, 11), false, "busbar is stopping");
}

static void test_dropped_process_answers(void **state)
{
    struct bb_children *children = *state;
    bring_up(bb_children_find(children, "serial-rack"), 77, 0);
    struct bb_job job = begin(children, BB_VERB_RESTART, 10);
    static const struct bb_instance bus = {.name = "bus"};
    struct bb_changes changes;
    assert_int_equal(bb_children_apply(children, &bus, 1, 11, &changes), BB_OK);
    assert_answer(bb_job_progress(children, &job, 11), false, "serial-rack: no longer configured");
}

static void test_reload_is_answered_when_all_has_settled(void **state)
{
    struct bb_children *children = *state;
    struct bb_job job = {
        .verb = BB_VERB_RELOAD, .deadline_ms = BB_OUTCOME_MS, .changes = {.kept = 1, .started = 1}};
    bring_up(bb_children_find(children, "bus"), 76, 0);
    assert_null(bb_job_progress(children, &job, 1));
    bring_up(bb_children_find(children, "serial-rack"), 77, 2);
    assert_answer(bb_job_progress(children, &job, 2), true,
                  "reloaded: 1 kept, 1 started, 0 stopped, 0 restarted; 2 of 2 running");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_unknown_name_lists_those_there_are),
        TEST(test_start_is_answered_when_it_is_ready),
        TEST(test_restart_is_answered_by_the_new_process),
        TEST(test_failed_start_says_why),
        TEST(test_stop_is_answered_when_it_is_gone),
        TEST(test_contradicting_jobs_both_get_an_answer),
        TEST(test_no_answer_comes_later_than_its_deadline),
        TEST(test_end_of_everything_answers_all),
        TEST(test_dropped_process_answers),
        TEST(test_reload_is_answered_when_all_has_settled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
