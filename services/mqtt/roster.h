/* The batteries and banks that are known, each with what the broker was told last. */
#ifndef BUSBAR_MQTT_ROSTER_H
#define BUSBAR_MQTT_ROSTER_H

#include "services/mqtt/pace.h"
#include "services/mqtt/state.h"

#define BB_ROSTER_MAX 128

enum bb_told { BB_TOLD_NOTHING, BB_TOLD_OFFLINE, BB_TOLD_ONLINE };

struct bb_roster_entry {
    struct bb_mqtt_subject subject;
    char name[BB_TOPIC_MAX]; /* the id as it stands in MQTT topics */
    struct bb_pace_topic pace;
    int64_t expiry_ms; /* next time the passing of time alone changes the state */
    enum bb_told availability;
    bool info_pending;
    char *info, *state; /* as published last, or NULL */
};

struct bb_roster {
    struct bb_roster_entry *entries[BB_ROSTER_MAX];
    size_t count;
};

/* The name of an id in MQTT topics: everything but [A-Za-z0-9_-] becomes '_', so that the same
 * name serves Home Assistant's discovery. */
void bb_roster_name(const char *id, char *ret_name, size_t capacity);

/* The entry of id, made when there is none. Returns BB_OK, BB_ERR_DUPLICATE when another id has
 * the same name, BB_ERR_OVERSIZE when the roster is full, BB_ERR_NO_MEMORY. */
int bb_roster_find(struct bb_roster *roster, const char *id, struct bb_roster_entry **ret_entry);

/* The entry of that name, or NULL. */
struct bb_roster_entry *bb_roster_by_name(const struct bb_roster *roster, const char *name,
                                          size_t size);

/* Forgets what the broker was told: a new connection must hear everything again. */
void bb_roster_forget_told(struct bb_roster *roster);

/* Releases all entries. */
void bb_roster_clear(struct bb_roster *roster);

#endif
