/* Small services run by the real runtime, each in a child process of its own; there is no bus,
 * which is a state the runtime must live with. The service reports through its exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/actor.h"

/* What the services below tell by their exit code. */
enum verdict { GOOD = 10, BAD = 11 };

static char folder[] = "/tmp/busbar-test-XXXXXX";

static int run(const struct bb_service *service, const char *option, const char *value)
{
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char name[] = "busbar-aggregator";
        char run_dir[] = "--run-dir";
        char extra[64];
        char extra_value[64];
        (void)snprintf(extra, sizeof extra, "%s", option ? option : "");
        (void)snprintf(extra_value, sizeof extra_value, "%s", value ? value : "");
        char *argv[] = {name, run_dir, folder, extra, extra_value, NULL};
        exit(bb_actor_main(service, option ? 5 : 3, argv));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void finish(struct bb_actor *actor, bool good)
{
    bb_actor_exit(actor, (enum bb_exit)(good ? GOOD : BAD));
}

/* --- Timers fire in order, once or again, and not after being cancelled --- */

struct timers {
    char order[16];
    int cancelled, periodic;
};

static void note(struct timers *timers, char what)
{
    size_t used = strlen(timers->order);
    if (used + 1 < sizeof timers->order) {
        timers->order[used] = what;
    }
}

static void on_late(struct bb_actor *actor, void *arg)
{
    struct timers *timers = arg;
    note(timers, 'l');
    finish(actor, strcmp(timers->order, "eppl") == 0);
}

static void on_cancelled(struct bb_actor *actor, void *arg)
{
    (void)arg;
    finish(actor, false);
}

static void on_period(struct bb_actor *actor, void *arg)
{
    struct timers *timers = arg;
    note(timers, 'p');
    if (strcmp(timers->order, "epp") == 0) {
        bb_actor_cancel(actor, timers->periodic); /* from within its own callback */
        (void)bb_actor_after(actor, 30, on_late, timers);
    }
}

static void on_early(struct bb_actor *actor, void *arg)
{
    struct timers *timers = arg;
    (void)actor;
    note(timers, 'e');
}

static int start_timers(struct bb_actor *actor, void *self)
{
    struct timers *timers = self;
    /* In the order they fire, also when a busy machine finds several due at once. */
    int early = bb_actor_after(actor, 1, on_early, timers);
    timers->cancelled = bb_actor_after(actor, 1, on_cancelled, timers);
    timers->periodic = bb_actor_every(actor, 20, on_period, timers);
    bb_actor_cancel(actor, timers->cancelled);
    bb_actor_cancel(actor, timers->cancelled);
    bb_actor_cancel(actor, 0);
    return early > 0 ? BB_OK : BB_ERR_NO_MEMORY;
}

static void test_timers(void **state)
{
    (void)state;
    static const struct bb_service service = {
        .program = "aggregator", .start = start_timers, .self_size = sizeof(struct timers)};
    assert_int_equal(run(&service, NULL, NULL), GOOD);
}

/* --- Descriptors: input, hang-up, and a watch that ends itself --- */

struct pair {
    int fds[2];
    int reads;
};

static void on_input(struct bb_actor *actor, int fd, short revents, void *arg)
{
    struct pair *pair = arg;
    char byte = 0;
    ssize_t size = read(fd, &byte, 1);
    if (size == 1 && (revents & POLLIN)) {
        pair->reads++;
        (void)close(pair->fds[1]);
        return;
    }
    bb_actor_unwatch(actor, fd); /* the other end is gone */
    (void)close(fd);
    finish(actor, size == 0 && pair->reads == 1);
}

static int start_pair(struct bb_actor *actor, void *self)
{
    struct pair *pair = self;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair->fds) != 0 || write(pair->fds[1], "x", 1) != 1) {
        return BB_ERR_IO;
    }
    return bb_actor_watch(actor, pair->fds[0], POLLIN, on_input, pair);
}

static void test_descriptors(void **state)
{
    (void)state;
    static const struct bb_service service = {
        .program = "aggregator", .start = start_pair, .self_size = sizeof(struct pair)};
    assert_int_equal(run(&service, NULL, NULL), GOOD);
}

/* --- Endings --- */

static int start_and_signal(struct bb_actor *actor, void *self)
{
    (void)actor;
    (void)self;
    return raise(SIGTERM) == 0 ? BB_OK : BB_ERR_IO;
}

static void test_sigterm_ends_in_order(void **state)
{
    (void)state;
    static const struct bb_service service = {.program = "aggregator", .start = start_and_signal};
    assert_int_equal(run(&service, NULL, NULL), BB_EXIT_STOPPED);
}

static int start_in_vain(struct bb_actor *actor, void *self)
{
    (void)actor;
    return *(char *)self == 0 ? BB_ERR_IO : BB_OK;
}

static int start_misconfigured(struct bb_actor *actor, void *self)
{
    (void)actor;
    (void)self;
    return BB_ERR_CONFIG;
}

static void test_exit_codes_tell_configuration_from_failure(void **state)
{
    (void)state;
    static const struct bb_service failing = {.program = "aggregator", .start = start_in_vain};
    static const struct bb_service wrong = {.program = "aggregator", .start = start_misconfigured};
    static const struct bb_service nameless = {.program = "serial", .start = start_in_vain};
    assert_int_equal(run(&failing, NULL, NULL), BB_EXIT_FAILED);
    assert_int_equal(run(&wrong, NULL, NULL), BB_EXIT_CONFIG);
    assert_int_equal(run(&wrong, "--config", "/nonexistent/busbar.conf"), BB_EXIT_CONFIG);
    assert_int_equal(run(&wrong, "--unknown", "x"), BB_EXIT_CONFIG);
    assert_int_equal(run(&nameless, "--section", "not-there"), BB_EXIT_CONFIG);
}

static int start_without_state(struct bb_actor *actor, void *self)
{
    (void)self;
    finish(actor, bb_actor_state_dir(actor) == NULL);
    return BB_OK;
}

static void test_a_state_directory_that_cannot_be_written_is_none(void **state)
{
    (void)state;
    static const struct bb_service service = {.program = "aggregator",
                                              .start = start_without_state};
    assert_int_equal(run(&service, "--state-dir", "/nonexistent"), GOOD);
}

int main(void)
{
    if (!mkdtemp(folder)) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_sigterm_ends_in_order),
        cmocka_unit_test(test_exit_codes_tell_configuration_from_failure),
        cmocka_unit_test(test_a_state_directory_that_cannot_be_written_is_none),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(folder) == 0 ? failed : 1;
}
