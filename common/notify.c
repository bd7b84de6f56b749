#include "common/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof address.sun_path) {
        return -1;
    }
    memcpy(address.sun_path, path, size);
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; /* abstract namespace, as systemd may use */
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    if (connect(fd, (const struct sockaddr *)&address, length) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Half the interval that was asked for, so that one late turn does no harm. */
static int64_t read_watchdog_ms(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");
    if (!text || (pid && strtol(pid, NULL, 10) != (long)getpid())) {
        return 0;
    }
    int64_t usec = strtoll(text, NULL, 10);
    return usec > 0 ? usec / 2000 : 0;
}

void bb_notify_open(struct bb_notify *notify)
{
    const char *path = getenv("NOTIFY_SOCKET");
    notify->fd = path ? connect_to(path) : -1;
    notify->watchdog_ms = notify->fd >= 0 ? read_watchdog_ms() : 0;
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

void bb_notify_close(struct bb_notify *notify)
{
    if (notify->fd >= 0) {
        (void)close(notify->fd);
        notify->fd = -1;
    }
}

void bb_notify_send(const struct bb_notify *notify, const char *format, ...)
{
    if (notify->fd < 0) {
        return;
    }
    char text[256];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size > 0) {
        size_t used = (size_t)size < sizeof text ? (size_t)size : sizeof text - 1;
        (void)send(notify->fd, text, used, MSG_NOSIGNAL);
    }
}
