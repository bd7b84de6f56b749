/* When a battery's state goes out: on change, not more often than min_ms, at the latest after
 * max_ms, at once when it is urgent. Pure; time is handed in. */
#ifndef BUSBAR_MQTT_PACE_H
#define BUSBAR_MQTT_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct bb_pace {
    int64_t min_ms, max_ms;
};

/* Zeroed: nothing to send yet, nothing sent. */
struct bb_pace_topic {
    bool pending, urgent, sent;
    int64_t ready_ms; /* pending: not before this */
    int64_t sent_ms;
};

/* Something new that is complete at ready_ms; what was pending keeps its earlier time. */
void bb_pace_change(struct bb_pace_topic *topic, int64_t ready_ms);

/* Something new that must not wait. */
void bb_pace_hurry(struct bb_pace_topic *topic, int64_t now_ms);

/* When to look at the state next: compose it then, compare, and call one of the two below.
 * INT64_MAX when there is nothing to send. */
int64_t bb_pace_due(const struct bb_pace *pace, const struct bb_pace_topic *topic);

/* True when the state has to go out even though it is what was sent last. */
bool bb_pace_is_overdue(const struct bb_pace *pace, const struct bb_pace_topic *topic,
                        int64_t now_ms);

void bb_pace_sent(struct bb_pace_topic *topic, int64_t now_ms);
/* The composed state was what was sent last. */
void bb_pace_unchanged(struct bb_pace_topic *topic);

#endif
