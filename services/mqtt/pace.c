#include "services/mqtt/pace.h"

static int64_t later(int64_t a_ms, int64_t b_ms)
{
    return a_ms > b_ms ? a_ms : b_ms;
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

void bb_pace_change(struct bb_pace_topic *topic, int64_t ready_ms)
{
    topic->ready_ms = topic->pending ? sooner(topic->ready_ms, ready_ms) : ready_ms;
    topic->pending = true;
}

void bb_pace_hurry(struct bb_pace_topic *topic, int64_t now_ms)
{
    bb_pace_change(topic, now_ms);
    topic->urgent = true;
}

int64_t bb_pace_due(const struct bb_pace *pace, const struct bb_pace_topic *topic)
{
    if (topic->urgent || !topic->sent) {
        return topic->pending ? topic->ready_ms : INT64_MAX;
    }
    int64_t latest = topic->sent_ms + pace->max_ms;
    if (!topic->pending) {
        return latest;
    }
    return sooner(latest, later(topic->ready_ms, topic->sent_ms + pace->min_ms));
}

bool bb_pace_is_overdue(const struct bb_pace *pace, const struct bb_pace_topic *topic,
                        int64_t now_ms)
{
    return !topic->sent || now_ms >= topic->sent_ms + pace->max_ms;
}

void bb_pace_sent(struct bb_pace_topic *topic, int64_t now_ms)
{
    *topic = (struct bb_pace_topic){.sent = true, .sent_ms = now_ms};
}

void bb_pace_unchanged(struct bb_pace_topic *topic)
{
    topic->pending = false;
    topic->urgent = false;
}
