/* Serial ports on pseudo terminals. */
#include "services/serial/port.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "pty.h"

struct fixture {
    struct pty pty;
    struct bb_port *port;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    pty_set_up(&fixture.pty);
    pty_plug_in(&fixture.pty);
    fixture.port = bb_port_new(fixture.pty.path, 9600, false);
    *state = &fixture;
    return fixture.port ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    bb_port_destroy(&fixture->port);
    pty_tear_down(&fixture->pty);
    return 0;
}

static void open_port(struct fixture *fixture)
{
    struct bb_problem problem = {0};
    int error = bb_port_open(fixture->port, &problem);
    if (error != BB_OK) {
        fail_msg("%s %s", problem.where, problem.what);
    }
    assert_true(bb_port_fd(fixture->port) >= 0);
}

static void bytes_pass_unchanged(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t awkward[] = {0x00, 0x03, 0x04, 0x0A, 0x0D, 0x11, 0x13, 0x7F, 0x80, 0xFF};
    uint8_t seen[64];
    open_port(fixture);
    assert_int_equal(bb_port_read(fixture->port, seen, sizeof seen), 0);

    assert_int_equal(bb_port_write(fixture->port, awkward, sizeof awkward), 1);
    assert_true(pty_wait(fixture->pty.master_fd, POLLIN));
    assert_int_equal(read(fixture->pty.master_fd, seen, sizeof seen), sizeof awkward);
    assert_memory_equal(seen, awkward, sizeof awkward);

    assert_int_equal(write(fixture->pty.master_fd, awkward, sizeof awkward), sizeof awkward);
    assert_true(pty_wait(bb_port_fd(fixture->port), POLLIN));
    assert_int_equal(bb_port_read(fixture->port, seen, sizeof seen), sizeof awkward);
    assert_memory_equal(seen, awkward, sizeof awkward);
    assert_int_equal(bb_port_read(fixture->port, seen, sizeof seen), 0);
}

static void the_bit_rate_is_set(void **state)
{
    struct fixture *fixture = *state;
    open_port(fixture);
    struct termios settings;
    assert_int_equal(tcgetattr(bb_port_fd(fixture->port), &settings), 0);
    assert_int_equal(cfgetospeed(&settings), B9600);
    assert_int_equal(settings.c_cflag & CSIZE, CS8);
    assert_int_equal(settings.c_cflag & (PARENB | CSTOPB), 0);
}

static void what_arrived_before_opening_is_dropped(void **state)
{
    struct fixture *fixture = *state;
    uint8_t seen[8];
    open_port(fixture);
    assert_int_equal(write(fixture->pty.master_fd, "stale", 5), 5);
    assert_true(pty_wait(bb_port_fd(fixture->port), POLLIN));
    open_port(fixture);
    assert_int_equal(bb_port_read(fixture->port, seen, sizeof seen), 0);
}

static void a_full_line_makes_the_rest_wait(void **state)
{
    struct fixture *fixture = *state;
    uint8_t block[BB_PORT_WRITE_MAX];
    uint8_t sink[4096];
    memset(block, 'x', sizeof block);
    open_port(fixture);
    size_t written = 0;
    int result = 1;
    while (result == 1) {
        result = bb_port_write(fixture->port, block, sizeof block);
        written += sizeof block;
        assert_true(written < 1024 * 1024);
    }
    assert_int_equal(result, 0);
    assert_int_equal(bb_port_write(fixture->port, block, 1), BB_ERR_BUSY);
    size_t arrived = 0;
    while (arrived < written) {
        assert_true(pty_wait(fixture->pty.master_fd, POLLIN));
        ssize_t size = read(fixture->pty.master_fd, sink, sizeof sink);
        assert_true(size > 0);
        arrived += (size_t)size;
        result = bb_port_flush(fixture->port);
        assert_true(result >= 0);
    }
    assert_int_equal(result, 1);
    assert_int_equal(bb_port_write(fixture->port, block, 1), 1);
}

static void a_pulled_adapter_is_noticed_and_comes_back(void **state)
{
    struct fixture *fixture = *state;
    struct bb_problem problem;
    uint8_t seen[8];
    for (int round = 0; round < 3; round++) {
        open_port(fixture);
        pty_pull_out(&fixture->pty);
        assert_true(pty_wait(bb_port_fd(fixture->port), POLLIN));
        assert_int_equal(bb_port_read(fixture->port, seen, sizeof seen), BB_ERR_IO);
        assert_int_equal(bb_port_write(fixture->port, seen, 1), BB_ERR_IO);
        bb_port_close(fixture->port);
        assert_int_equal(bb_port_fd(fixture->port), -1);
        bb_port_close(fixture->port);
        assert_int_equal(bb_port_open(fixture->port, &problem), BB_ERR_IO);
        assert_string_equal(problem.where, fixture->pty.path);
        assert_string_equal(problem.what, "is not there");
        pty_plug_in(&fixture->pty);
    }
    open_port(fixture);
    assert_int_equal(bb_port_write(fixture->port, (const uint8_t *)"back", 4), 1);
}

/* Opens the port in another process and tells through a pipe when it has it. */
static pid_t hold_elsewhere(const char *path, int *ret_release_fd)
{
    int ready[2];
    int release[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(release), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char byte = 0;
        (void)close(release[1]);
        struct bb_port *port = bb_port_new(path, 9600, false);
        bool held = port && bb_port_open(port, NULL) == BB_OK;
        bool told = held && write(ready[1], &byte, 1) == 1;
        (void)read(release[0], &byte, 1);
        _exit(told ? 0 : 1);
    }
    (void)close(ready[1]);
    (void)close(release[0]);
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    *ret_release_fd = release[1];
    return child;
}

static void a_busy_port_names_who_has_it(void **state)
{
    struct fixture *fixture = *state;
    struct bb_problem problem;
    int release_fd;
    pid_t child = hold_elsewhere(fixture->pty.path, &release_fd);
    assert_int_equal(bb_port_open(fixture->port, &problem), BB_ERR_BUSY);
    assert_string_equal(problem.where, fixture->pty.path);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "is in use by process %d (", (int)child);
    assert_int_equal(strncmp(problem.what, expected, strlen(expected)), 0);
    assert_non_null(strstr(problem.what, "test_port"));

    (void)close(release_fd);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    open_port(fixture);
}

static void other_things_are_no_ports(void **state)
{
    (void)state;
    static const char *const paths[] = {"/dev/null", "/etc/passwd", "/", "/nowhere/at/all", ""};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct bb_problem problem = {0};
        struct bb_port *port = bb_port_new(paths[i], 9600, false);
        assert_int_equal(bb_port_open(port, &problem), BB_ERR_IO);
        assert_string_equal(problem.where, paths[i]);
        assert_true(strlen(problem.what) > 0);
        assert_int_equal(bb_port_fd(port), -1);
        bb_port_destroy(&port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_pass_unchanged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_bit_rate_is_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_arrived_before_opening_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_line_makes_the_rest_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pulled_adapter_is_noticed_and_comes_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_busy_port_names_who_has_it, set_up, tear_down),
        cmocka_unit_test(other_things_are_no_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
