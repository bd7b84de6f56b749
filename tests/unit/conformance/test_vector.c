#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "files.h"
#include "services/conformance/vector.h"

static void reads_hex(void **state)
{
    (void)state;
    uint8_t data[4];
    assert_int_equal(bb_hex_parse("dD 0a\tFF", 8, data, sizeof data), 3);
    assert_int_equal(data[0], 0xdd);
    assert_int_equal(data[2], 0xff);
    assert_int_equal(bb_hex_parse("", 0, data, sizeof data), 0);
    assert_int_equal(bb_hex_parse("d", 1, data, sizeof data), BB_ERR_MALFORMED);
    assert_int_equal(bb_hex_parse("d d", 3, data, sizeof data), BB_ERR_MALFORMED);
    assert_int_equal(bb_hex_parse("0x11", 4, data, sizeof data), BB_ERR_MALFORMED);
    assert_int_equal(bb_hex_parse("1122334455", 10, data, sizeof data), BB_ERR_OVERSIZE);
}

static int load(const char *text, struct bb_vector *ret_vector, struct bb_problem *ret_problem)
{
    struct files files;
    char path[256];
    files_begin(&files);
    files_write(&files, "v.json", text, path);
    int error = bb_vector_load(path, NULL, ret_vector, ret_problem);
    files_end(&files);
    return error;
}

static void reads_a_vector(void **state)
{
    (void)state;
    struct bb_vector vector;
    struct bb_problem problem;
    assert_int_equal(load("{\"driver\": \"jk-pb\", \"transport\": \"serial\", \"address\": "
                          "\"0x03\", \"config\": {\"a\": \"text\", \"b\": true, \"c\": 16},"
                          "\"frames\": [{\"dir\": \"tx\", \"hex\": \"01 02\"},"
                          "{\"dir\": \"rx\", \"hex\": \"03\", \"id\": \"0x351\", \"ext\": true}],"
                          "\"expect\": {\"soc\": 5}, \"tolerance\": {\"soc\": 1}}",
                          &vector, &problem),
                     BB_OK);
    assert_string_equal(vector.driver->id, "jk-pb");
    assert_int_equal(vector.address, 3);
    assert_false(vector.any_request);
    assert_int_equal(vector.frame_count, 2);
    assert_true(vector.frames[0].sent && vector.frames[0].size == 2);
    assert_true(vector.frames[1].extended && vector.frames[1].id == 0x351);
    assert_int_equal(vector.setting_count, 3);
    assert_string_equal(vector.settings[0].value, "text");
    assert_string_equal(vector.settings[1].value, "yes");
    assert_string_equal(vector.settings[2].value, "16");
    assert_true(json_is_object(vector.expect) && json_is_object(vector.tolerance));
    bb_vector_clear(&vector);
    assert_null(vector.frames);
}

static void takes_the_default_address(void **state)
{
    (void)state;
    struct bb_vector vector;
    struct bb_problem problem;
    assert_int_equal(load("{\"driver\": \"daly\", \"transport\": \"serial\", \"address\": null, "
                          "\"frames\": []}",
                          &vector, &problem),
                     BB_OK);
    assert_int_equal(vector.address, 0x40);
    assert_true(vector.any_request);
    bb_vector_clear(&vector);
}

#define JBD "\"driver\": \"jbd\", \"transport\": \"serial\""
static void says_where_a_file_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
        const char *where;
    } cases[] = {
        {"{\"driver\": \"nothing\"}", BB_ERR_UNKNOWN, "driver"},
        {"{}", BB_ERR_UNKNOWN, "driver"},
        {"{\"driver\": \"jbd\"}", BB_ERR_RANGE, "transport"},
        {"{" JBD "}", BB_ERR_MISSING, "frames"},
        {"{" JBD ", \"frames\": [{\"dir\": \"up\", \"hex\": \"00\"}]}", BB_ERR_MISSING,
         "frames[0]"},
        {"{" JBD ", \"frames\": [{\"dir\": \"rx\", \"hex\": \"0\"}]}", BB_ERR_MALFORMED,
         "frames[0]"},
        {"{" JBD ", \"frames\": [7]}", BB_ERR_MISSING, "frames[0]"},
        {"{" JBD ", \"frames\": [], \"address\": \"0x10000\"}", BB_ERR_RANGE, "address"},
        {"{" JBD ", \"frames\": [], \"address\": -1}", BB_ERR_RANGE, "address"},
        {"{" JBD ", \"frames\": [], \"address\": \"three\"}", BB_ERR_RANGE, "address"},
        {"{" JBD ", \"frames\": [], \"config\": {\"a\": []}}", BB_ERR_TYPE, "a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bb_vector vector;
        struct bb_problem problem = {.where = ""};
        assert_int_equal(load(cases[i].text, &vector, &problem), cases[i].error);
        assert_string_equal(problem.where, cases[i].where);
    }
    struct bb_vector vector;
    struct bb_problem problem;
    assert_int_equal(load("{", &vector, &problem), BB_ERR_MALFORMED);
    assert_int_equal(bb_vector_load("/nonexistent", NULL, &vector, &problem), BB_ERR_MALFORMED);
}

static void reads_rows_of_hex(void **state)
{
    (void)state;
    struct files files;
    char path[256];
    struct bb_vector vector;
    struct bb_problem problem;
    const struct bb_driver *jbd = bb_driver_find("jbd");
    files_begin(&files);
    files_write(&files, "log", "# a log\n> DD A5\n\n< dd 03 # answer\n  77\n", path);
    assert_int_equal(bb_vector_load_hex(path, jbd, &vector, &problem), BB_OK);
    assert_int_equal(vector.frame_count, 3);
    assert_true(vector.frames[0].sent);
    assert_false(vector.frames[1].sent || vector.frames[2].sent || vector.any_request);
    bb_vector_clear(&vector);
    files_write(&files, "log", "dd 03\n77\n", path);
    assert_int_equal(bb_vector_load_hex(path, jbd, &vector, &problem), BB_OK);
    assert_true(vector.any_request);
    bb_vector_clear(&vector);
    files_write(&files, "log", "dd 03\nwhat\n", path);
    assert_int_equal(bb_vector_load_hex(path, jbd, &vector, &problem), BB_ERR_MALFORMED);
    assert_string_equal(problem.where, "line 2");
    assert_int_equal(bb_vector_load_hex("/nonexistent", jbd, &vector, &problem), BB_ERR_IO);
    files_end(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_hex),
        cmocka_unit_test(reads_a_vector),
        cmocka_unit_test(takes_the_default_address),
        cmocka_unit_test(says_where_a_file_is_wrong),
        cmocka_unit_test(reads_rows_of_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
