#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/request.h"

static int parse(const char *text, struct bb_request *ret_request)
{
    struct bb_problem problem = {0};
    int error = bb_request_parse(text, strlen(text), ret_request, &problem);
    assert_int_equal(error == BB_OK, problem.what[0] == '\0'); /* every error has a sentence */
    return error;
}

static void test_reads_every_verb(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum bb_verb verb;
        const char *name;
    } cases[] = {
        {"{\"verb\": \"status\"}", BB_VERB_STATUS, ""},
        {"{\"verb\":\"reload\"}", BB_VERB_RELOAD, ""},
        {"{\"verb\":\"start\",\"name\":\"bus\"}", BB_VERB_START, "bus"},
        {"{\"name\":\"serial-rack\",\"verb\":\"stop\"}", BB_VERB_STOP, "serial-rack"},
        {" {\"verb\":\"restart\",\"name\":\"bus\",\"why\":[1]}\r", BB_VERB_RESTART, "bus"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bb_request request;
        assert_int_equal(parse(cases[i].text, &request), BB_OK);
        assert_int_equal(request.verb, cases[i].verb);
        assert_string_equal(request.name, cases[i].name);
        assert_non_null(strstr(cases[i].text, bb_verb_name(request.verb)));
    }
}

static void test_refuses_everything_else(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "status",
        "{}",
        "[]",
        "null",
        "{\"verb\":1}",
        "{\"verb\":null}",
        "{\"verb\":\"\"}",
        "{\"verb\":\"Status\"}",
        "{\"verb\":\"status\"",
        "{\"verb\":\"status\"} x",
        "{\"verb\":\"status\",\"verb\":\"stop\"}",
        "{\"verb\":\"status\",\"name\":\"bus\"}",
        "{\"verb\":\"stop\"}",
        "{\"verb\":\"stop\",\"name\":\"\"}",
        "{\"verb\":\"stop\",\"name\":3}",
        "{\"verb\":\"stop\",\"name\":[\"bus\"]}",
        "{\"verb\":\"stop\",\"name\":\"123456789012345678901234567890123456789012345678\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct bb_request request = {.name = "untouched"};
        assert_true(parse(texts[i], &request) < 0);
        assert_string_equal(request.name, "untouched");
    }
}

static void test_refuses_what_is_too_long(void **state)
{
    (void)state;
    char text[BB_REQUEST_MAX + 2];
    (void)snprintf(text, sizeof text, "%-*s", BB_REQUEST_MAX + 1, "{\"verb\":\"status\"}");
    struct bb_request request;
    assert_int_equal(bb_request_parse(text, BB_REQUEST_MAX, &request, NULL), BB_OK);
    assert_int_equal(bb_request_parse(text, BB_REQUEST_MAX + 1, &request, NULL), BB_ERR_OVERSIZE);
}

static void test_survives_deep_nesting(void **state)
{
    (void)state;
    char text[BB_REQUEST_MAX];
    memset(text, '[', sizeof text);
    struct bb_request request;
    assert_true(bb_request_parse(text, sizeof text, &request, NULL) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_every_verb),
        cmocka_unit_test(test_refuses_everything_else),
        cmocka_unit_test(test_refuses_what_is_too_long),
        cmocka_unit_test(test_survives_deep_nesting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
