#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/tap/stats.h"

/* A message whose fact is latency_ms older than its arrival. */
static void count(struct bb_stats *stats, const char *topic, int64_t instance, int64_t sequence,
                  size_t size, int64_t arrival_ms, int64_t latency_ms)
{
    static struct bb_message message;
    (void)snprintf(message.topic, sizeof message.topic, "%s", topic);
    (void)snprintf(message.head.source, sizeof message.head.source, "s");
    message.head.instance = bb_integer(instance);
    message.head.sequence = bb_integer(sequence);
    message.head.mono_ms = bb_integer(arrival_ms - latency_ms);
    bb_stats_message(stats, &message, size, arrival_ms);
}

static void test_rate_and_size(void **state)
{
    (void)state;
    struct bb_stats *stats = bb_stats_new();
    for (int i = 0; i <= 10; i++) {
        count(stats, "battery/a", 1, i + 1, i == 3 ? 400 : 180, 1000 + i * 500, 1);
    }
    const struct bb_stats_row *row = bb_stats_row(stats, 0);
    assert_string_equal(row->topic, "battery/a");
    assert_int_equal(row->messages, 11);
    assert_float_equal(bb_stats_rate(row), 2.0, 1e-9);
    assert_int_equal(row->largest, 400);
    assert_int_equal(row->bytes / row->messages, 200);
    assert_null(bb_stats_row(stats, 1));
    bb_stats_destroy(&stats);
    assert_null(stats);
}

static void test_one_message_has_no_rate(void **state)
{
    (void)state;
    struct bb_stats *stats = bb_stats_new();
    count(stats, "battery/a", 1, 1, 10, 1000, 0);
    assert_true(bb_stats_rate(bb_stats_row(stats, 0)) < 0);
    bb_stats_destroy(&stats);
}

static void test_gaps_repeats_and_restarts(void **state)
{
    (void)state;
    struct bb_stats *stats = bb_stats_new();
    const int64_t sequences[] = {10, 11, 14, 14, 12, 15};
    for (int i = 0; i < 6; i++) {
        count(stats, "battery/a", 1, sequences[i], 10, 1000 + i, 0);
    }
    const struct bb_stats_row *row = bb_stats_row(stats, 0);
    assert_int_equal(row->missed, 2);
    assert_int_equal(row->repeated, 2);
    assert_int_equal(row->restarts, 0);
    count(stats, "battery/a", 2, 1, 10, 1010, 0);
    count(stats, "battery/a", 2, 2, 10, 1011, 0);
    assert_int_equal(row->missed, 2);
    assert_int_equal(row->restarts, 1);
    bb_stats_destroy(&stats);
}

static void test_cache_does_not_count_for_latency(void **state)
{
    (void)state;
    struct bb_stats *stats = bb_stats_new();
    count(stats, "battery/a", 1, 1, 10, 100000, 90000); /* from the cache */
    count(stats, "battery/a", 1, 2, 10, 100010, 4);
    count(stats, "battery/a", 1, 3, 10, 100020, 6);
    count(stats, "battery/a", 1, 3, 10, 109000, 8986); /* somebody else joined */
    const struct bb_stats_row *row = bb_stats_row(stats, 0);
    assert_int_equal(row->latency.count, 2);
    assert_int_equal(row->latency.max, 6);
    bb_stats_destroy(&stats);
}

static void test_what_cannot_be_decoded(void **state)
{
    (void)state;
    struct bb_stats *stats = bb_stats_new();
    bb_stats_refused(stats, "battery/a", 9, 33, 1000);
    bb_stats_refused(stats, "no topic\033", 9, 44, 1000);
    count(stats, "battery/a", 1, 1, 10, 1001, 0);
    const struct bb_stats_row *row = bb_stats_row(stats, 0);
    assert_string_equal(row->topic, "(no topic)");
    assert_int_equal(row->refused, 1);
    row = bb_stats_row(stats, 1);
    assert_string_equal(row->topic, "battery/a");
    assert_int_equal(row->refused, 1);
    assert_int_equal(row->messages, 2);
    assert_int_equal(row->restarts, 0);
    bb_stats_destroy(&stats);
}

static void test_topics_are_bounded_and_sorted(void **state)
{
    (void)state;
    struct bb_stats *stats = bb_stats_new();
    char topic[32];
    for (int i = 0; i < BB_STATS_TOPICS_MAX + 50; i++) {
        (void)snprintf(topic, sizeof topic, "battery/%d", (i * 7919) % 100000);
        count(stats, topic, 1, 1, 10, 1000, 0);
    }
    size_t rows = 0;
    int64_t messages = 0;
    const struct bb_stats_row *before = NULL;
    for (const struct bb_stats_row *row; (row = bb_stats_row(stats, rows)) != NULL; rows++) {
        assert_true(!before || strcmp(before->topic, row->topic) < 0);
        before = row;
        messages += row->messages;
    }
    assert_int_equal(rows, BB_STATS_TOPICS_MAX + 1);
    assert_int_equal(messages, BB_STATS_TOPICS_MAX + 50);
    assert_string_equal(bb_stats_row(stats, 0)->topic, "(further topics)");
    assert_int_equal(bb_stats_row(stats, 0)->messages, 50);
    bb_stats_destroy(&stats);
}

static void test_table(void **state)
{
    (void)state;
    struct bb_stats *stats = bb_stats_new();
    count(stats, "battery/a", 1, 1, 100, 1000, 0);
    count(stats, "battery/a", 1, 4, 100, 2000, 12);
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    bb_stats_print(stats, file);
    (void)fclose(file);
    assert_non_null(strstr(text,
                           "battery/a        2     1.00    100    100      2      0      0       0"
                           "     12     12     12\n"));
    assert_non_null(strstr(text, "1 topics, 2 messages, 200 bytes, 2 missed\n"));
    free(text);
    bb_stats_destroy(&stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_and_size),
        cmocka_unit_test(test_one_message_has_no_rate),
        cmocka_unit_test(test_gaps_repeats_and_restarts),
        cmocka_unit_test(test_cache_does_not_count_for_latency),
        cmocka_unit_test(test_what_cannot_be_decoded),
        cmocka_unit_test(test_topics_are_bounded_and_sorted),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
