/* Opens and configures the terminal device behind a serial port. Used by port.c only.
 *
 * Adapters and UARTs go through libserialport, which knows bit rates off the standard list and
 * modem lines. It does not know pseudo terminals, nor ports without modem lines; those are set up
 * here.
 */
#ifndef BUSBAR_SERVICES_SERIAL_TTY_H
#define BUSBAR_SERVICES_SERIAL_TTY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/error.h"

struct sp_port;

struct bb_tty {
    int fd;                 /* -1: closed */
    struct sp_port *device; /* NULL when libserialport has no part in it */
};

/* Opens path for this process alone: raw, 8N1, no flow control, non-blocking. A descriptor that
 * reads 0 bytes has been hung up. BB_ERR_BUSY, BB_ERR_IO as bb_port_open; ret_tty is untouched
 * then. hurry as bb_port_new. The caller closes it. */
int bb_tty_open(const char *path, uint32_t bit_rate, bool hurry, struct bb_tty *ret_tty,
                struct bb_problem *problem);
/* Harmless when closed. */
void bb_tty_close(struct bb_tty *tty);

#endif
