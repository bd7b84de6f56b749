#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/error.h"
#include "proto/message/topic.h"

static void test_parses_every_class(void **state)
{
    (void)state;
    assert_int_equal(bb_topic_parse("battery/rack", 12), BB_TOPIC_BATTERY);
    assert_int_equal(bb_topic_parse("charge/bank", 11), BB_TOPIC_CHARGE);
    assert_int_equal(bb_topic_parse("link/serial-a/0x01", 18), BB_TOPIC_LINK);
    assert_int_equal(bb_topic_parse("log/bus", 7), BB_TOPIC_LOG);
}

static void test_refuses_what_is_no_topic(void **state)
{
    (void)state;
    assert_int_equal(bb_topic_parse("battery/", 8), BB_ERR_UNKNOWN);
    assert_int_equal(bb_topic_parse("batter", 6), BB_ERR_UNKNOWN);
    assert_int_equal(bb_topic_parse("battery/a b", 11), BB_ERR_MALFORMED);
    assert_int_equal(bb_topic_parse("battery/a\0b", 11), BB_ERR_MALFORMED);
    char longest[BB_TOPIC_MAX];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(bb_topic_parse(longest, sizeof longest), BB_ERR_OVERSIZE);
}

static void test_commands_are_never_kept(void **state)
{
    (void)state;
    assert_true(bb_topic_is_cached(BB_TOPIC_BATTERY));
    assert_false(bb_topic_is_cached(BB_TOPIC_COMMAND));
    assert_false(bb_topic_is_cached(BB_TOPIC_REPLY));
}

static void test_makes_topics_that_fit(void **state)
{
    (void)state;
    char topic[20] = "untouched";
    assert_int_equal(bb_topic_make(topic, sizeof topic, BB_TOPIC_HEALTH, "bus"), BB_OK);
    assert_string_equal(topic, "health/bus");
    assert_int_equal(bb_topic_make(topic, 10, BB_TOPIC_HEALTH, "bus"), BB_ERR_OVERSIZE);
    assert_int_equal(bb_topic_make(topic, sizeof topic, BB_TOPIC_LOG, "a b"), BB_ERR_MALFORMED);
    assert_string_equal(topic, "health/bus");
}

static void test_ids_are_made_of_any_text(void **state)
{
    (void)state;
    char id[16];
    assert_true(bb_id_from_text(id, sizeof id, "JK_PB 2A16S/20P"));
    assert_string_equal(id, "jk_pb-2a16s-20p");
    assert_true(bb_id_from_text(id, sizeof id, "  a  "));
    assert_string_equal(id, "a");
    assert_true(bb_id_from_text(id, 4, "abcdef"));
    assert_string_equal(id, "abc");
    assert_false(bb_id_from_text(id, sizeof id, "\xff\xff"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parses_every_class),
        cmocka_unit_test(test_refuses_what_is_no_topic),
        cmocka_unit_test(test_commands_are_never_kept),
        cmocka_unit_test(test_makes_topics_that_fit),
        cmocka_unit_test(test_ids_are_made_of_any_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
