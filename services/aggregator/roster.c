#include "services/aggregator/roster.h"

#include <stdlib.h>
#include <string.h>

#include "proto/deadlines.h"
#include "services/aggregator/text.h"

void bb_roster_destroy(struct bb_roster *roster)
{
    for (size_t i = 0; i < roster->count; i++) {
        free(roster->entries[i]);
        roster->entries[i] = NULL;
    }
    roster->count = 0;
}

struct bb_roster_entry *bb_roster_find(const struct bb_roster *roster, const char *id)
{
    for (size_t i = 0; i < roster->count; i++) {
        if (strcmp(roster->entries[i]->id, id) == 0) {
            return roster->entries[i];
        }
    }
    return NULL;
}

struct bb_roster_entry *bb_roster_add(struct bb_roster *roster, const char *id)
{
    if (roster->count == BB_BATTERIES_MAX || id[0] == '\0' || strlen(id) >= BB_ID_MAX) {
        return NULL;
    }
    struct bb_roster_entry *entry = calloc(1, sizeof *entry);
    if (entry) {
        bb_text_append(entry->id, sizeof entry->id, id);
        roster->entries[roster->count++] = entry;
    }
    return entry;
}

static bool is_fresh(const struct bb_snapshot *snapshot, int64_t now_ms)
{
    return snapshot->seen && now_ms - snapshot->mono_ms < bb_stale_after_ms(snapshot->interval_ms);
}

static void set_text(char *text, size_t capacity, const char *value)
{
    text[0] = '\0';
    bb_text_append(text, capacity, value);
}

enum bb_roster_answer bb_roster_take(struct bb_roster_entry *entry, const struct bb_head *head,
                                     const struct bb_battery *battery, int64_t now_ms)
{
    struct bb_snapshot *snapshot = &entry->snapshot;
    bool other = snapshot->seen && strcmp(entry->source, head->source) != 0;
    if (other && is_fresh(snapshot, now_ms)) {
        set_text(entry->refused, sizeof entry->refused, head->source);
        return BB_ROSTER_CONFLICT;
    }
    int64_t fact_ms = head->mono_ms.present ? head->mono_ms.value : now_ms;
    entry->wrong_clock = fact_ms > now_ms;
    fact_ms = entry->wrong_clock ? now_ms : fact_ms;
    if (snapshot->seen && fact_ms <= snapshot->mono_ms) {
        return BB_ROSTER_OLD;
    }
    set_text(entry->source, sizeof entry->source, head->source);
    snapshot->seen = true;
    snapshot->mono_ms = fact_ms;
    snapshot->interval_ms = head->interval_ms.present ? head->interval_ms.value : 0;
    snapshot->battery = *battery;
    return BB_ROSTER_TAKEN;
}
