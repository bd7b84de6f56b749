#include "supervisor/notify_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "proto/error.h"
#include "supervisor/unix_socket.h"

#define BUFFER_BYTES 262144 /* hundreds of datagrams: a supervisor that was paused loses none */

int bb_notify_socket_open(const char *path)
{
    int fd = bb_unix_socket_bind(path, SOCK_DGRAM, 0600);
    if (fd < 0) {
        return fd;
    }
    const int on = 1;
    const int bytes = BUFFER_BYTES;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
        return BB_ERR_IO;
    }
    return fd;
}

/* Descriptors that come along (the protocol knows some) are not wanted and would fill the
 * table. */
static void close_rights(const struct cmsghdr *header)
{
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
        (void)close(fd);
    }
}

static pid_t read_sender(struct msghdr *message)
{
    pid_t pid = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET) {
            continue;
        }
        if (header->cmsg_type == SCM_RIGHTS) {
            close_rights(header);
        } else if (header->cmsg_type == SCM_CREDENTIALS &&
                   header->cmsg_len >= CMSG_LEN(sizeof(struct ucred))) {
            struct ucred sender;
            memcpy(&sender, CMSG_DATA(header), sizeof sender);
            pid = sender.pid;
        }
    }
    return pid;
}

int bb_notify_socket_receive(int fd, pid_t *ret_pid, struct bb_notice *ret_notice)
{
    char data[BB_NOTICE_MAX];
    _Alignas(struct cmsghdr) char
        control[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(16 * sizeof(int))];
    struct iovec part = {.iov_base = data, .iov_len = sizeof data};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0) {
        return errno == EINTR ? BB_ERR_MALFORMED : 0;
    }
    pid_t pid = read_sender(&message);
    bool whole = (message.msg_flags & MSG_TRUNC) == 0;
    if (pid <= 0 || !whole || bb_notice_parse(data, (size_t)size, ret_notice) < 0) {
        return BB_ERR_MALFORMED;
    }
    *ret_pid = pid;
    return 1;
}
