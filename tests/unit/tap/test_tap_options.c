#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/bus_paths.h"
#include "services/tap/options.h"

#define MOST_ARGUMENTS 12

/* Splits a command line at blanks; the texts live until the next call. */
static int split(const char *line, char **ret_argv)
{
    static char buffer[512];
    (void)snprintf(buffer, sizeof buffer, "%s", line);
    int argc = 0;
    char *rest = NULL;
    for (char *word = strtok_r(buffer, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        ret_argv[argc++] = word;
    }
    ret_argv[argc] = NULL;
    return argc;
}

static int tap(const char *line, struct bb_tap_options *options, struct bb_problem *problem)
{
    static char *argv[MOST_ARGUMENTS];
    int argc = split(line, argv);
    return bb_tap_options_parse(argc, argv, options, problem);
}

static int replay(const char *line, struct bb_replay_options *options, struct bb_problem *problem)
{
    static char *argv[MOST_ARGUMENTS];
    int argc = split(line, argv);
    return bb_replay_options_parse(argc, argv, options, problem);
}

static int no_run_dir(void **state)
{
    (void)state;
    return unsetenv(BB_RUN_DIR_ENV);
}

static void test_tap_defaults(void **state)
{
    (void)state;
    struct bb_tap_options options;
    assert_int_equal(tap("tap", &options, NULL), BB_OK);
    assert_int_equal(options.mode, BB_TAP_LINES);
    assert_string_equal(options.run_dir, BB_DEFAULT_RUN_DIR);
    assert_int_equal(options.topic_count, 0);
    assert_int_equal(options.count + options.end_ms, 0);
    assert_null(options.record);
    assert_false(options.once);
}

static void test_run_dir_from_environment_and_option(void **state)
{
    (void)state;
    struct bb_tap_options options;
    assert_int_equal(setenv(BB_RUN_DIR_ENV, "/tmp/here", 1), 0);
    assert_int_equal(tap("tap", &options, NULL), BB_OK);
    assert_string_equal(options.run_dir, "/tmp/here");
    assert_int_equal(tap("tap --run-dir /tmp/there", &options, NULL), BB_OK);
    assert_string_equal(options.run_dir, "/tmp/there");
    assert_int_equal(unsetenv(BB_RUN_DIR_ENV), 0);
}

static void test_tap_everything(void **state)
{
    (void)state;
    struct bb_tap_options options;
    assert_int_equal(tap("tap battery/ --json --count 3 --seconds 0.5 --once --record f charge/",
                         &options, NULL),
                     BB_OK);
    assert_int_equal(options.mode, BB_TAP_JSON);
    assert_int_equal(options.count, 3);
    assert_int_equal(options.end_ms, 500);
    assert_true(options.once);
    assert_string_equal(options.record, "f");
    assert_int_equal(options.topic_count, 2);
    assert_string_equal(options.topics[0], "battery/");
    assert_string_equal(options.topics[1], "charge/");
}

static void test_recording_alone_is_quiet(void **state)
{
    (void)state;
    struct bb_tap_options options;
    assert_int_equal(tap("tap --record f", &options, NULL), BB_OK);
    assert_int_equal(options.mode, BB_TAP_QUIET);
    assert_int_equal(tap("tap --record f --stats", &options, NULL), BB_OK);
    assert_int_equal(options.mode, BB_TAP_STATS);
}

static void test_tap_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *line, *where, *what;
    } mistakes[] = {
        {"tap --jsn", "--jsn", "is not an option"},
        {"tap -x", "-x", "is not an option"},
        {"tap --count", "--count", "needs a value"},
        {"tap --count 0", "--count", "0 is not a count from 1"},
        {"tap --count 3x", "--count", "3x is not a count from 1"},
        {"tap --seconds nan", "--seconds", "nan is not a number within 0.001..1e+09"},
        {"tap --seconds -1", "--seconds", "-1 is not a number within 0.001..1e+09"},
        {"tap --json --raw", "tap", "choose one of --json, --raw and --stats"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct bb_tap_options options = {.count = 77};
        struct bb_problem problem;
        assert_int_equal(tap(mistakes[i].line, &options, &problem), BB_ERR_CONFIG);
        assert_string_equal(problem.where, mistakes[i].where);
        assert_string_equal(problem.what, mistakes[i].what);
        assert_int_equal(options.count, 77);
    }
}

static void test_topic_longer_than_any(void **state)
{
    (void)state;
    char line[256] = "tap ";
    memset(line + 4, 'a', 128);
    line[4 + 128] = '\0';
    struct bb_tap_options options;
    struct bb_problem problem;
    assert_int_equal(tap(line, &options, &problem), BB_ERR_CONFIG);
    line[4 + 127] = '\0';
    assert_int_equal(tap(line, &options, &problem), BB_OK);
}

static void test_help(void **state)
{
    (void)state;
    struct bb_tap_options options;
    struct bb_replay_options replay_options;
    assert_int_equal(tap("tap -h", &options, NULL), BB_OPTIONS_HELP);
    assert_int_equal(replay("replay --help", &replay_options, NULL), BB_OPTIONS_HELP);
    assert_non_null(strstr(bb_tap_usage(), "--stats"));
    assert_non_null(strstr(bb_replay_usage(), "--speed"));
}

static void test_replay(void **state)
{
    (void)state;
    struct bb_replay_options options;
    assert_int_equal(replay("replay f", &options, NULL), BB_OK);
    assert_string_equal(options.file, "f");
    assert_string_equal(options.topic, "");
    assert_true(options.speed == 1);
    assert_false(options.loop);
    assert_false(options.commands);
    assert_int_equal(
        replay("replay --speed 2.5 f --loop --topic battery/ --commands", &options, NULL), BB_OK);
    assert_true(options.speed == 2.5);
    assert_true(options.loop);
    assert_true(options.commands);
    assert_string_equal(options.topic, "battery/");
}

static void test_replay_mistakes(void **state)
{
    (void)state;
    static const char *const mistakes[] = {"replay", "replay a b", "replay f --speed 0",
                                           "replay f --speed inf", "replay f --quick"};
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct bb_replay_options options;
        struct bb_problem problem = {0};
        assert_int_equal(replay(mistakes[i], &options, &problem), BB_ERR_CONFIG);
        assert_true(problem.what[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tap_defaults),
        cmocka_unit_test(test_run_dir_from_environment_and_option),
        cmocka_unit_test(test_tap_everything),
        cmocka_unit_test(test_recording_alone_is_quiet),
        cmocka_unit_test(test_tap_mistakes),
        cmocka_unit_test(test_topic_longer_than_any),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_replay_mistakes),
    };
    return cmocka_run_group_tests(tests, no_run_dir, NULL);
}
