#include "services/tap/restamp.h"

#include <czmq.h>

struct bb_restamp {
    int64_t instance_ms;
    zhashx_t *sequences; /* topic -> int64_t, last one given */
};

static void destroy_sequence(void **item)
{
    free(*item);
    *item = NULL;
}

struct bb_restamp *bb_restamp_new(int64_t instance_ms)
{
    struct bb_restamp *restamp = calloc(1, sizeof *restamp);
    if (!restamp) {
        return NULL;
    }
    restamp->instance_ms = instance_ms;
    restamp->sequences = zhashx_new();
    zhashx_set_destructor(restamp->sequences, destroy_sequence);
    return restamp;
}

void bb_restamp_destroy(struct bb_restamp **restamp)
{
    if (*restamp) {
        zhashx_destroy(&(*restamp)->sequences);
        free(*restamp);
        *restamp = NULL;
    }
}

/* The next sequence number of a topic, or 0. */
static int64_t next_sequence(struct bb_restamp *restamp, const char *topic)
{
    int64_t *last = zhashx_lookup(restamp->sequences, topic);
    if (!last && zhashx_size(restamp->sequences) < BB_RESTAMP_TOPICS_MAX) {
        last = calloc(1, sizeof *last);
        if (last && zhashx_insert(restamp->sequences, topic, last) != 0) {
            free(last);
            last = NULL;
        }
    }
    return last ? ++*last : 0;
}

/* then_ms lies age ms before arrival_ms; the same age before now_ms. */
static int64_t shifted(int64_t then_ms, int64_t arrival_ms, int64_t now_ms)
{
    if (then_ms >= arrival_ms) {
        return now_ms;
    }
    int64_t age_ms = arrival_ms - then_ms;
    return age_ms < now_ms ? now_ms - age_ms : 0;
}

int bb_restamp_message(struct bb_restamp *restamp, struct bb_message *message, int64_t arrival_ms,
                       int64_t now_ms, int64_t wall_ms)
{
    int64_t sequence = next_sequence(restamp, message->topic);
    if (sequence == 0) {
        return BB_ERR_NO_MEMORY;
    }
    struct bb_head *head = &message->head;
    int64_t fact_ms = shifted(head->mono_ms.value, arrival_ms, now_ms);
    int64_t age_ms = now_ms - fact_ms;
    head->instance = bb_integer(restamp->instance_ms);
    head->sequence = bb_integer(sequence);
    head->mono_ms = bb_integer(fact_ms);
    head->wall_ms = bb_integer(age_ms < wall_ms ? wall_ms - age_ms : 0);
    if (message->topic_class == BB_TOPIC_LINK && message->body.link.last_good_ms.present) {
        struct bb_integer *last_good = &message->body.link.last_good_ms;
        last_good->value = shifted(last_good->value, arrival_ms, now_ms);
    }
    return BB_OK;
}
