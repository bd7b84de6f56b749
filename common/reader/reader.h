/* The bus side of a reader: battery, link and reply messages of its stations, their identities,
 * and the lines people read about them.
 *
 * A reader has a list of stations, one per battery, and hands in what its host knows. Everything
 * runs inside the callbacks of one actor.
 */
#ifndef BUSBAR_COMMON_READER_READER_H
#define BUSBAR_COMMON_READER_READER_H

#include "common/actor.h"
#include "common/reader/control.h"
#include "common/reader/identity.h"

/* One battery as the bus sees it. */
struct bb_reader_station {
    struct bb_device device;
    struct bb_identity_book *book; /* in which it is number `entry` */
    size_t entry;
    struct bb_control_gate gate;
    char topic[BB_TOPIC_MAX];                                   /* of its link messages */
    char state[sizeof(((struct bb_link *)0)->state)];           /* as last published */
    char last_error[sizeof(((struct bb_link *)0)->last_error)]; /* as last published */
    bool complained;                                            /* its silence was reported */
};

struct bb_reader {
    struct bb_actor *actor;
    unsigned controls; /* a bit per verb of control.h that may be written */
    size_t count;
    struct bb_reader_station stations[BB_MEMBERS_MAX];
    struct bb_message message; /* the one being made */
};

/* Adds a station; place is its part of the link topic, unique in the process: "0x01". The book
 * must outlive the reader. BB_ERR_CONFIG when device or place cannot stand in a message. */
int bb_reader_add(struct bb_reader *reader, const struct bb_device *device, const char *place,
                  struct bb_identity_book *book, size_t entry, struct bb_problem *problem);

/* How log lines call a station: "daly-can 0x01", or the driver alone. Static until next call in
 * ret_text. */
const char *bb_reader_place(const struct bb_reader *reader, size_t station, char *ret_text,
                            size_t capacity);

/* The station has a state, made at time_ms (monotonic): decides whose it is and publishes it. */
void bb_reader_publish_battery(struct bb_reader *reader, size_t station,
                               const struct bb_battery *battery, int64_t time_ms,
                               int64_t interval_ms);

/* Publishes the station's link when `always`, or when state or last_error changed; tells people
 * once when it falls silent and when it is back. Returns whether the state changed. */
bool bb_reader_publish_link(struct bb_reader *reader, size_t station, const struct bb_link *link,
                            bool always);

/* A command message: BB_OK with *ret_station and *ret_control for the host to carry out; anything
 * else was answered or is for another reader. */
int bb_reader_admit(struct bb_reader *reader, const struct bb_message *message, size_t *ret_station,
                    struct bb_control *ret_control);

/* The host could not even begin, or the command ended. Sends the reply, once. */
void bb_reader_end_command(struct bb_reader *reader, size_t station,
                           const struct bb_control_result *result);

/* Answers for commands the battery has not confirmed in time. */
void bb_reader_expire_commands(struct bb_reader *reader);

#endif
