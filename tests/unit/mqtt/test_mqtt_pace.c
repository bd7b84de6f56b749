#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/mqtt/pace.h"

static const struct bb_pace pace = {.min_ms = 1000, .max_ms = 5000};

static int64_t due(const struct bb_pace_topic *topic)
{
    return bb_pace_due(&pace, topic);
}

static void test_nothing_known_nothing_due(void **state)
{
    (void)state;
    struct bb_pace_topic topic = {0};
    assert_int_equal(due(&topic), INT64_MAX);
}

static void test_first_goes_when_it_is_complete(void **state)
{
    (void)state;
    struct bb_pace_topic topic = {0};
    bb_pace_change(&topic, 5100);
    assert_int_equal(due(&topic), 5100);
    bb_pace_change(&topic, 200); /* the decision came */
    assert_int_equal(due(&topic), 200);
    bb_pace_change(&topic, 9000);
    assert_int_equal(due(&topic), 200);
    assert_true(bb_pace_is_overdue(&pace, &topic, 200));
}

static void test_not_more_often_than_the_shortest_interval(void **state)
{
    (void)state;
    struct bb_pace_topic topic = {0};
    bb_pace_sent(&topic, 10000);
    bb_pace_change(&topic, 10100);
    assert_int_equal(due(&topic), 11000);
    bb_pace_change(&topic, 10200);
    assert_int_equal(due(&topic), 11000);
    assert_false(bb_pace_is_overdue(&pace, &topic, 11000));
}

static void test_a_change_waits_until_it_is_complete(void **state)
{
    (void)state;
    struct bb_pace_topic topic = {0};
    bb_pace_sent(&topic, 10000);
    bb_pace_change(&topic, 12150);
    assert_int_equal(due(&topic), 12150);
}

static void test_unchanged_is_repeated(void **state)
{
    (void)state;
    struct bb_pace_topic topic = {0};
    bb_pace_sent(&topic, 10000);
    assert_int_equal(due(&topic), 15000);
    bb_pace_change(&topic, 11000);
    bb_pace_unchanged(&topic);
    assert_int_equal(due(&topic), 15000);
    assert_false(bb_pace_is_overdue(&pace, &topic, 14999));
    assert_true(bb_pace_is_overdue(&pace, &topic, 15000));
    bb_pace_change(&topic, 16000); /* a change that is not complete does not delay that */
    assert_int_equal(due(&topic), 15000);
}

static void test_urgent_does_not_wait(void **state)
{
    (void)state;
    struct bb_pace_topic topic = {0};
    bb_pace_sent(&topic, 10000);
    bb_pace_change(&topic, 10150);
    bb_pace_hurry(&topic, 10010);
    assert_int_equal(due(&topic), 10010);
    bb_pace_sent(&topic, 10010);
    bb_pace_change(&topic, 10020);
    assert_int_equal(due(&topic), 11010);
}

/* A day of one reading a second with steady values, then with values that always change. */
static void test_rate_over_a_day(void **state)
{
    (void)state;
    for (int changing = 0; changing <= 1; changing++) {
        struct bb_pace_topic topic = {0};
        int sent = 0;
        for (int64_t now = 0; now < 86400000; now += 250) {
            bb_pace_change(&topic, now);
            if (now < due(&topic)) {
                continue;
            }
            if (changing || bb_pace_is_overdue(&pace, &topic, now)) {
                bb_pace_sent(&topic, now);
                sent++;
            } else {
                bb_pace_unchanged(&topic);
            }
        }
        assert_int_equal(sent, changing ? 86400 : 86400 / 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_known_nothing_due),
        cmocka_unit_test(test_first_goes_when_it_is_complete),
        cmocka_unit_test(test_not_more_often_than_the_shortest_interval),
        cmocka_unit_test(test_a_change_waits_until_it_is_complete),
        cmocka_unit_test(test_unchanged_is_repeated),
        cmocka_unit_test(test_urgent_does_not_wait),
        cmocka_unit_test(test_rate_over_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
