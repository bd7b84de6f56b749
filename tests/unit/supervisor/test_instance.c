#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "supervisor/instance.h"
#include "tests/unit/supervisor/scratch.h"

static struct bb_config *load(const char *text)
{
    struct scratch scratch;
    scratch_make(&scratch);
    scratch_write(&scratch, "conf", text);
    struct bb_config *config = NULL;
    assert_int_equal(bb_config_load(scratch_path(&scratch, "conf"), NULL, NULL, &config), BB_OK);
    scratch_remove(&scratch);
    return config;
}

static size_t list(const char *text, struct bb_instance *ret_instances)
{
    struct bb_config *config = load(text);
    struct bb_problem problem;
    int count = bb_instances(config, ret_instances, &problem);
    assert_true(count >= 0);
    bb_config_destroy(&config);
    return (size_t)count;
}

static void test_without_sections_what_always_runs(void **state)
{
    (void)state;
    struct bb_instance instances[BB_PROCESSES_MAX];
    size_t count = list("", instances);
    assert_non_null(bb_instance_find(instances, count, "bus"));
    assert_non_null(bb_instance_find(instances, count, "aggregator"));
    assert_null(bb_instance_find(instances, count, "dbus"));
    assert_null(bb_instance_find(instances, count, "bank")); /* a section without a program */
    assert_string_equal(instances[0].name, "bus");
}

static void test_names_programs_and_order(void **state)
{
    (void)state;
    struct bb_instance instances[BB_PROCESSES_MAX];
    size_t count = list("[sim b]\n[sim a]\n[bus]\n[bank x]\n", instances);
    const struct bb_instance *b = bb_instance_find(instances, count, "sim-b");
    const struct bb_instance *a = bb_instance_find(instances, count, "sim-a");
    assert_non_null(b);
    assert_non_null(a);
    assert_string_equal(b->program, "sim");
    assert_string_equal(b->section, "b");
    assert_true(a == b + 1); /* as in the file */
    for (size_t i = 1; i < count; i++) {
        assert_true(instances[i - 1].order <= instances[i].order);
    }
    assert_string_equal(instances[0].name, "bus");
}

static void test_too_many_processes(void **state)
{
    (void)state;
    char text[64 * 32] = "";
    size_t used = 0;
    for (int i = 0; i < BB_PROCESSES_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "[sim n%d]\n", i);
    }
    struct bb_config *config = load(text);
    struct bb_instance instances[BB_PROCESSES_MAX];
    struct bb_problem problem;
    assert_int_equal(bb_instances(config, instances, &problem), BB_ERR_OVERSIZE);
    assert_string_equal(problem.what, "more than 64 processes");
    bb_config_destroy(&config);
}

static enum bb_change change_of(const char *name, const char *before_text, const char *after_text)
{
    struct bb_instance before[BB_PROCESSES_MAX];
    struct bb_instance after[BB_PROCESSES_MAX];
    size_t before_count = list(before_text, before);
    size_t after_count = list(after_text, after);
    const struct bb_instance *was = bb_instance_find(before, before_count, name);
    const struct bb_instance *will = bb_instance_find(after, after_count, name);
    assert_true(was || will);
    enum bb_change change =
        bb_instance_change(was ? was : will, before, before_count, after, after_count);
    if (was && will) { /* the same whichever list it is looked at from */
        assert_int_equal(bb_instance_change(will, before, before_count, after, after_count),
                         change);
    }
    return change;
}

static void test_changes(void **state)
{
    (void)state;
    static const char before[] = "[sim a]\nsoc = 40\n[sim b]\n";
    assert_int_equal(change_of("sim-a", before, before), BB_CHANGE_KEEP);
    assert_int_equal(change_of("sim-a", before, "[sim b]\n[sim a]\n\n# now\nsoc=40 ; same\n"),
                     BB_CHANGE_KEEP);
    assert_int_equal(change_of("sim-a", before, "[sim a]\nsoc = 41\n[sim b]\n"), BB_CHANGE_RESTART);
    assert_int_equal(change_of("sim-b", before, "[sim a]\nsoc = 41\n[sim b]\n"), BB_CHANGE_KEEP);
    assert_int_equal(change_of("sim-b", before, "[sim a]\nsoc = 40\n"), BB_CHANGE_STOP);
    assert_int_equal(change_of("sim-c", before, "[sim a]\nsoc = 40\n[sim c]\n"), BB_CHANGE_START);
    /* What everybody reads restarts everybody. */
    assert_int_equal(change_of("bus", before, "[busbar]\nlog_level = debug\n"), BB_CHANGE_RESTART);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_sections_what_always_runs),
        cmocka_unit_test(test_names_programs_and_order),
        cmocka_unit_test(test_too_many_processes),
        cmocka_unit_test(test_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
