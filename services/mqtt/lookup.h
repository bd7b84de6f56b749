/* Addresses of a host name without blocking the event loop.
 *
 * getaddrinfo can take longer than the watchdog allows (a dead name server, an mDNS name nobody
 * answers to), so it runs in a thread of its own that does nothing else and shares nothing.
 */
#ifndef BUSBAR_MQTT_LOOKUP_H
#define BUSBAR_MQTT_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/error.h"

#define BB_ADDRESSES_MAX 8
#define BB_ADDRESS_TEXT 64 /* a numeric address with scope and NUL */

struct bb_addresses {
    int failure; /* of getaddrinfo; 0: count >= 1 */
    size_t count;
    struct {
        char text[BB_ADDRESS_TEXT]; /* numeric */
        bool ipv6;
    } list[BB_ADDRESSES_MAX];
};

/* True when host is a numeric address already; then *ret_addresses holds it. */
bool bb_lookup_numeric(const char *host, struct bb_addresses *ret_addresses);

/* Starts to look host up. *ret_fd becomes readable when the answer is there; the caller closes
 * it, at any time. BB_OK, BB_ERR_IO or BB_ERR_NO_MEMORY. */
int bb_lookup_start(const char *host, int *ret_fd);

/* Takes the answer. BB_ERR_IO when there is none. */
int bb_lookup_take(int fd, struct bb_addresses *ret_addresses);

/* Why a lookup failed, in words. */
const char *bb_lookup_text(int failure);

#endif
