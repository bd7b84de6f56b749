/* What passes on the bus, per topic: rate, size, lost and repeated messages, latency. */
#ifndef BUSBAR_TAP_STATS_H
#define BUSBAR_TAP_STATS_H

#include <stdio.h>

#include "proto/message/message.h"
#include "services/tap/histogram.h"

#define BB_STATS_TOPICS_MAX 4096 /* further topics are counted together */

/* One topic's counters. Gaps are counted within one run of one sender: its restart is no gap. */
struct bb_stats_row {
    char topic[BB_TOPIC_MAX];
    char source[BB_ID_MAX];
    int64_t instance, sequence; /* of the newest message */
    int64_t messages, bytes;
    int64_t largest;           /* bytes of the largest body */
    int64_t missed;            /* sequence numbers that never came */
    int64_t repeated;          /* sequence numbers that came before */
    int64_t restarts;          /* times another run or another sender took over */
    int64_t refused;           /* bodies that could not be decoded */
    int64_t first_ms, last_ms; /* arrival */
    struct bb_histogram latency;
};

struct bb_stats;

struct bb_stats *bb_stats_new(void);
void bb_stats_destroy(struct bb_stats **stats);

/* Counts a decoded message of size body bytes. The first of a topic and repeated ones do not
 * count for the latency: they may come from the bus's cache. */
void bb_stats_message(struct bb_stats *stats, const struct bb_message *message, size_t size,
                      int64_t arrival_ms);

/* Counts what could not be decoded; a topic that is none is counted as "(no topic)". */
void bb_stats_refused(struct bb_stats *stats, const char *topic, size_t topic_size, size_t size,
                      int64_t arrival_ms);

/* Rows in order of their topics; NULL behind the last. */
const struct bb_stats_row *bb_stats_row(const struct bb_stats *stats, size_t index);

/* Messages a second between the first and the last one; negative when there was only one. */
double bb_stats_rate(const struct bb_stats_row *row);

/* The table for people, with a heading and a line of sums. */
void bb_stats_print(const struct bb_stats *stats, FILE *file);

#endif
