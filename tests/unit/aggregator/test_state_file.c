#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/aggregator/state_file.h"

static char folder[64];
static struct bb_saved saved;
static struct bb_saved again;

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/bbstateXXXXXX");
    memset(&saved, 0, sizeof saved);
    saved.battery_count = 1;
    (void)snprintf(saved.batteries[0].id, sizeof saved.batteries[0].id, "jk-1");
    return mkdtemp(folder) ? 0 : -1;
}

static void path_of(char *ret_path, const char *suffix)
{
    (void)snprintf(ret_path, 128, "%s/" BB_STATE_FILE "%s", folder, suffix);
}

static int remove_folder(void **state)
{
    (void)state;
    const char *const suffixes[] = {"", ".new", ".damaged"};
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        path_of(path, suffixes[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

static bool exists(const char *suffix)
{
    char path[128];
    path_of(path, suffix);
    return access(path, F_OK) == 0;
}

static void write_text(const char *text, size_t size)
{
    char path[128];
    path_of(path, "");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void test_what_was_written_is_read(void **state)
{
    (void)state;
    assert_int_equal(bb_state_file_read(folder, &again, NULL), BB_ERR_MISSING);
    assert_int_equal(bb_state_file_write(folder, &saved, NULL), BB_OK);
    assert_false(exists(".new"));
    assert_int_equal(bb_state_file_read(folder, &again, NULL), BB_OK);
    assert_string_equal(again.batteries[0].id, "jk-1");
    saved.battery_count = 0;
    assert_int_equal(bb_state_file_write(folder, &saved, NULL), BB_OK);
    assert_int_equal(bb_state_file_read(folder, &again, NULL), BB_OK);
    assert_int_equal(again.battery_count, 0);
}

static void test_damaged_file_is_set_aside_and_named(void **state)
{
    (void)state;
    write_text("busbar-aggregator 1 00000000 2\n{}", 33);
    struct bb_problem problem = {0};
    assert_true(bb_state_file_read(folder, &again, &problem) < 0);
    assert_true(strstr(problem.where, BB_STATE_FILE) != NULL);
    assert_true(strstr(problem.what, "checksum") != NULL);
    assert_false(exists(""));
    assert_true(exists(".damaged"));
    assert_int_equal(bb_state_file_read(folder, &again, NULL), BB_ERR_MISSING);
    write_text("", 0);
    assert_int_equal(bb_state_file_read(folder, &again, NULL), BB_ERR_TRUNCATED);
}

static void test_oversized_file_is_refused(void **state)
{
    (void)state;
    char *text = calloc(1, BB_SAVED_BYTES_MAX + 10);
    assert_non_null(text);
    write_text(text, BB_SAVED_BYTES_MAX + 10);
    free(text);
    assert_int_equal(bb_state_file_read(folder, &again, NULL), BB_ERR_OVERSIZE);
    assert_true(exists(".damaged"));
}

/* A write that was cut short leaves the file before it in force. */
static void test_unfinished_write_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(bb_state_file_write(folder, &saved, NULL), BB_OK);
    char path[128];
    path_of(path, ".new");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("busbar-aggr", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(bb_state_file_read(folder, &again, NULL), BB_OK);
    assert_int_equal(again.battery_count, 1);
    assert_int_equal(bb_state_file_write(folder, &saved, NULL), BB_OK);
}

static void test_unusable_folder_is_an_error(void **state)
{
    (void)state;
    struct bb_problem problem = {0};
    assert_int_equal(bb_state_file_write("/nonexistent/folder", &saved, &problem), BB_ERR_IO);
    assert_true(strlen(problem.what) > 0);
    char path[128];
    path_of(path, "");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(bb_state_file_read(folder, &again, &problem), BB_ERR_IO);
    assert_int_equal(bb_state_file_write(folder, &saved, &problem), BB_ERR_IO);
    assert_int_equal(rmdir(path), 0);
    char deep[600];
    memset(deep, 'a', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(bb_state_file_write(deep, &saved, &problem), BB_ERR_OVERSIZE);
    assert_int_equal(bb_state_file_read(deep, &again, &problem), BB_ERR_OVERSIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_written_is_read, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_damaged_file_is_set_aside_and_named, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_oversized_file_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_unfinished_write_changes_nothing, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_unusable_folder_is_an_error, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
