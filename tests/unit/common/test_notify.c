#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/notify.h"

/* A listener as a supervisor opens it; its path goes into NOTIFY_SOCKET. */
static int listen_for_notices(char *ret_path, size_t capacity)
{
    (void)snprintf(ret_path, capacity, "/tmp/busbar-notify-%d", (int)getpid());
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", ret_path);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    (void)unlink(ret_path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", ret_path, 1), 0);
    return fd;
}

static void test_tells_whoever_started_it(void **state)
{
    (void)state;
    char path[64];
    int listener = listen_for_notices(path, sizeof path);
    (void)setenv("WATCHDOG_USEC", "5000000", 1);
    struct bb_notify notify;
    bb_notify_open(&notify);
    assert_int_equal(notify.watchdog_ms, 2500);
    assert_null(getenv("NOTIFY_SOCKET")); /* not for the process's own children */
    bb_notify_send(&notify, "READY=1\nSTATUS=%s", "serving");
    char text[64] = "";
    assert_int_equal(recv(listener, text, sizeof text - 1, MSG_DONTWAIT), 22);
    assert_string_equal(text, "READY=1\nSTATUS=serving");
    bb_notify_close(&notify);
    (void)close(listener);
    (void)unlink(path);
}

static void test_a_watchdog_for_another_process_is_not_ours(void **state)
{
    (void)state;
    char path[64];
    int listener = listen_for_notices(path, sizeof path);
    (void)setenv("WATCHDOG_USEC", "5000000", 1);
    (void)setenv("WATCHDOG_PID", "1", 1);
    struct bb_notify notify;
    bb_notify_open(&notify);
    assert_int_equal(notify.watchdog_ms, 0);
    bb_notify_close(&notify);
    (void)close(listener);
    (void)unlink(path);
}

static void test_without_a_listener_nothing_happens(void **state)
{
    (void)state;
    (void)unsetenv("NOTIFY_SOCKET");
    struct bb_notify notify;
    bb_notify_open(&notify);
    assert_int_equal(notify.fd, -1);
    bb_notify_send(&notify, "READY=1");
    bb_notify_close(&notify);
    (void)setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
    bb_notify_open(&notify);
    assert_int_equal(notify.fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells_whoever_started_it),
        cmocka_unit_test(test_a_watchdog_for_another_process_is_not_ours),
        cmocka_unit_test(test_without_a_listener_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
