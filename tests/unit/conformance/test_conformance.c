#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "files.h"
#include "services/conformance/conformance.h"

static struct bb_conformance run(const char *path, bool mutate, char ret_output[2048])
{
    FILE *out = tmpfile();
    assert_non_null(out);
    struct bb_conformance conformance = {.out = out, .mutate = mutate};
    bb_conformance_run(&conformance, path);
    rewind(out);
    size_t size = fread(ret_output, 1, 2047, out);
    ret_output[size] = '\0';
    (void)fclose(out);
    return conformance;
}

static void plays_what_lies_below_a_folder(void **state)
{
    (void)state;
    struct files files;
    char path[256];
    char output[2048];
    files_begin(&files);
    (void)snprintf(path, sizeof path, "%s/jbd", files.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof path, "%s/charge-control", files.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    files_write(&files, "jbd/good.json", JBD_VECTOR("\"soc\": 100"), path);
    files_write(&files, "jbd/wrong.json", JBD_VECTOR("\"soc\": 99"), path);
    files_write(&files, "jbd/broken.json", "{", path);
    files_write(&files, "jbd/readme.txt", "no vector", path);
    files_write(&files, "other.json", "{\"driver\": \"no-such-driver\"}", path);
    files_write(&files, "charge-control/scenario.json", "{}", path);
    struct bb_conformance got = run(files.folder, false, output);
    assert_int_equal(got.passed, 1);
    assert_int_equal(got.failed, 2);
    assert_int_equal(got.skipped, 2);
    assert_non_null(strstr(output, "/jbd/wrong.json: soc: expected 99, got 100.0\n"));
    assert_non_null(strstr(output, "/jbd/broken.json: "));
    files_end(&files);
}

static void a_missing_path_and_a_missing_state_fail(void **state)
{
    (void)state;
    struct files files;
    char path[256];
    char output[2048];
    assert_int_equal(run("/nonexistent", false, output).failed, 1);
    files_begin(&files);
    files_write(&files, "silent.json",
                "{\"driver\": \"jbd\", \"transport\": \"serial\", \"frames\": []}", path);
    assert_int_equal(run(path, false, output).failed, 1);
    assert_non_null(strstr(output, "state: expected one, got nothing"));
    files_write(&files, "can.json", "{\"driver\": \"jbd\", \"transport\": \"can\", \"frames\": []}",
                path);
    assert_int_equal(run(path, false, output).failed, 1);
    files_end(&files);
}

static void damages_on_request(void **state)
{
    (void)state;
    struct files files;
    char path[256];
    char output[2048];
    files_begin(&files);
    files_write(&files, "good.json", JBD_VECTOR("\"soc\": 100"), path);
    assert_int_equal(run(path, false, output).damages, 0);
    struct bb_conformance got = run(path, true, output);
    assert_int_equal(got.passed, 1);
    assert_true(got.damages > 100);
    files_end(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plays_what_lies_below_a_folder),
        cmocka_unit_test(a_missing_path_and_a_missing_state_fail),
        cmocka_unit_test(damages_on_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
