#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "services/tap/seen.h"

static enum bb_seen_as note(struct bb_seen *seen, const char *topic, const char *source,
                            int64_t instance, int64_t sequence)
{
    static struct bb_message message;
    (void)snprintf(message.topic, sizeof message.topic, "%s", topic);
    (void)snprintf(message.head.source, sizeof message.head.source, "%s", source);
    message.head.instance = bb_integer(instance);
    message.head.sequence = bb_integer(sequence);
    return bb_seen_note(seen, &message);
}

static void test_sequence_decides(void **state)
{
    (void)state;
    struct bb_seen *seen = bb_seen_new(10);
    assert_int_equal(note(seen, "battery/a", "s", 100, 5), BB_SEEN_FIRST);
    assert_int_equal(note(seen, "battery/a", "s", 100, 5), BB_SEEN_REPEATED);
    assert_int_equal(note(seen, "battery/a", "s", 100, 4), BB_SEEN_REPEATED);
    assert_int_equal(note(seen, "battery/a", "s", 100, 8), BB_SEEN_NEWER);
    assert_int_equal(note(seen, "battery/b", "s", 100, 8), BB_SEEN_FIRST);
    assert_int_equal(note(seen, "battery/a", "other", 100, 8), BB_SEEN_FIRST);
    bb_seen_destroy(&seen);
    assert_null(seen);
}

static void test_a_restarted_sender_is_news(void **state)
{
    (void)state;
    struct bb_seen *seen = bb_seen_new(10);
    (void)note(seen, "battery/a", "s", 100, 5);
    assert_int_equal(note(seen, "battery/a", "s", 200, 1), BB_SEEN_NEWER);
    assert_int_equal(note(seen, "battery/a", "s", 100, 6), BB_SEEN_REPEATED);
    bb_seen_destroy(&seen);
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    struct bb_seen *seen = bb_seen_new(2);
    (void)note(seen, "battery/a", "s", 1, 1);
    (void)note(seen, "battery/b", "s", 1, 1);
    assert_int_equal(note(seen, "battery/a", "s", 1, 1), BB_SEEN_REPEATED);
    (void)note(seen, "battery/c", "s", 1, 1);
    assert_int_equal(note(seen, "battery/a", "s", 1, 1), BB_SEEN_FIRST);
    bb_seen_destroy(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequence_decides),
        cmocka_unit_test(test_a_restarted_sender_is_news),
        cmocka_unit_test(test_memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
