/* Last value of every cached topic, as raw bytes. Bounded: when full, the topic that has been
 * silent longest gives way. */
#ifndef BUSBAR_SERVICES_BUS_CACHE_H
#define BUSBAR_SERVICES_BUS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bb_cache;

struct bb_cache_entry {
    const char *topic;
    size_t topic_size;
    const uint8_t *body;
    size_t body_size;
};

/* most topics at most; the caller destroys it. NULL when out of memory. */
struct bb_cache *bb_cache_new(size_t most);
void bb_cache_destroy(struct bb_cache **cache);

/* Keeps a copy of body as the last value of topic. Returns 1 when another topic gave way, BB_OK,
 * or a negative code (not a topic, class not cached, body too large, out of memory). */
int bb_cache_store(struct bb_cache *cache, const char *topic, size_t topic_size,
                   const uint8_t *body, size_t body_size);

size_t bb_cache_count(const struct bb_cache *cache);

/* Calls fn for every topic that begins with prefix. fn must not change the cache. */
typedef void bb_cache_fn(const struct bb_cache_entry *entry, void *arg);
void bb_cache_each(struct bb_cache *cache, const uint8_t *prefix, size_t prefix_size,
                   bb_cache_fn *fn, void *arg);

#endif
