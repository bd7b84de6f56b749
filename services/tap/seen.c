#include "services/tap/seen.h"

#include <czmq.h>

struct newest {
    int64_t instance, sequence;
};

struct bb_seen {
    zhashx_t *topics; /* topic and source -> struct newest */
    size_t limit;
};

static void destroy_newest(void **item)
{
    free(*item);
    *item = NULL;
}

struct bb_seen *bb_seen_new(size_t limit)
{
    struct bb_seen *seen = calloc(1, sizeof *seen);
    if (!seen) {
        return NULL;
    }
    seen->limit = limit;
    seen->topics = zhashx_new();
    zhashx_set_destructor(seen->topics, destroy_newest);
    return seen;
}

void bb_seen_destroy(struct bb_seen **seen)
{
    if (*seen) {
        zhashx_destroy(&(*seen)->topics);
        free(*seen);
        *seen = NULL;
    }
}

static void remember(struct bb_seen *seen, const char *key, int64_t instance, int64_t sequence)
{
    if (zhashx_size(seen->topics) >= seen->limit) {
        zhashx_purge(seen->topics);
    }
    struct newest *newest = calloc(1, sizeof *newest);
    if (newest) {
        *newest = (struct newest){.instance = instance, .sequence = sequence};
        (void)zhashx_insert(seen->topics, key, newest);
    }
}

enum bb_seen_as bb_seen_note(struct bb_seen *seen, const struct bb_message *message)
{
    char key[BB_TOPIC_MAX + BB_ID_MAX + 1];
    (void)snprintf(key, sizeof key, "%s %s", message->topic, message->head.source);
    int64_t instance = message->head.instance.value;
    int64_t sequence = message->head.sequence.value;
    struct newest *newest = zhashx_lookup(seen->topics, key);
    if (!newest) {
        remember(seen, key, instance, sequence);
        return BB_SEEN_FIRST;
    }
    if (instance < newest->instance ||
        (instance == newest->instance && sequence <= newest->sequence)) {
        return BB_SEEN_REPEATED;
    }
    *newest = (struct newest){.instance = instance, .sequence = sequence};
    return BB_SEEN_NEWER;
}
