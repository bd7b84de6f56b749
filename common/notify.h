/* Client side of the service notification protocol (NOTIFY_SOCKET), so that a service runs under
 * busbar's own supervisor and under systemd alike. Without the variable everything is a no-op. */
#ifndef BUSBAR_COMMON_NOTIFY_H
#define BUSBAR_COMMON_NOTIFY_H

#include <stdint.h>

struct bb_notify {
    int fd;              /* -1: nobody listens */
    int64_t watchdog_ms; /* how often WATCHDOG=1 is wanted; 0: not at all */
};

/* Connects as the environment says and clears the variables for children of this process. */
void bb_notify_open(struct bb_notify *notify);
void bb_notify_close(struct bb_notify *notify);

/* Sends assignments such as "READY=1\nSTATUS=..." without ever waiting. */
void bb_notify_send(const struct bb_notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
