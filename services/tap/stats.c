#include "services/tap/stats.h"

#include <stdlib.h>
#include <string.h>

#define OTHERS "(further topics)"
#define NO_TOPIC "(no topic)"

struct bb_stats {
    struct bb_stats_row *rows[BB_STATS_TOPICS_MAX + 2]; /* sorted by topic; two collect rests */
    size_t count;
};

struct bb_stats *bb_stats_new(void)
{
    return calloc(1, sizeof(struct bb_stats));
}

void bb_stats_destroy(struct bb_stats **stats)
{
    if (*stats) {
        for (size_t i = 0; i < (*stats)->count; i++) {
            free((*stats)->rows[i]);
        }
        free(*stats);
        *stats = NULL;
    }
}

/* Index of topic, or where it belongs. */
static size_t position(const struct bb_stats *stats, const char *topic)
{
    size_t low = 0;
    size_t high = stats->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(stats->rows[middle]->topic, topic) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The row of topic, made when needed; NULL when out of memory. */
static struct bb_stats_row *find(struct bb_stats *stats, const char *topic)
{
    size_t at = position(stats, topic);
    if (at < stats->count && strcmp(stats->rows[at]->topic, topic) == 0) {
        return stats->rows[at];
    }
    if (stats->count >= BB_STATS_TOPICS_MAX && strcmp(topic, OTHERS) != 0 &&
        strcmp(topic, NO_TOPIC) != 0) {
        return find(stats, OTHERS);
    }
    struct bb_stats_row *row = calloc(1, sizeof *row);
    if (!row) {
        return NULL;
    }
    (void)snprintf(row->topic, sizeof row->topic, "%s", topic);
    for (size_t i = stats->count; i > at; i--) {
        stats->rows[i] = stats->rows[i - 1];
    }
    stats->rows[at] = row;
    stats->count++;
    return row;
}

static void count(struct bb_stats_row *row, size_t size, int64_t arrival_ms)
{
    row->first_ms = row->messages == 0 ? arrival_ms : row->first_ms;
    row->last_ms = arrival_ms;
    row->messages++;
    row->bytes += (int64_t)size;
    row->largest = (int64_t)size > row->largest ? (int64_t)size : row->largest;
}

/* Follows the sequence; returns true when message is a new one within a known run. */
static bool follow(struct bb_stats_row *row, const struct bb_head *head)
{
    int64_t instance = head->instance.value;
    int64_t sequence = head->sequence.value;
    bool same_run = row->instance == instance && strcmp(row->source, head->source) == 0;
    if (same_run && sequence <= row->sequence) {
        row->repeated++;
        return false;
    }
    if (same_run) {
        row->missed += sequence - row->sequence - 1;
    } else {
        row->restarts += *row->source != '\0' ? 1 : 0;
        row->instance = instance;
        (void)snprintf(row->source, sizeof row->source, "%s", head->source);
    }
    row->sequence = sequence;
    return same_run;
}

void bb_stats_message(struct bb_stats *stats, const struct bb_message *message, size_t size,
                      int64_t arrival_ms)
{
    struct bb_stats_row *row = find(stats, message->topic);
    if (!row) {
        return;
    }
    count(row, size, arrival_ms);
    if (strcmp(row->topic, message->topic) == 0 && follow(row, &message->head)) {
        bb_histogram_add(&row->latency, arrival_ms - message->head.mono_ms.value);
    }
}

void bb_stats_refused(struct bb_stats *stats, const char *topic, size_t topic_size, size_t size,
                      int64_t arrival_ms)
{
    char name[BB_TOPIC_MAX] = NO_TOPIC;
    if (bb_topic_parse(topic, topic_size) >= 0) {
        memcpy(name, topic, topic_size);
        name[topic_size] = '\0';
    }
    struct bb_stats_row *row = find(stats, name);
    if (row) {
        count(row, size, arrival_ms);
        row->refused++;
    }
}

const struct bb_stats_row *bb_stats_row(const struct bb_stats *stats, size_t index)
{
    return index < stats->count ? stats->rows[index] : NULL;
}

double bb_stats_rate(const struct bb_stats_row *row)
{
    int64_t span_ms = row->last_ms - row->first_ms;
    return row->messages > 1 && span_ms > 0 ? (double)(row->messages - 1) * 1000 / (double)span_ms
                                            : -1;
}

static void print_latency(const struct bb_histogram *latency, FILE *file)
{
    if (latency->count == 0) {
        (void)fprintf(file, " %6s %6s %6s\n", "-", "-", "-");
        return;
    }
    (void)fprintf(file, " %6lld %6lld %6lld\n", (long long)bb_histogram_quantile(latency, 500),
                  (long long)bb_histogram_quantile(latency, 990), (long long)latency->max);
}

static void print_row(const struct bb_stats_row *row, int width, FILE *file)
{
    double rate = bb_stats_rate(row);
    (void)fprintf(file, "%-*s %8lld", width, row->topic, (long long)row->messages);
    if (rate < 0) {
        (void)fprintf(file, " %8s", "-");
    } else {
        (void)fprintf(file, " %8.2f", rate);
    }
    (void)fprintf(file, " %6lld %6lld %6lld %6lld %6lld %7lld",
                  (long long)(row->messages > 0 ? row->bytes / row->messages : 0),
                  (long long)row->largest, (long long)row->missed, (long long)row->repeated,
                  (long long)row->restarts, (long long)row->refused);
    print_latency(&row->latency, file);
}

void bb_stats_print(const struct bb_stats *stats, FILE *file)
{
    int width = (int)strlen("topic");
    int64_t messages = 0;
    int64_t bytes = 0;
    int64_t missed = 0;
    for (size_t i = 0; i < stats->count; i++) {
        int size = (int)strlen(stats->rows[i]->topic);
        width = size > width ? size : width;
        messages += stats->rows[i]->messages;
        bytes += stats->rows[i]->bytes;
        missed += stats->rows[i]->missed;
    }
    (void)fprintf(file, "%-*s %8s %8s %6s %6s %6s %6s %6s %7s %6s %6s %6s\n", width, "topic",
                  "messages", "per s", "mean B", "max B", "missed", "again", "starts", "refused",
                  "p50 ms", "p99 ms", "max ms");
    for (size_t i = 0; i < stats->count; i++) {
        print_row(stats->rows[i], width, file);
    }
    (void)fprintf(file, "%zu topics, %lld messages, %lld bytes, %lld missed\n", stats->count,
                  (long long)messages, (long long)bytes, (long long)missed);
}
