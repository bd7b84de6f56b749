#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/settings.h"
#include "tests/unit/supervisor/scratch.h"
#include <cmocka.h>

struct seen {
    int count;
    struct bb_problem last;
};

static void see(const struct bb_problem *problem, void *arg)
{
    struct seen *seen = arg;
    seen->count++;
    seen->last = *problem;
}

struct stage {
    struct scratch scratch;
    char source[128];
    struct bb_settings settings;
    struct seen seen;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    scratch_make(&stage->scratch);
    (void)snprintf(stage->source, sizeof stage->source, "%s/own.conf", stage->scratch.folder);
    stage->settings.asked = stage->source;
    stage->settings.run_dir = stage->scratch.folder;
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

static int load(struct stage *stage, const char *text)
{
    scratch_write(&stage->scratch, "own.conf", text);
    return bb_settings_load(&stage->settings, see, &stage->seen);
}

/* What the processes get to read. */
static void assert_copy_is(const struct bb_settings *settings, const char *expected)
{
    char text[64] = "";
    FILE *copy = fopen(settings->copy, "re");
    assert_non_null(copy);
    assert_int_equal(fread(text, 1, sizeof text - 1, copy), strlen(expected));
    (void)fclose(copy);
    assert_string_equal(text, expected);
}

static void test_reads_checks_and_copies(void **state)
{
    struct stage *stage = *state;
    assert_int_equal(load(stage, "[busbar]\nlog_level = debug\n[sim a]\n"), BB_OK);
    const struct bb_settings *settings = &stage->settings;
    assert_true(settings->from_file);
    assert_string_equal(settings->source, stage->source);
    assert_int_equal(settings->log_level, BB_LOG_DEBUG);
    assert_non_null(bb_instance_find(settings->instances, settings->count, "sim-a"));
    assert_copy_is(settings, "[busbar]\nlog_level = debug\n[sim a]\n");
}

static void test_faulty_file_leaves_everything_as_it_was(void **state)
{
    struct stage *stage = *state;
    assert_int_equal(load(stage, "[sim a]\n"), BB_OK);
    struct bb_settings before = stage->settings;
    assert_int_equal(load(stage, "[sim a]\nsocc = 1\n[nonsense]\n"), BB_ERR_CONFIG);
    assert_int_equal(stage->seen.count, 2);
    /* Lines are those of the owner's file, not of the copy. */
    assert_non_null(strstr(stage->seen.last.where, stage->source));
    assert_memory_equal(&before, &stage->settings, sizeof before);
    assert_copy_is(&stage->settings, "[sim a]\n");
}

static void test_vanished_file_is_no_return_to_the_defaults(void **state)
{
    struct stage *stage = *state;
    assert_int_equal(load(stage, "[sim a]\n"), BB_OK);
    assert_int_equal(unlink(stage->source), 0);
    assert_true(bb_settings_load(&stage->settings, see, &stage->seen) < 0);
    assert_int_equal(stage->seen.count, 1);
    assert_non_null(bb_instance_find(stage->settings.instances, stage->settings.count, "sim-a"));
}

static void test_copy_that_cannot_be_written_is_an_error(void **state)
{
    struct stage *stage = *state;
    stage->settings.run_dir = "/proc/self/nowhere";
    assert_int_equal(load(stage, "[sim a]\n"), BB_ERR_IO);
    assert_int_equal(stage->seen.count, 1);
    assert_int_equal(stage->settings.count, 0);
}

static void test_too_many_processes_are_refused(void **state)
{
    struct stage *stage = *state;
    char text[64 * 32] = "";
    size_t used = 0;
    for (int i = 0; i < BB_PROCESSES_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "[sim n%d]\n", i);
    }
    assert_int_equal(load(stage, text), BB_ERR_CONFIG);
    assert_string_equal(stage->seen.last.what, "more than 64 processes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_checks_and_copies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_faulty_file_leaves_everything_as_it_was, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_vanished_file_is_no_return_to_the_defaults, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_copy_that_cannot_be_written_is_an_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_too_many_processes_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
