#include "common/reader/identity.h"

#include <stdio.h>
#include <string.h>

void bb_identity_begin(struct bb_identity_book *book, const char *program, const char *section,
                       const char *driver, const uint16_t *addresses, size_t count)
{
    memset(book, 0, sizeof *book);
    (void)snprintf(book->program, sizeof book->program, "%s", program);
    (void)snprintf(book->section, sizeof book->section, "%s", section);
    (void)snprintf(book->driver, sizeof book->driver, "%s", driver);
    book->count = count;
    for (size_t i = 0; i < count; i++) {
        book->stations[i].address = addresses[i];
    }
}

/* The id a station has by its serial number, or by its place when serial is "". */
static void make_id(const struct bb_identity_book *book, const struct bb_identity *station,
                    const char *serial, char *ret_id)
{
    char text[sizeof book->section + BB_SERIAL_MAX + 8];
    if (*serial) {
        (void)snprintf(text, sizeof text, "%s-%s", book->driver, serial);
    } else if (book->count > 1) {
        (void)snprintf(text, sizeof text, "%s-0x%02x", book->section, station->address);
    } else {
        (void)snprintf(text, sizeof text, "%s", book->section);
    }
    if (!bb_id_from_text(ret_id, BB_ID_MAX, text)) {
        (void)snprintf(ret_id, BB_ID_MAX, "%s-0x%02x", book->driver, station->address);
    }
}

static struct bb_identity *holder_of(struct bb_identity_book *book, const char *id,
                                     const struct bb_identity *except)
{
    for (size_t i = 0; i < book->count; i++) {
        struct bb_identity *other = &book->stations[i];
        if (other != except && strcmp(other->id, id) == 0) {
            return other;
        }
    }
    return NULL;
}

static enum bb_identity_verdict refuse(struct bb_identity *station)
{
    bool again = station->refused;
    station->refused = true;
    return again ? BB_IDENTITY_CLASHING : BB_IDENTITY_CLASH;
}

/* Gives the station an id. One that was only remembered gives way to one that was read. */
static enum bb_identity_verdict claim(struct bb_identity_book *book, struct bb_identity *station,
                                      const char *id, const char *serial)
{
    struct bb_identity *holder = holder_of(book, id, station);
    if (holder && (holder->verified || !*serial || !*holder->serial)) {
        station->id[0] = '\0';
        station->serial[0] = '\0';
        return refuse(station);
    }
    if (holder) {
        holder->id[0] = '\0';
        holder->serial[0] = '\0';
        holder->states = 0;
    }
    bool other_battery = *station->serial && strcmp(station->serial, serial) != 0;
    (void)snprintf(station->id, sizeof station->id, "%s", id);
    (void)snprintf(station->serial, sizeof station->serial, "%s", serial);
    station->verified = *serial != '\0';
    station->refused = false;
    book->changed = true;
    return other_battery ? BB_IDENTITY_CHANGED : BB_IDENTITY_DECIDED;
}

static enum bb_identity_verdict judge_without_serial(struct bb_identity_book *book,
                                                     struct bb_identity *station)
{
    if (*station->id) {
        return BB_IDENTITY_KNOWN;
    }
    if (++station->states < BB_IDENTITY_PATIENCE) {
        return BB_IDENTITY_PENDING;
    }
    char id[BB_ID_MAX];
    make_id(book, station, "", id);
    return claim(book, station, id, "");
}

enum bb_identity_verdict bb_identity_judge(struct bb_identity_book *book, size_t station,
                                           const char *serial)
{
    struct bb_identity *known = &book->stations[station];
    if (!*serial) {
        return judge_without_serial(book, known);
    }
    if (*known->id && strcmp(known->serial, serial) == 0) {
        known->verified = true;
        return BB_IDENTITY_KNOWN;
    }
    if (*known->id && !*known->serial) {
        /* Known by its place; that it has a number after all does not make it another one. */
        (void)snprintf(known->serial, sizeof known->serial, "%s", serial);
        known->verified = true;
        book->changed = true;
        return BB_IDENTITY_KNOWN;
    }
    char id[BB_ID_MAX];
    make_id(book, known, serial, id);
    return claim(book, known, id, serial);
}
