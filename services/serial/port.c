#include "services/serial/port.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/serial/tty.h"

struct bb_port {
    char path[PATH_MAX];
    uint32_t bit_rate;
    bool hurry;
    struct bb_tty tty;
    size_t pending_at, pending_size;
    uint8_t pending[BB_PORT_WRITE_MAX];
};

struct bb_port *bb_port_new(const char *path, uint32_t bit_rate, bool hurry)
{
    struct bb_port *port = strlen(path) < PATH_MAX ? calloc(1, sizeof *port) : NULL;
    if (port) {
        memcpy(port->path, path, strlen(path) + 1);
        port->bit_rate = bit_rate;
        port->hurry = hurry;
        port->tty.fd = -1;
    }
    return port;
}

void bb_port_destroy(struct bb_port **port)
{
    if (*port) {
        bb_port_close(*port);
        free(*port);
        *port = NULL;
    }
}

int bb_port_open(struct bb_port *port, struct bb_problem *problem)
{
    bb_port_close(port);
    return bb_tty_open(port->path, port->bit_rate, port->hurry, &port->tty, problem);
}

void bb_port_close(struct bb_port *port)
{
    bb_tty_close(&port->tty);
    port->pending_at = 0;
    port->pending_size = 0;
}

int bb_port_fd(const struct bb_port *port)
{
    return port->tty.fd;
}

/* True when a call failed only because it would have had to wait. */
static bool would_wait(void)
{
    return errno == EAGAIN || errno == EINTR;
}

int bb_port_read(struct bb_port *port, uint8_t *ret_data, size_t capacity)
{
    ssize_t size = read(port->tty.fd, ret_data, capacity);
    if (size > 0) {
        return (int)size;
    }
    /* VMIN is 1: no byte is EAGAIN, and 0 means that the other end has hung up. */
    return size < 0 && would_wait() ? 0 : BB_ERR_IO;
}

int bb_port_flush(struct bb_port *port)
{
    while (port->pending_at < port->pending_size) {
        ssize_t size = write(port->tty.fd, port->pending + port->pending_at,
                             port->pending_size - port->pending_at);
        if (size < 0 && would_wait()) {
            return 0;
        }
        if (size <= 0) {
            return BB_ERR_IO;
        }
        port->pending_at += (size_t)size;
    }
    port->pending_at = 0;
    port->pending_size = 0;
    return 1;
}

int bb_port_write(struct bb_port *port, const uint8_t *data, size_t size)
{
    if (port->pending_size > 0 || size > sizeof port->pending) {
        return BB_ERR_BUSY;
    }
    memcpy(port->pending, data, size);
    port->pending_size = size;
    return bb_port_flush(port);
}
