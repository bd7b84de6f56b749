#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/status.h"

struct stage {
    struct bb_children children;
    struct bb_settings settings;
    struct bb_status_source source;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    static const struct bb_instance instances[] = {
        {.name = "bus", .program = "bus"},
        {.name = "serial-rack", .program = "serial", .section = "rack", .order = 30}};
    struct bb_changes changes;
    assert_int_equal(bb_children_apply(&stage->children, instances, 2, 0, &changes), BB_OK);
    stage->settings.run_dir = "/run/busbar";
    stage->source = (struct bb_status_source){.children = &stage->children,
                                              .settings = &stage->settings,
                                              .reload_error = "",
                                              .started_ms = 500};
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static const json_t *process(const json_t *status, size_t index)
{
    return json_array_get(json_object_get(status, "processes"), index);
}

static void assert_text(const json_t *object, const char *member, const char *expected)
{
    assert_string_equal(json_string_value(json_object_get(object, member)), expected);
}

static void assert_integer(const json_t *object, const char *member, int64_t expected)
{
    assert_int_equal(json_integer_value(json_object_get(object, member)), expected);
}

static void test_absent_is_absent(void **state)
{
    struct stage *stage = *state;
    json_t *status = bb_status_json(&stage->source, 2000);
    assert_text(status, "run_dir", "/run/busbar");
    assert_integer(status, "uptime_ms", 1500);
    static const char *const absent[] = {"config", "state_dir", "reload_error"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        assert_null(json_object_get(status, absent[i]));
    }
    static const char *const unknown[] = {"pid",         "uptime_ms", "status",
                                          "cpu_percent", "rss_kb",    "messages_in_per_s",
                                          "reason",      "section",   "next_start_ms"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_null(json_object_get(process(status, 0), unknown[i]));
    }
    assert_text(process(status, 0), "state", "waiting");
    assert_text(process(status, 1), "section", "rack");
    json_decref(status);
}

static void test_running_process(void **state)
{
    struct stage *stage = *state;
    struct bb_child *child = bb_children_find(&stage->children, "bus");
    bb_child_release(child, 1000);
    bb_child_spawned(child, getpid(), 1000); /* a process there is something to read about */
    bb_child_heard(child,
                   &(struct bb_notice){.ready = true,
                                       .has_status = true,
                                       .status = "forwarding",
                                       .has_messages = true,
                                       .messages_in = 10},
                   1000);
    bb_child_heard(child,
                   &(struct bb_notice){.has_messages = true, .messages_in = 11, .messages_out = 7},
                   3000);
    json_decref(bb_status_json(&stage->source, 1000)); /* first sample */
    json_t *status = bb_status_json(&stage->source, 4000);
    const json_t *bus = process(status, 0);
    assert_text(bus, "state", "running");
    assert_text(bus, "status", "forwarding");
    assert_integer(bus, "pid", getpid());
    assert_integer(bus, "uptime_ms", 3000);
    assert_float_equal(json_real_value(json_object_get(bus, "messages_in_per_s")), 0.5, 1e-9);
    assert_float_equal(json_real_value(json_object_get(bus, "messages_out_per_s")), 3.5, 1e-9);
    assert_true(json_integer_value(json_object_get(bus, "rss_kb")) > 0);
    assert_true(json_is_real(json_object_get(bus, "cpu_percent")));
    json_decref(status);
}

static void test_process_that_waits_for_its_next_start(void **state)
{
    struct stage *stage = *state;
    struct bb_child *child = bb_children_find(&stage->children, "bus");
    bb_child_release(child, 1000);
    bb_child_not_spawned(child, "no such file", 1000);
    bb_child_not_spawned(child, "no such file", 1000);
    stage->source.state_dir = "/state";
    stage->source.reload_error = "x:3: no";
    json_t *status = bb_status_json(&stage->source, 1100);
    assert_text(status, "state_dir", "/state");
    assert_text(status, "reload_error", "x:3: no");
    assert_text(process(status, 0), "reason", "no such file");
    assert_integer(process(status, 0), "restarts", 2);
    assert_integer(process(status, 0), "next_start_ms", 400);
    json_decref(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_absent_is_absent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_running_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_process_that_waits_for_its_next_start, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
