/* What the kernel says about a CAN interface (rtnetlink), and word when it changes. */
#ifndef BUSBAR_SERVICES_CAN_INTERFACE_H
#define BUSBAR_SERVICES_CAN_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

struct bb_can_interface {
    bool present;      /* there is an interface of that name */
    bool can;          /* and it carries CAN */
    bool up;           /* and it is up */
    int index;         /* of the kernel */
    uint32_t bit_rate; /* 0: has none (vcan), or not set */
    bool listen_only;  /* the controller acknowledges and sends nothing */
    bool bus_off;
    bool error_passive;
};

/* Reads a netlink answer of size bytes that describes interfaces: fills *ret_interface with the
 * one called name. Returns false when it is not in there. Bounds are checked. */
bool bb_can_interface_parse(const void *data, size_t size, const char *name,
                            struct bb_can_interface *ret_interface);

/* Asks the kernel. BB_ERR_IO when that fails; an interface that does not exist is no failure. */
int bb_can_interface_query(const char *name, struct bb_can_interface *ret_interface,
                           struct bb_problem *problem);

/* A descriptor that becomes readable when an interface comes, goes or changes; negative code on
 * failure. The caller closes it. */
int bb_can_interface_monitor(void);
/* Takes what it has to say. */
void bb_can_interface_drain(int fd);

#endif
