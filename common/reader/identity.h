/* Which battery answers at an address, over restarts and re-plugging.
 *
 * A battery's id comes from its serial number, "<driver>-<serial>", where the BMS reports one,
 * else from the section: "rack", or "rack-0x41" when the section has several addresses. Nothing
 * is published before that is decided. The decision is remembered: after a restart the same id
 * is used at once, and checked against the serial number as soon as it is read.
 *
 * Pure, but for load and save.
 */
#ifndef BUSBAR_COMMON_READER_IDENTITY_H
#define BUSBAR_COMMON_READER_IDENTITY_H

#include <jansson.h>

#include "proto/message/message.h"

/* States without a serial number after which the BMS is taken to have none. */
#define BB_IDENTITY_PATIENCE 3
#define BB_SERIAL_MAX sizeof(((struct bb_battery *)0)->serial_number)

struct bb_identity {
    uint16_t address;
    char id[BB_ID_MAX];         /* "" while undecided */
    char serial[BB_SERIAL_MAX]; /* "" when none is known */
    bool verified;              /* the serial number was seen in this run */
    bool refused;               /* its id belongs to another battery of this wire */
    unsigned states;            /* seen without a serial number */
};

struct bb_identity_book {
    char program[16]; /* of the reader: "serial", "can" */
    char section[BB_ID_MAX];
    char driver[24];
    bool changed; /* there is something to save */
    size_t count;
    struct bb_identity stations[BB_MEMBERS_MAX]; /* in the wire's order */
};

enum bb_identity_verdict {
    BB_IDENTITY_PENDING, /* not decided: do not publish */
    BB_IDENTITY_KNOWN,   /* publish under its id */
    BB_IDENTITY_DECIDED, /* the same, from now on */
    BB_IDENTITY_CHANGED, /* another battery than remembered: publish under its new id */
    BB_IDENTITY_CLASH,   /* its id belongs to another battery of this wire: do not publish */
    BB_IDENTITY_CLASHING /* still so */
};

/* An empty book for the stations at these addresses. */
void bb_identity_begin(struct bb_identity_book *book, const char *program, const char *section,
                       const char *driver, const uint16_t *addresses, size_t count);

/* A state of that station has been read; serial is "" when it carries none. */
enum bb_identity_verdict bb_identity_judge(struct bb_identity_book *book, size_t station,
                                           const char *serial);

/* The book as it is saved; the caller owns the reference. NULL when out of memory. */
json_t *bb_identity_to_json(const struct bb_identity_book *book);

/* Takes what is remembered of the book's driver and addresses. Refuses what this program has not
 * written; book is untouched then. */
int bb_identity_from_json(struct bb_identity_book *book, const json_t *json,
                          struct bb_problem *problem);

/* Reads <state_dir>/<program>-<section>.json. No file is no error. A damaged file is renamed to
 * <name>.damaged and reported: BB_ERR_MALFORMED, BB_ERR_VERSION, BB_ERR_IO. */
int bb_identity_load(struct bb_identity_book *book, const char *state_dir,
                     struct bb_problem *problem);
/* Replaces the file as a whole. */
int bb_identity_save(struct bb_identity_book *book, const char *state_dir,
                     struct bb_problem *problem);

#endif
