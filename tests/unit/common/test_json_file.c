#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json_file.h"

struct place {
    char folder[64];
    char path[96];
    char beside[104];
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    (void)snprintf(place->folder, sizeof place->folder, "/tmp/bb-json-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    (void)snprintf(place->path, sizeof place->path, "%s/state.json", place->folder);
    (void)snprintf(place->beside, sizeof place->beside, "%s.new", place->path);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    (void)unlink(place->path);
    (void)unlink(place->beside);
    (void)rmdir(place->folder);
    free(place);
    return 0;
}

static void test_what_was_written_is_read(void **state)
{
    const struct place *place = *state;
    json_t *written = json_pack("{s:i, s:s}", "a", 1, "b", "text");
    assert_int_equal(bb_json_file_write(place->path, written), BB_OK);
    assert_int_not_equal(access(place->beside, F_OK), 0);
    json_t *found = NULL;
    assert_int_equal(bb_json_file_read(place->path, &found, NULL), BB_OK);
    assert_true(json_equal(written, found));
    json_decref(found);
    json_object_set_new(written, "a", json_integer(2));
    assert_int_equal(bb_json_file_write(place->path, written), BB_OK);
    assert_int_equal(bb_json_file_read(place->path, &found, NULL), BB_OK);
    assert_true(json_equal(written, found));
    json_decref(found);
    json_decref(written);
}

static void test_a_failed_write_leaves_the_old_file(void **state)
{
    const struct place *place = *state;
    json_t *value = json_pack("{s:i}", "a", 1);
    assert_int_equal(bb_json_file_write(place->path, value), BB_OK);
    assert_int_equal(mkdir(place->beside, 0700), 0); /* nothing can be written beside */
    json_object_set_new(value, "a", json_integer(2));
    assert_int_equal(bb_json_file_write(place->path, value), BB_ERR_IO);
    assert_int_equal(rmdir(place->beside), 0);
    json_t *found = NULL;
    assert_int_equal(bb_json_file_read(place->path, &found, NULL), BB_OK);
    assert_int_equal(json_integer_value(json_object_get(found, "a")), 1);
    json_decref(found);
    assert_int_equal(bb_json_file_write("/nonexistent/state.json", value), BB_ERR_IO);
    assert_int_equal(errno, ENOENT);
    json_decref(value);
}

static void test_what_cannot_be_read(void **state)
{
    const struct place *place = *state;
    json_t *found = NULL;
    struct bb_problem problem = {.where = ""};
    assert_int_equal(bb_json_file_read(place->path, &found, &problem), BB_ERR_MISSING);
    FILE *file = fopen(place->path, "we");
    (void)fputs("{\"a\": 1,\n \"a\": 2}", file);
    (void)fclose(file);
    assert_int_equal(bb_json_file_read(place->path, &found, &problem), BB_ERR_MALFORMED);
    assert_string_equal(problem.where, place->path);
    assert_int_equal(truncate(place->path, BB_JSON_FILE_MAX + 1), 0);
    assert_int_equal(bb_json_file_read(place->path, &found, &problem), BB_ERR_OVERSIZE);
    assert_null(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_written_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_failed_write_leaves_the_old_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_read, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
