/* A serial port: opened for this process alone, 8N1, raw, never blocking.
 *
 * Adapters come and go: a port that is missing, busy or pulled out is an error code, and the
 * caller tries again later. Pseudo terminals work too (simulators, tests): what they cannot do
 * (modem lines) is not asked of them.
 */
#ifndef BUSBAR_SERVICES_SERIAL_PORT_H
#define BUSBAR_SERVICES_SERIAL_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

#define BB_PORT_WRITE_MAX 256          /* bytes of one write */
#define BB_PORT_MISSING "is not there" /* problem->what of a port that is unplugged */

struct bb_port;

/* A closed port for that path and bit rate. hurry asks the adapter to hand bytes over at once; else
 * many collect them for up to 16 ms, which costs far less CPU. NULL when out of memory. The
 * caller destroys it. */
struct bb_port *bb_port_new(const char *path, uint32_t bit_rate, bool hurry);
void bb_port_destroy(struct bb_port **port);

/* Opens the port. Bytes that arrived before are dropped. BB_ERR_BUSY: another process has it;
 * BB_ERR_IO: it is not there, may not be used or is no serial port. problem->what is a clause
 * that fits behind the path, "is in use by process 123 (minicom)". */
int bb_port_open(struct bb_port *port, struct bb_problem *problem);
/* Harmless when closed. */
void bb_port_close(struct bb_port *port);

/* The descriptor to watch for POLLIN, or -1 when closed. */
int bb_port_fd(const struct bb_port *port);

/* Bytes read, 0 when there are none now, or BB_ERR_IO when the port is gone: close it. */
int bb_port_read(struct bb_port *port, uint8_t *ret_data, size_t capacity);

/* Writes at most BB_PORT_WRITE_MAX bytes. Returns 1 when all are with the kernel, 0 when the
 * rest waits for POLLOUT and bb_port_flush(), BB_ERR_BUSY when an earlier rest still waits,
 * BB_ERR_IO when the port is gone: close it. */
int bb_port_write(struct bb_port *port, const uint8_t *data, size_t size);
int bb_port_flush(struct bb_port *port);

#endif
