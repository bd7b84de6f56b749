#include "common/reader/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct bb_trace_entry *newest(struct bb_trace *trace)
{
    return trace->count ? &trace->entries[(trace->count - 1) % BB_TRACE_ENTRIES] : NULL;
}

static void append(struct bb_trace_entry *entry, const uint8_t *data, size_t size)
{
    if (entry->size < BB_TRACE_BYTES) {
        size_t room = BB_TRACE_BYTES - entry->size;
        memcpy(entry->data + entry->size, data, size < room ? size : room);
    }
    entry->size += size;
}

void bb_trace_add(struct bb_trace *trace, enum bb_trace_origin origin, const uint8_t *data,
                  size_t size, int64_t now_ms)
{
    struct bb_trace_entry *entry = newest(trace);
    bool joins = entry && origin != BB_TRACE_SENT && entry->origin == origin &&
                 now_ms - entry->last_ms <= BB_TRACE_JOIN_MS;
    if (!joins) {
        trace->count++;
        entry = newest(trace);
        entry->first_ms = now_ms;
        entry->origin = origin;
        entry->size = 0;
    }
    entry->last_ms = now_ms;
    append(entry, data, size);
}

uint64_t bb_trace_oldest(const struct bb_trace *trace)
{
    return trace->count > BB_TRACE_ENTRIES ? trace->count - BB_TRACE_ENTRIES : 0;
}

const struct bb_trace_entry *bb_trace_at(const struct bb_trace *trace, uint64_t number)
{
    if (number >= trace->count || number < bb_trace_oldest(trace)) {
        return NULL;
    }
    return &trace->entries[number % BB_TRACE_ENTRIES];
}

static char sign_of(enum bb_trace_origin origin)
{
    switch (origin) {
    case BB_TRACE_SENT:
        return '>';
    case BB_TRACE_ANSWER:
        return '<';
    case BB_TRACE_STRAY:
        return '?';
    }
    return '?';
}

static size_t kept_bytes(const struct bb_trace_entry *entry)
{
    return entry->size < BB_TRACE_BYTES ? entry->size : BB_TRACE_BYTES;
}

const char *bb_trace_line(const struct bb_trace_entry *entry, char *ret_text, size_t capacity)
{
    int used =
        snprintf(ret_text, capacity, "%" PRId64 " %c", entry->first_ms, sign_of(entry->origin));
    size_t length = used < 0 ? 0 : (size_t)used;
    size_t kept = kept_bytes(entry);
    size_t shown = 0;
    for (; shown < kept && length + sizeof " ff" <= capacity; shown++) {
        (void)snprintf(ret_text + length, capacity - length, " %02x", entry->data[shown]);
        length += 3;
    }
    if (shown < entry->size && length < capacity) {
        (void)snprintf(ret_text + length, capacity - length, " (+%zu bytes)", entry->size - shown);
    }
    return ret_text;
}
