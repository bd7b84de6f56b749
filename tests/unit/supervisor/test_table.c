#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/table.h"

static char *print(const char *status)
{
    json_t *object = json_loads(status, 0, NULL);
    assert_non_null(object);
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    bb_table_print(object, file);
    (void)fclose(file);
    json_decref(object);
    return text;
}

static const char *line_of(const char *text, int index)
{
    for (int i = 0; i < index; i++) {
        text = strchr(text, '\n') + 1;
    }
    return text;
}

static void test_columns_line_up(void **state)
{
    (void)state;
    char *text = print(
        "{\"ok\":true,\"version\":\"1\",\"pid\":7,\"uptime_ms\":5000,\"processes\":["
        "{\"name\":\"bus\",\"state\":\"running\",\"restarts\":0,\"pid\":12,\"uptime_ms\":4000,"
        "\"cpu_percent\":0.25,\"rss_kb\":9000,\"pss_kb\":4000,\"status\":\"70 % of 3 °C\"},"
        "{\"name\":\"serial-\u00fcber\",\"state\":\"waiting\",\"restarts\":12,\"reason\":\"exit "
        "1\","
        "\"next_start_ms\":1500}]}");
    static const char *const titles[] = {"STATE", "LAST END", "STATUS"};
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        assert_non_null(strstr(line_of(text, 1), titles[i]));
    }
    size_t state_column = (size_t)(strstr(line_of(text, 1), "STATE") - line_of(text, 1));
    assert_memory_equal(line_of(text, 2) + state_column, "running", 7);
    /* One character more in bytes than on the screen. */
    assert_memory_equal(line_of(text, 3) + state_column + 1, "waiting", 7);
    assert_non_null(strstr(line_of(text, 2), " 4000 "));
    assert_non_null(strstr(line_of(text, 2), "70 % of 3 °C\n"));
    assert_non_null(strstr(line_of(text, 3), "exit 1"));
    assert_non_null(strstr(line_of(text, 3), "next start in 1.5 s\n"));
    free(text);
}

static void test_head_says_what_is_in_force(void **state)
{
    (void)state;
    char *text = print("{\"version\":\"1.2\",\"pid\":7,\"uptime_ms\":5000,\"processes\":[]}");
    assert_memory_equal(text, "busbar 1.2, process 7, up 5 s, configuration built in\n", 54);
    free(text);
    text = print("{\"version\":\"1.2\",\"pid\":7,\"uptime_ms\":5000,\"config\":\"/a.conf\","
                 "\"reload_error\":\"/a.conf:3: no\",\"processes\":[]}");
    assert_non_null(strstr(text, "configuration /a.conf\n"));
    assert_non_null(strstr(text, "refused, the one before is in force: /a.conf:3: no\n"));
    free(text);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "0 s"},         {119999, "119 s"},
        {120000, "2 min"},  {7199999, "119 min"},
        {7200000, "2.0 h"}, {12600000, "3.5 h"},
        {172800000, "2 d"}, {INT64_C(86400000) * 400, "400 d"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[32];
        bb_table_duration(text, sizeof text, cases[i].ms);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_line_up),
        cmocka_unit_test(test_head_says_what_is_in_force),
        cmocka_unit_test(test_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
