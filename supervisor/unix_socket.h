/* Unix domain sockets by path, never blocking, closed on exec. */
#ifndef BUSBAR_SUPERVISOR_UNIX_SOCKET_H
#define BUSBAR_SUPERVISOR_UNIX_SOCKET_H

#include <sys/types.h>

/* Binds a socket of type (SOCK_STREAM: listening, too) to path with that mode, replacing a
 * socket nobody serves any more; the caller holds the lock of the run directory. Returns a
 * descriptor, or BB_ERR_OVERSIZE / BB_ERR_IO (errno tells why). */
int bb_unix_socket_bind(const char *path, int type, mode_t mode);

/* Connects a SOCK_STREAM socket that blocks. Returns a descriptor, or as above. */
int bb_unix_socket_connect(const char *path);

#endif
