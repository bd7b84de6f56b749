#include "services/mqtt/roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

void bb_roster_name(const char *id, char *ret_name, size_t capacity)
{
    size_t i = 0;
    for (; id[i] != '\0' && i + 1 < capacity; i++) {
        ret_name[i] = (char)(is_name_char(id[i]) ? id[i] : '_');
    }
    ret_name[i] = '\0';
}

struct bb_roster_entry *bb_roster_by_name(const struct bb_roster *roster, const char *name,
                                          size_t size)
{
    for (size_t i = 0; i < roster->count; i++) {
        if (strlen(roster->entries[i]->name) == size &&
            memcmp(roster->entries[i]->name, name, size) == 0) {
            return roster->entries[i];
        }
    }
    return NULL;
}

int bb_roster_find(struct bb_roster *roster, const char *id, struct bb_roster_entry **ret_entry)
{
    char name[BB_TOPIC_MAX];
    bb_roster_name(id, name, sizeof name);
    struct bb_roster_entry *entry = bb_roster_by_name(roster, name, strlen(name));
    if (entry) {
        if (strcmp(entry->subject.id, id) != 0) {
            return BB_ERR_DUPLICATE;
        }
        *ret_entry = entry;
        return BB_OK;
    }
    if (roster->count == BB_ROSTER_MAX) {
        return BB_ERR_OVERSIZE;
    }
    entry = calloc(1, sizeof *entry);
    if (!entry) {
        return BB_ERR_NO_MEMORY;
    }
    (void)snprintf(entry->subject.id, sizeof entry->subject.id, "%s", id);
    memcpy(entry->name, name, sizeof name);
    entry->expiry_ms = BB_NEVER_MS;
    roster->entries[roster->count++] = entry;
    *ret_entry = entry;
    return BB_OK;
}

static void forget(struct bb_roster_entry *entry)
{
    free(entry->info);
    free(entry->state);
    entry->info = NULL;
    entry->state = NULL;
    entry->availability = BB_TOLD_NOTHING;
}

void bb_roster_forget_told(struct bb_roster *roster)
{
    for (size_t i = 0; i < roster->count; i++) {
        forget(roster->entries[i]);
        roster->entries[i]->info_pending = true;
        roster->entries[i]->pace.sent = false;
    }
}

void bb_roster_clear(struct bb_roster *roster)
{
    for (size_t i = 0; i < roster->count; i++) {
        forget(roster->entries[i]);
        free(roster->entries[i]);
    }
    roster->count = 0;
}
