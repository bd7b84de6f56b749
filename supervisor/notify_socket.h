/* The datagram socket on which the processes say READY, WATCHDOG and STATUS. */
#ifndef BUSBAR_SUPERVISOR_NOTIFY_SOCKET_H
#define BUSBAR_SUPERVISOR_NOTIFY_SOCKET_H

#include <sys/types.h>

#include "supervisor/notice.h"

/* Binds path (mode 0600), replacing what a killed supervisor has left there. The kernel adds the
 * sender's process id to each datagram. Returns a descriptor that never blocks, or BB_ERR_IO
 * (errno tells why). */
int bb_notify_socket_open(const char *path);

/* Takes one datagram. Returns 1 with the sender's process id and notice, 0 when none waits, or
 * BB_ERR_MALFORMED for one to be ignored. */
int bb_notify_socket_receive(int fd, pid_t *ret_pid, struct bb_notice *ret_notice);

#endif
