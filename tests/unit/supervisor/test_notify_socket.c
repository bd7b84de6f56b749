#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "proto/error.h"
#include "supervisor/notify_socket.h"
#include "tests/unit/supervisor/scratch.h"

struct stage {
    struct scratch scratch;
    int fd, sender;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    scratch_make(&stage->scratch);
    stage->fd = bb_notify_socket_open(scratch_path(&stage->scratch, "notify"));
    assert_true(stage->fd >= 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", stage->scratch.folder);
    stage->sender = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(connect(stage->sender, (const struct sockaddr *)&address, sizeof address), 0);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    (void)close(stage->fd);
    (void)close(stage->sender);
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

static void test_tells_who_says_what(void **state)
{
    struct stage *stage = *state;
    pid_t pid = 0;
    struct bb_notice notice;
    assert_int_equal(bb_notify_socket_receive(stage->fd, &pid, &notice), 0);
    assert_int_equal(send(stage->sender, "READY=1", 7, 0), 7);
    assert_int_equal(bb_notify_socket_receive(stage->fd, &pid, &notice), 1);
    assert_int_equal(pid, getpid());
    assert_true(notice.ready);
    assert_int_equal(bb_notify_socket_receive(stage->fd, &pid, &notice), 0);
}

static void test_ignores_what_is_too_long_or_empty(void **state)
{
    struct stage *stage = *state;
    char text[BB_NOTICE_MAX + 1];
    memset(text, 'x', sizeof text);
    assert_int_equal(send(stage->sender, text, sizeof text, 0), sizeof text);
    pid_t pid = 0;
    struct bb_notice notice;
    assert_int_equal(bb_notify_socket_receive(stage->fd, &pid, &notice), BB_ERR_MALFORMED);
    assert_int_equal(send(stage->sender, text, BB_NOTICE_MAX, 0), BB_NOTICE_MAX);
    assert_int_equal(bb_notify_socket_receive(stage->fd, &pid, &notice), 1);
    assert_int_equal(send(stage->sender, "", 0, 0), 0);
    assert_int_equal(bb_notify_socket_receive(stage->fd, &pid, &notice), 1);
    assert_false(notice.ready);
}

static int count_descriptors(void)
{
    struct dirent **entries;
    int count = scandir("/proc/self/fd", &entries, scratch_is_file, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free(entries);
    return count;
}

static void send_descriptors(int sender, size_t count)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(64 * sizeof(int))] = {0};
    int fds[64] = {0};
    for (size_t i = 0; i < count; i++) {
        fds[i] = STDERR_FILENO;
    }
    char text[] = "BARRIER=1";
    struct iovec part = {.iov_base = text, .iov_len = sizeof text - 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    assert_true(sendmsg(sender, &message, 0) > 0);
}

static void test_keeps_no_descriptor_that_comes_along(void **state)
{
    struct stage *stage = *state;
    int before = count_descriptors();
    for (size_t count = 1; count <= 64; count *= 2) {
        send_descriptors(stage->sender, count);
        pid_t pid = 0;
        struct bb_notice notice;
        (void)bb_notify_socket_receive(stage->fd, &pid, &notice);
        assert_int_equal(count_descriptors(), before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tells_who_says_what, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ignores_what_is_too_long_or_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keeps_no_descriptor_that_comes_along, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
