#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/config.h"

/* All complaints of a load, a line each: "busbar.conf:3 [bus] x: text". */
struct report {
    char text[2048];
};

static void collect(const struct bb_problem *problem, void *arg)
{
    struct report *report = arg;
    const char *slash = strrchr(problem->where, '/');
    size_t used = strlen(report->text);
    (void)snprintf(report->text + used, sizeof report->text - used, "%s: %s\n",
                   slash ? slash + 1 : problem->where, problem->what);
}

static int load(const char *content, struct report *report, struct bb_config **ret_config)
{
    char folder[] = "/tmp/busbar-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[64];
    (void)snprintf(path, sizeof path, "%s/c", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    report->text[0] = '\0';
    int result = bb_config_load(path, collect, report, ret_config);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    return result;
}

/* Loads what must be refused and returns the complaints. */
static const char *refused(const char *content)
{
    static struct report report;
    struct bb_config *config = NULL;
    assert_int_equal(load(content, &report, &config), BB_ERR_CONFIG);
    assert_null(config);
    return report.text;
}

static struct bb_config *accepted(const char *content)
{
    struct report report;
    struct bb_config *config = NULL;
    int result = load(content, &report, &config);
    assert_string_equal(report.text, "");
    assert_int_equal(result, BB_OK);
    return config;
}

static void test_defaults_hold_without_a_file(void **state)
{
    (void)state;
    struct bb_config *config = NULL;
    assert_int_equal(bb_config_load(NULL, NULL, NULL, &config), BB_OK);
    assert_int_equal(bb_config_integer(config, "bus", "", "cache_topics"), 1024);
    assert_int_equal(bb_config_count(config, "serial"), 0);
    bb_config_destroy(&config);
    assert_null(config);
}

static void test_reads_sections_options_and_comments(void **state)
{
    (void)state;
    struct bb_config *config = accepted("; comment\n"
                                        "[busbar]\n"
                                        "  log_level = debug ; inline\n"
                                        "[bus]\n"
                                        "cache_topics=0x40 # inline too\n"
                                        "[bank house]\n"
                                        "members = a-1, b.2 ,c_3\n"
                                        "[bank boat]\n");
    assert_string_equal(bb_config_text(config, "busbar", "", "log_level"), "debug");
    assert_int_equal(bb_config_integer(config, "bus", "", "cache_topics"), 64);
    assert_int_equal(bb_config_count(config, "bank"), 2);
    assert_string_equal(bb_config_name(config, "bank", 1), "boat");
    assert_null(bb_config_name(config, "bank", 2));
    char word[16];
    assert_true(bb_config_word(config, "bank", "house", "members", 1, word, sizeof word));
    assert_string_equal(word, "b.2");
    assert_false(bb_config_word(config, "bank", "house", "members", 3, word, sizeof word));
    assert_false(bb_config_is_set(config, "bank", "boat", "members"));
    bb_config_destroy(&config);
}

static void test_an_empty_section_counts(void **state)
{
    (void)state;
    struct bb_config *config = accepted("[dbus]\n");
    assert_int_equal(bb_config_count(config, "dbus"), 1);
    bb_config_destroy(&config);
}

static void test_mistakes_name_file_line_option_and_the_nearest(void **state)
{
    (void)state;
    assert_string_equal(refused("[bus]\ncache_topic = 20\n"),
                        "c:2 [bus] cache_topic: unknown option; did you mean 'cache_topics'?\n");
    assert_string_equal(refused("[buss]\nx = 1\n"),
                        "c:1 [buss]: unknown section; did you mean [bus]?\n");
    assert_string_equal(refused("\n[bus]\ncache_topics = 3\n"),
                        "c:3 [bus] cache_topics: 3 is not within 16 to 100000\n");
    assert_string_equal(refused("[bus]\ncache_topics = many\n"),
                        "c:2 [bus] cache_topics: 'many' is not a whole number\n");
    assert_string_equal(refused("[bus]\ncache_topics =\n"),
                        "c:2 [bus] cache_topics: has no value\n");
    assert_string_equal(
        refused("[busbar]\nlog_level = loud\n"),
        "c:2 [busbar] log_level: 'loud' is none of error|warning|notice|info|debug\n");
}

static void test_everything_wrong_is_said_in_one_go(void **state)
{
    (void)state;
    assert_string_equal(refused("x = 1\n[bus]\ncache_topics = 20\ncache_topics = 21\n[bus]\n"),
                        "c:1: option 'x' stands before the first [section]\n"
                        "c:4 [bus] cache_topics: is given twice\n"
                        "c:5 [bus]: this section is already in line 2\n");
    assert_non_null(strstr(refused("[serial]\n"), "needs a name"));
    assert_non_null(strstr(refused("[serial a b]\n"), "needs a name"));
    assert_non_null(strstr(refused("[bus one]\n"), "takes no name"));
    assert_non_null(strstr(refused("[bus]\nrubbish\n"), "neither [section] nor option"));
}

static void test_a_line_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char content[9000] = "[bank a]\nmembers = ";
    memset(content + strlen(content), 'a', 8000);
    assert_non_null(strstr(refused(content), "c:2 [bank a]: line longer than"));
}

static void test_a_missing_file_is_said(void **state)
{
    (void)state;
    struct report report = {0};
    struct bb_config *config = NULL;
    assert_int_equal(bb_config_load("/nonexistent/x.conf", collect, &report, &config), BB_ERR_IO);
    assert_string_equal(report.text, "x.conf: cannot be read: No such file or directory\n");
}

static void test_fingerprint_sees_what_the_program_sees(void **state)
{
    (void)state;
    const struct bb_section *bus = bb_section_find("bus");
    const struct bb_section *aggregator = bb_section_find("aggregator");
    struct bb_config *a = accepted("[bank x]\nmembers = a\n");
    struct bb_config *b = accepted("# moved\n\n[bank x]\nmembers = b\n");
    assert_true(bb_config_fingerprint(a, bus, "") == bb_config_fingerprint(b, bus, ""));
    assert_true(bb_config_fingerprint(a, aggregator, "") !=
                bb_config_fingerprint(b, aggregator, ""));
    bb_config_destroy(&a);
    bb_config_destroy(&b);
}

/* What "busbar options" prints must itself be a valid configuration, commented or not. */
static void test_written_defaults_are_accepted(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    bb_config_write_defaults(file);
    assert_int_equal(fclose(file), 0);
    struct bb_config *config = accepted(text);
    bb_config_destroy(&config);
    const struct bb_section *section;
    for (size_t i = 0; (section = bb_section_at(i)) != NULL; i++) {
        assert_non_null(strstr(text, section->name));
        for (size_t k = 0; k < section->option_count; k++) {
            assert_non_null(strstr(text, section->options[k].name));
        }
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_hold_without_a_file),
        cmocka_unit_test(test_reads_sections_options_and_comments),
        cmocka_unit_test(test_an_empty_section_counts),
        cmocka_unit_test(test_mistakes_name_file_line_option_and_the_nearest),
        cmocka_unit_test(test_everything_wrong_is_said_in_one_go),
        cmocka_unit_test(test_a_line_that_is_too_long_is_refused),
        cmocka_unit_test(test_a_missing_file_is_said),
        cmocka_unit_test(test_fingerprint_sees_what_the_program_sees),
        cmocka_unit_test(test_written_defaults_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
