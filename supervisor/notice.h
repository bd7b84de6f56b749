/* What a process says over NOTIFY_SOCKET: the service notification protocol of systemd, lines of
 * NAME=VALUE in one datagram, plus one of our own (names that begin with X_ are ignored by other
 * supervisors). */
#ifndef BUSBAR_SUPERVISOR_NOTICE_H
#define BUSBAR_SUPERVISOR_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BB_NOTICE_MAX 1024 /* largest datagram that is looked at */
#define BB_STATUS_MAX 128

struct bb_notice {
    bool ready;    /* READY=1 */
    bool watchdog; /* WATCHDOG=1 */
    bool has_status;
    char status[BB_STATUS_MAX]; /* STATUS=..., printable UTF-8, cut to fit */
    bool has_messages;          /* X_BUSBAR_MESSAGES=<in> <out>, totals since its start */
    int64_t messages_in, messages_out;
};

/* Reads one datagram. What is unknown or malformed is ignored line by line, as the protocol
 * wants. Returns how many lines were understood, or BB_ERR_OVERSIZE. */
int bb_notice_parse(const char *data, size_t size, struct bb_notice *ret_notice);

#endif
