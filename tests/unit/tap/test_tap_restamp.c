#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "services/tap/restamp.h"

#define INSTANCE 1000000
#define WALL 1795523224081

static struct bb_message message;

static struct bb_message *recorded(const char *topic, enum bb_topic_class topic_class,
                                   int64_t mono_ms)
{
    memset(&message, 0, sizeof message);
    message.topic_class = topic_class;
    (void)snprintf(message.topic, sizeof message.topic, "%s", topic);
    (void)snprintf(message.head.source, sizeof message.head.source, "serial-rack");
    message.head.instance = bb_integer(7);
    message.head.sequence = bb_integer(4711);
    message.head.mono_ms = bb_integer(mono_ms);
    message.head.wall_ms = bb_integer(5);
    message.head.interval_ms = bb_integer(1000);
    return &message;
}

static void test_keeps_the_age(void **state)
{
    (void)state;
    struct bb_restamp *restamp = bb_restamp_new(INSTANCE);
    struct bb_message *m = recorded("battery/a", BB_TOPIC_BATTERY, 50000);
    assert_int_equal(bb_restamp_message(restamp, m, 50250, INSTANCE + 9, WALL), BB_OK);
    assert_int_equal(m->head.mono_ms.value, INSTANCE + 9 - 250);
    assert_int_equal(m->head.wall_ms.value, WALL - 250);
    assert_int_equal(m->head.instance.value, INSTANCE);
    assert_int_equal(m->head.interval_ms.value, 1000);
    assert_string_equal(m->head.source, "serial-rack");
    bb_restamp_destroy(&restamp);
    assert_null(restamp);
}

static void test_counts_per_topic(void **state)
{
    (void)state;
    struct bb_restamp *restamp = bb_restamp_new(INSTANCE);
    const char *const topics[] = {"battery/a", "battery/b", "battery/a", "battery/a"};
    const int64_t wanted[] = {1, 1, 2, 3};
    for (int i = 0; i < 4; i++) {
        struct bb_message *m = recorded(topics[i], BB_TOPIC_BATTERY, 100);
        assert_int_equal(bb_restamp_message(restamp, m, 100, INSTANCE, WALL), BB_OK);
        assert_int_equal(m->head.sequence.value, wanted[i]);
    }
    bb_restamp_destroy(&restamp);
}

static void test_impossible_ages_are_limited(void **state)
{
    (void)state;
    struct bb_restamp *restamp = bb_restamp_new(INSTANCE);
    struct bb_message *m = recorded("battery/a", BB_TOPIC_BATTERY, 900);
    (void)bb_restamp_message(restamp, m, 500, INSTANCE, WALL); /* from the future */
    assert_int_equal(m->head.mono_ms.value, INSTANCE);
    m = recorded("battery/a", BB_TOPIC_BATTERY, 0);
    (void)bb_restamp_message(restamp, m, INSTANCE * 5, INSTANCE, 10); /* older than the clocks */
    assert_int_equal(m->head.mono_ms.value, 0);
    assert_int_equal(m->head.wall_ms.value, 0);
    bb_restamp_destroy(&restamp);
}

static void test_times_in_the_body_move_too(void **state)
{
    (void)state;
    struct bb_restamp *restamp = bb_restamp_new(INSTANCE);
    struct bb_message *m = recorded("link/serial-rack/0x01", BB_TOPIC_LINK, 5000);
    m->body.link.last_good_ms = bb_integer(3000);
    (void)bb_restamp_message(restamp, m, 5000, INSTANCE, WALL);
    assert_int_equal(m->body.link.last_good_ms.value, INSTANCE - 2000);
    m = recorded("link/serial-rack/0x01", BB_TOPIC_LINK, 5000);
    (void)bb_restamp_message(restamp, m, 5000, INSTANCE, WALL);
    assert_false(m->body.link.last_good_ms.present);
    bb_restamp_destroy(&restamp);
}

static void test_topics_are_bounded(void **state)
{
    (void)state;
    struct bb_restamp *restamp = bb_restamp_new(INSTANCE);
    char topic[32];
    for (int i = 0; i < BB_RESTAMP_TOPICS_MAX; i++) {
        (void)snprintf(topic, sizeof topic, "battery/%d", i);
        struct bb_message *m = recorded(topic, BB_TOPIC_BATTERY, 1);
        assert_int_equal(bb_restamp_message(restamp, m, 1, INSTANCE, WALL), BB_OK);
    }
    struct bb_message *m = recorded("battery/more", BB_TOPIC_BATTERY, 1);
    assert_int_equal(bb_restamp_message(restamp, m, 1, INSTANCE, WALL), BB_ERR_NO_MEMORY);
    m = recorded("battery/0", BB_TOPIC_BATTERY, 1);
    assert_int_equal(bb_restamp_message(restamp, m, 1, INSTANCE, WALL), BB_OK);
    assert_int_equal(m->head.sequence.value, 2);
    bb_restamp_destroy(&restamp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_the_age),
        cmocka_unit_test(test_counts_per_topic),
        cmocka_unit_test(test_impossible_ages_are_limited),
        cmocka_unit_test(test_times_in_the_body_move_too),
        cmocka_unit_test(test_topics_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
