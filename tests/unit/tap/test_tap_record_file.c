#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "services/tap/record_file.h"

struct fixture {
    char folder[32];
    char path[64];
};

static int setup(void **state)
{
    static const struct fixture fresh = {.folder = "/tmp/busbar-test-XXXXXX"};
    struct fixture *fixture = malloc(sizeof *fixture);
    assert_non_null(fixture);
    *fixture = fresh;
    assert_non_null(mkdtemp(fixture->folder));
    (void)snprintf(fixture->path, sizeof fixture->path, "%s/rec", fixture->folder);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    (void)unlink(fixture->path);
    assert_int_equal(rmdir(fixture->folder), 0);
    free(fixture);
    return 0;
}

static int add(struct bb_recorder *recorder, int number, size_t body_size)
{
    static uint8_t body[BB_RECORD_BODY_MAX];
    memset(body, number, sizeof body);
    char topic[32];
    (void)snprintf(topic, sizeof topic, "battery/%d", number);
    struct bb_record entry = {.mono_ms = number,
                              .wall_ms = 1000 + number,
                              .topic = topic,
                              .topic_size = strlen(topic),
                              .body = body,
                              .body_size = body_size};
    return bb_recorder_add(recorder, &entry, NULL);
}

/* Appends records first..last, each with a body of as many bytes times 100. */
static bool record(const char *path, int first, int last)
{
    struct bb_recorder *recorder = NULL;
    bool cut = false;
    assert_int_equal(bb_recorder_open(path, &recorder, &cut, NULL), BB_OK);
    for (int i = first; i <= last; i++) {
        assert_int_equal(add(recorder, i, (size_t)i * 100), BB_OK);
    }
    bb_recorder_close(&recorder);
    assert_null(recorder);
    return cut;
}

/* Reads to the end, expecting records 1, 2, 3...; returns how many there were. */
static int read_all(struct bb_record_reader *reader, int *ret_result)
{
    struct bb_record entry;
    int count = 0;
    while ((*ret_result = bb_record_reader_next(reader, &entry, NULL)) > 0) {
        count++;
        assert_int_equal(entry.mono_ms, count);
        assert_int_equal(entry.wall_ms, 1000 + count);
        assert_int_equal(entry.body_size, count * 100);
        assert_int_equal(entry.body[entry.body_size - 1], count & 0xff);
    }
    return count;
}

static int count_records(const char *path, int *ret_result, bool *ret_cut)
{
    struct bb_record_reader *reader = NULL;
    assert_int_equal(bb_record_reader_open(path, &reader, NULL), BB_OK);
    int count = read_all(reader, ret_result);
    *ret_cut = bb_record_reader_was_cut(reader);
    bb_record_reader_close(&reader);
    assert_null(reader);
    return count;
}

static void expect_records(const char *path, int wanted, bool wanted_cut)
{
    int result = 0;
    bool cut = false;
    assert_int_equal(count_records(path, &result, &cut), wanted);
    assert_int_equal(result, 0);
    assert_int_equal(cut, wanted_cut);
}

static void test_written_is_read(void **state)
{
    struct fixture *fixture = *state;
    assert_false(record(fixture->path, 1, 200)); /* more than the reader's buffer holds */
    expect_records(fixture->path, 200, false);
    struct stat info;
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void test_appends(void **state)
{
    struct fixture *fixture = *state;
    assert_false(record(fixture->path, 1, 2));
    assert_false(record(fixture->path, 3, 4));
    expect_records(fixture->path, 4, false);
}

static void test_largest_records(void **state)
{
    struct fixture *fixture = *state;
    struct bb_recorder *recorder = NULL;
    bool cut = false;
    assert_int_equal(bb_recorder_open(fixture->path, &recorder, &cut, NULL), BB_OK);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(add(recorder, i, BB_RECORD_BODY_MAX), BB_OK);
    }
    assert_int_equal(add(recorder, 6, BB_RECORD_BODY_MAX + 1), BB_ERR_OVERSIZE);
    bb_recorder_close(&recorder);
    struct bb_record_reader *reader = NULL;
    assert_int_equal(bb_record_reader_open(fixture->path, &reader, NULL), BB_OK);
    struct bb_record entry;
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(bb_record_reader_next(reader, &entry, NULL), 1);
        assert_int_equal(entry.body_size, BB_RECORD_BODY_MAX);
        assert_int_equal(entry.body[0], i);
    }
    assert_int_equal(bb_record_reader_next(reader, &entry, NULL), 0);
    bb_record_reader_close(&reader);
}

/* Wherever a crash cuts the file, the whole records stay, and recording goes on behind them. */
static void test_every_cut_is_survived(void **state)
{
    struct fixture *fixture = *state;
    (void)record(fixture->path, 1, 2);
    struct stat info;
    assert_int_equal(stat(fixture->path, &info), 0);
    off_t first = BB_RECORD_HEADER + BB_RECORD_FIXED + 9 + 100;
    for (off_t size = info.st_size - 1; size >= 0; size--) {
        assert_int_equal(truncate(fixture->path, size), 0);
        int whole = size >= first ? 1 : 0;
        expect_records(fixture->path, whole, size != first && size != BB_RECORD_HEADER);
    }
    (void)record(fixture->path, 1, 2);
    assert_int_equal(truncate(fixture->path, info.st_size - 1), 0);
    assert_true(record(fixture->path, 2, 3));
    expect_records(fixture->path, 3, false);
}

static void test_damage_ends_the_reading_and_is_not_appended_to(void **state)
{
    struct fixture *fixture = *state;
    (void)record(fixture->path, 1, 3);
    int fd = open(fixture->path, O_RDWR);
    off_t second = BB_RECORD_HEADER + BB_RECORD_FIXED + 9 + 100;
    assert_int_equal(pwrite(fd, "!", 1, second + BB_RECORD_FIXED + 20), 1);
    (void)close(fd);
    int result = 0;
    bool cut = false;
    assert_int_equal(count_records(fixture->path, &result, &cut), 1);
    assert_int_equal(result, BB_ERR_MALFORMED);

    struct stat before;
    struct stat after;
    assert_int_equal(stat(fixture->path, &before), 0);
    struct bb_recorder *recorder = NULL;
    struct bb_problem problem;
    assert_int_equal(bb_recorder_open(fixture->path, &recorder, &cut, &problem), BB_ERR_MALFORMED);
    assert_null(recorder);
    char where[128];
    (void)snprintf(where, sizeof where, "%s byte %d", fixture->path, (int)second);
    assert_string_equal(problem.where, where);
    assert_int_equal(stat(fixture->path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
}

static void test_other_files_are_left_alone(void **state)
{
    struct fixture *fixture = *state;
    FILE *file = fopen(fixture->path, "w");
    assert_true(file && fputs("my diary", file) >= 0 && fclose(file) == 0);
    struct bb_recorder *recorder = NULL;
    struct bb_record_reader *reader = NULL;
    bool cut = false;
    assert_int_equal(bb_recorder_open(fixture->path, &recorder, &cut, NULL), BB_ERR_MALFORMED);
    assert_int_equal(bb_record_reader_open(fixture->path, &reader, NULL), BB_ERR_MALFORMED);
    struct stat info;
    assert_int_equal(stat(fixture->path, &info), 0);
    assert_int_equal(info.st_size, 8);
}

static void test_only_one_records(void **state)
{
    struct fixture *fixture = *state;
    struct bb_recorder *first = NULL;
    struct bb_recorder *second = NULL;
    bool cut = false;
    assert_int_equal(bb_recorder_open(fixture->path, &first, &cut, NULL), BB_OK);
    assert_int_equal(bb_recorder_open(fixture->path, &second, &cut, NULL), BB_ERR_BUSY);
    bb_recorder_close(&first);
}

static void test_full_disk_leaves_whole_records(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit tight = {.rlim_cur = 500, .rlim_max = before.rlim_max};
    struct bb_recorder *recorder = NULL;
    bool cut = false;
    assert_int_equal(bb_recorder_open(fixture->path, &recorder, &cut, NULL), BB_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    int first = add(recorder, 1, 100);
    int second = add(recorder, 2, 2000);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(first, BB_OK);
    assert_int_equal(second, BB_ERR_IO);
    bb_recorder_close(&recorder);
    expect_records(fixture->path, 1, false);
}

static void test_missing_file_and_folder(void **state)
{
    struct fixture *fixture = *state;
    struct bb_record_reader *reader = NULL;
    struct bb_recorder *recorder = NULL;
    struct bb_problem problem;
    bool cut = false;
    assert_int_equal(bb_record_reader_open(fixture->path, &reader, &problem), BB_ERR_IO);
    assert_string_equal(problem.where, fixture->path);
    assert_int_equal(bb_recorder_open("/nowhere/rec", &recorder, &cut, &problem), BB_ERR_IO);
    assert_int_equal(bb_recorder_open("/dev/null", &recorder, &cut, &problem), BB_ERR_UNSUPPORTED);
}

static void test_reads_again_from_the_start(void **state)
{
    struct fixture *fixture = *state;
    (void)record(fixture->path, 1, 200);
    struct bb_record_reader *reader = NULL;
    int result = 0;
    assert_int_equal(bb_record_reader_open(fixture->path, &reader, NULL), BB_OK);
    assert_int_equal(read_all(reader, &result), 200);
    assert_int_equal(bb_record_reader_rewind(reader, NULL), BB_OK);
    assert_int_equal(read_all(reader, &result), 200);
    assert_int_equal(result, 0);
    bb_record_reader_close(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_written_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_appends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_largest_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_cut_is_survived, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_ends_the_reading_and_is_not_appended_to, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_other_files_are_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_one_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk_leaves_whole_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_missing_file_and_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reads_again_from_the_start, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
