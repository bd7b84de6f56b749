#include "supervisor/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/error.h"

#define BACKLOG 16

static int fill_address(const char *path, struct sockaddr_un *ret_address)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return BB_ERR_OVERSIZE;
    }
    memcpy(address.sun_path, path, size + 1);
    *ret_address = address;
    return BB_OK;
}

static int fail(int fd)
{
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return BB_ERR_IO;
}

int bb_unix_socket_bind(const char *path, int type, mode_t mode)
{
    struct sockaddr_un address;
    int error = fill_address(path, &address);
    if (error != BB_OK) {
        return error;
    }
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return BB_ERR_IO;
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        return fail(fd);
    }
    mode_t before = umask((mode_t)~mode & 0777); /* right before anybody can connect */
    int bound = bind(fd, (const struct sockaddr *)&address, sizeof address);
    (void)umask(before);
    if (bound != 0 || (type == SOCK_STREAM && listen(fd, BACKLOG) != 0)) {
        return fail(fd);
    }
    return fd;
}

int bb_unix_socket_connect(const char *path)
{
    struct sockaddr_un address;
    int error = fill_address(path, &address);
    if (error != BB_OK) {
        return error;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return BB_ERR_IO;
    }
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        return fail(fd);
    }
    return fd;
}
