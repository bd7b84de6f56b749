#include "services/bus/cache.h"

#include <czmq.h>

#include "proto/message/message.h"

struct slot {
    struct bb_cache_entry entry; /* topic and body point into this slot */
    uint64_t stored;             /* counts stores: the smallest is the oldest */
    size_t capacity;
    uint8_t *body;
    char topic[BB_TOPIC_MAX];
};

struct bb_cache {
    size_t most;
    uint64_t stores;
    zhashx_t *slots; /* topic -> struct slot */
};

static void destroy_slot(void **item)
{
    struct slot *slot = *item;
    free(slot->body);
    free(slot);
    *item = NULL;
}

struct bb_cache *bb_cache_new(size_t most)
{
    struct bb_cache *cache = calloc(1, sizeof *cache);
    if (!cache) {
        return NULL;
    }
    cache->most = most;
    cache->slots = zhashx_new();
    if (!cache->slots) {
        free(cache);
        return NULL;
    }
    zhashx_set_destructor(cache->slots, destroy_slot);
    return cache;
}

void bb_cache_destroy(struct bb_cache **cache)
{
    if (*cache) {
        zhashx_destroy(&(*cache)->slots);
        free(*cache);
        *cache = NULL;
    }
}

size_t bb_cache_count(const struct bb_cache *cache)
{
    return zhashx_size(cache->slots);
}

static void evict_oldest(struct bb_cache *cache)
{
    struct slot *oldest = NULL;
    for (struct slot *slot = zhashx_first(cache->slots); slot; slot = zhashx_next(cache->slots)) {
        if (!oldest || slot->stored < oldest->stored) {
            oldest = slot;
        }
    }
    if (oldest) {
        char topic[BB_TOPIC_MAX];
        memcpy(topic, oldest->topic, sizeof topic);
        zhashx_delete(cache->slots, topic);
    }
}

static struct slot *new_slot(struct bb_cache *cache, const char *topic, size_t topic_size)
{
    struct slot *slot = calloc(1, sizeof *slot);
    if (!slot) {
        return NULL;
    }
    memcpy(slot->topic, topic, topic_size);
    slot->entry.topic = slot->topic;
    slot->entry.topic_size = topic_size;
    if (zhashx_insert(cache->slots, slot->topic, slot) != 0) {
        free(slot);
        return NULL;
    }
    return slot;
}

static int set_body(struct slot *slot, const uint8_t *body, size_t size)
{
    if (size > slot->capacity) {
        uint8_t *larger = realloc(slot->body, size);
        if (!larger) {
            return BB_ERR_NO_MEMORY;
        }
        slot->body = larger;
        slot->capacity = size;
    }
    if (size > 0) {
        memcpy(slot->body, body, size);
    }
    slot->entry.body = slot->body;
    slot->entry.body_size = size;
    return BB_OK;
}

int bb_cache_store(struct bb_cache *cache, const char *topic, size_t topic_size,
                   const uint8_t *body, size_t body_size)
{
    int topic_class = bb_topic_parse(topic, topic_size);
    if (topic_class < 0) {
        return topic_class;
    }
    if (!bb_topic_is_cached((enum bb_topic_class)topic_class)) {
        return BB_ERR_UNSUPPORTED;
    }
    if (body_size > BB_MESSAGE_MAX) {
        return BB_ERR_OVERSIZE;
    }
    char key[BB_TOPIC_MAX] = "";
    memcpy(key, topic, topic_size);
    struct slot *slot = zhashx_lookup(cache->slots, key);
    int evicted = BB_OK;
    if (!slot) {
        if (zhashx_size(cache->slots) >= cache->most) {
            evict_oldest(cache);
            evicted = 1;
        }
        slot = new_slot(cache, topic, topic_size);
    }
    if (!slot) {
        return BB_ERR_NO_MEMORY;
    }
    slot->stored = ++cache->stores;
    int error = set_body(slot, body, body_size);
    return error == BB_OK ? evicted : error;
}

void bb_cache_each(struct bb_cache *cache, const uint8_t *prefix, size_t prefix_size,
                   bb_cache_fn *fn, void *arg)
{
    for (const struct slot *slot = zhashx_first(cache->slots); slot;
         slot = zhashx_next(cache->slots)) {
        if (slot->entry.topic_size >= prefix_size &&
            (prefix_size == 0 || memcmp(slot->topic, prefix, prefix_size) == 0)) {
            fn(&slot->entry, arg);
        }
    }
}
