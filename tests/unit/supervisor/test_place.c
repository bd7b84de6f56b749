#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "supervisor/place.h"
#include "tests/unit/supervisor/scratch.h"

static void test_makes_a_private_folder(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_make(&scratch);
    struct bb_problem problem;
    struct stat about;
    assert_int_equal(bb_place_prepare(scratch_path(&scratch, "run"), &problem), BB_OK);
    assert_int_equal(stat(scratch_path(&scratch, "run"), &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(bb_place_prepare(scratch_path(&scratch, "run"), &problem), BB_OK);
    assert_int_equal(bb_place_state(scratch_path(&scratch, "state"), &problem), BB_OK);
    scratch_remove(&scratch);
}

static void test_refuses_what_it_cannot_have_alone(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_make(&scratch);
    struct bb_problem problem;
    assert_int_equal(bb_place_prepare(scratch_path(&scratch, "a/b"), &problem), BB_ERR_IO);
    scratch_write(&scratch, "file", "");
    assert_int_equal(bb_place_prepare(scratch_path(&scratch, "file"), &problem), BB_ERR_IO);
    assert_string_equal(problem.where, scratch.path);
    assert_string_equal(problem.what, "is not a folder");
    assert_int_equal(chmod(scratch.folder, 0777), 0);
    assert_int_equal(bb_place_prepare(scratch.folder, &problem), BB_ERR_CONFIG);
    assert_int_equal(chmod(scratch.folder, 0700), 0);
    scratch_remove(&scratch);
}

static void test_refuses_a_path_too_long_for_sockets(void **state)
{
    (void)state;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    memset(path, 'x', sizeof path);
    memcpy(path, "/tmp/", 5);
    path[sizeof path - 5] = '\0';
    struct bb_problem problem;
    assert_int_equal(bb_place_prepare(path, &problem), BB_ERR_OVERSIZE);
    struct stat about;
    assert_int_not_equal(stat(path, &about), 0); /* nothing was made */
}

/* A second process finds the folder taken, and free again when the first has ended. */
static void test_lock_names_its_holder(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_make(&scratch);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t holder = fork();
    if (holder == 0) {
        struct bb_problem problem;
        int fd = bb_place_lock(scratch.folder, &problem);
        (void)!write(ready[1], fd >= 0 ? "y" : "n", 1);
        (void)pause();
        _exit(0);
    }
    char answer = 0;
    assert_int_equal(read(ready[0], &answer, 1), 1);
    assert_int_equal(answer, 'y');
    struct bb_problem problem;
    assert_int_equal(bb_place_lock(scratch.folder, &problem), BB_ERR_BUSY);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "busbar already runs here, process %ld",
                   (long)holder);
    assert_string_equal(problem.what, expected);
    assert_int_equal(kill(holder, SIGKILL), 0);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    int fd = bb_place_lock(scratch.folder, &problem);
    assert_true(fd >= 0);
    (void)close(fd);
    (void)close(ready[0]);
    (void)close(ready[1]);
    scratch_remove(&scratch);
}

static void test_lock_does_not_follow_a_link(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_make(&scratch);
    assert_int_equal(symlink("/tmp/busbar-elsewhere", scratch_path(&scratch, "lock")), 0);
    struct bb_problem problem;
    assert_int_equal(bb_place_lock(scratch.folder, &problem), BB_ERR_IO);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_makes_a_private_folder),
        cmocka_unit_test(test_refuses_what_it_cannot_have_alone),
        cmocka_unit_test(test_refuses_a_path_too_long_for_sockets),
        cmocka_unit_test(test_lock_names_its_holder),
        cmocka_unit_test(test_lock_does_not_follow_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
