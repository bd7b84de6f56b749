#include <stdlib.h>

#include "services/sim/alone.h"
#include "tests/unit/sim/fixture.h"

#define MOST 32

/* Parses a command line (words separated by blanks); returns the configuration written. */
static const char *parse(const char *line, int *ret_error, struct bb_sim_alone *ret_alone)
{
    static char words[512];
    static char text[2048];
    char *argv[MOST + 1] = {NULL};
    int argc = 0;
    (void)snprintf(words, sizeof words, "busbar-sim %s", line);
    for (char *rest = words, *word = NULL; (word = strtok_r(rest, " ", &rest)) != NULL;) {
        assert_true(argc < MOST);
        argv[argc++] = word;
    }
    memset(text, 0, sizeof text);
    FILE *file = fmemopen(text, sizeof text - 1, "w");
    assert_non_null(file);
    *ret_error = bb_sim_alone_parse(argc, argv, "/home/me", file, ret_alone);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void assert_configuration(const char *line, const char *wanted)
{
    struct bb_sim_alone alone;
    int error = 0;
    const char *text = parse(line, &error, &alone);
    assert_int_equal(error, BB_OK);
    assert_string_equal(text, wanted);
}

static void test_nothing_said(void **state)
{
    (void)state;
    assert_configuration("", "[sim jbd]\ndriver = jbd\nbank = none\nlink = none\n");
}

static void test_everything_said(void **state)
{
    (void)state;
    assert_configuration("--driver daly --address 0x40 --address 0x41 --link tty --set soc=80 "
                         "--fault loss=10 --fault 0x41:silence --name barn",
                         "[sim barn]\ndriver = daly\nsoc=80\naddresses = 0x40, 0x41\n"
                         "faults = loss=10, 0x41:silence\nbank = none\nlink = /home/me/tty\n");
}

static void test_links_and_banks(void **state)
{
    (void)state;
    assert_configuration("--link /tmp/tty --set bank=house",
                         "[sim jbd]\ndriver = jbd\nbank=house\nlink = /tmp/tty\n");
}

static void test_directories(void **state)
{
    (void)state;
    struct bb_sim_alone alone;
    int error = 0;
    (void)parse("--run-dir /run/x --state-dir /var/x", &error, &alone);
    assert_int_equal(error, BB_OK);
    assert_string_equal(alone.run_dir, "/run/x");
    assert_string_equal(alone.state_dir, "/var/x");
    assert_string_equal(alone.section, "jbd");
    (void)parse("--help", &error, &alone);
    assert_int_equal(error, BB_OK);
    assert_true(alone.help);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "--set soc",
        "extra",
        "--unknown",
        "--driver",
        "--name a-name-that-is-longer-than-any-section-may-be",
        "--set soc=1\nlink=/etc/passwd",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct bb_sim_alone alone;
        int error = 0;
        (void)parse(wrong[i], &error, &alone);
        assert_int_equal(error, BB_ERR_CONFIG);
    }
}

static void test_service_command_lines_are_left_alone(void **state)
{
    (void)state;
    char program[] = "busbar-sim";
    char config[] = "--config";
    char section[] = "--section=rack";
    char driver[] = "--driver";
    char *first[] = {program, config};
    char *second[] = {program, section};
    char *third[] = {program, driver};
    assert_true(bb_sim_alone_is_service(2, first));
    assert_true(bb_sim_alone_is_service(2, second));
    assert_false(bb_sim_alone_is_service(2, third));
    assert_false(bb_sim_alone_is_service(1, third));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_said),
        cmocka_unit_test(test_everything_said),
        cmocka_unit_test(test_links_and_banks),
        cmocka_unit_test(test_directories),
        cmocka_unit_test(test_nonsense_is_refused),
        cmocka_unit_test(test_service_command_lines_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
