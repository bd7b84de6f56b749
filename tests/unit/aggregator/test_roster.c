#include "support.h"

#include <stdio.h>
#include <string.h>

#include "services/aggregator/roster.h"

static struct bb_head head_of(const char *source, int64_t mono_ms)
{
    struct bb_head head = {.mono_ms = bb_integer(mono_ms), .interval_ms = bb_integer(1000)};
    (void)snprintf(head.source, sizeof head.source, "%s", source);
    return head;
}

static enum bb_roster_answer take(struct bb_roster_entry *entry, const char *source,
                                  int64_t mono_ms, int64_t now_ms)
{
    struct bb_head head = head_of(source, mono_ms);
    struct bb_battery battery = healthy_pack(3.30);
    return bb_roster_take(entry, &head, &battery, now_ms);
}

static void test_newer_readings_are_taken(void **state)
{
    (void)state;
    struct bb_roster roster = {0};
    assert_null(bb_roster_find(&roster, "jk-1"));
    struct bb_roster_entry *entry = bb_roster_add(&roster, "jk-1");
    assert_ptr_equal(bb_roster_find(&roster, "jk-1"), entry);
    assert_int_equal(take(entry, "serial-a", 1000, 1005), BB_ROSTER_TAKEN);
    assert_int_equal(take(entry, "serial-a", 1000, 1006), BB_ROSTER_OLD);
    assert_int_equal(take(entry, "serial-a", 900, 1006), BB_ROSTER_OLD);
    assert_int_equal(take(entry, "serial-a", 2000, 2001), BB_ROSTER_TAKEN);
    assert_int_equal(entry->snapshot.mono_ms, 2000);
    bb_roster_destroy(&roster);
}

static void test_second_source_only_when_the_first_is_silent(void **state)
{
    (void)state;
    struct bb_roster roster = {0};
    struct bb_roster_entry *entry = bb_roster_add(&roster, "jk-1");
    assert_int_equal(take(entry, "serial-a", 1000, 1000), BB_ROSTER_TAKEN);
    assert_int_equal(take(entry, "serial-b", 2000, 2000), BB_ROSTER_CONFLICT);
    assert_string_equal(entry->refused, "serial-b");
    assert_int_equal(take(entry, "serial-b", 5999, 5999), BB_ROSTER_CONFLICT);
    assert_int_equal(take(entry, "serial-b", 6000, 6000), BB_ROSTER_TAKEN);
    assert_string_equal(entry->source, "serial-b");
    bb_roster_destroy(&roster);
}

/* A reading that claims to be from tomorrow must not stay fresh until then. */
static void test_a_time_in_the_future_is_now(void **state)
{
    (void)state;
    struct bb_roster roster = {0};
    struct bb_roster_entry *entry = bb_roster_add(&roster, "jk-1");
    assert_int_equal(take(entry, "serial-a", 86400000, 1000), BB_ROSTER_TAKEN);
    assert_int_equal(entry->snapshot.mono_ms, 1000);
    assert_true(entry->wrong_clock);
    assert_int_equal(take(entry, "serial-a", 2000, 2000), BB_ROSTER_TAKEN);
    assert_false(entry->wrong_clock);
    bb_roster_destroy(&roster);
}

static void test_absent_times(void **state)
{
    (void)state;
    struct bb_roster roster = {0};
    struct bb_roster_entry *entry = bb_roster_add(&roster, "jk-1");
    struct bb_head head = {0};
    struct bb_battery battery = healthy_pack(3.30);
    assert_int_equal(bb_roster_take(entry, &head, &battery, 7000), BB_ROSTER_TAKEN);
    assert_int_equal(entry->snapshot.mono_ms, 7000);
    assert_int_equal(entry->snapshot.interval_ms, 0);
    bb_roster_destroy(&roster);
}

static void test_bounds(void **state)
{
    (void)state;
    struct bb_roster roster = {0};
    assert_null(bb_roster_add(&roster, ""));
    assert_null(bb_roster_add(&roster, "an-identifier-that-is-longer-than-forty-seven-bytes"));
    for (int i = 0; i < BB_BATTERIES_MAX; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "b%d", i);
        assert_non_null(bb_roster_add(&roster, id));
    }
    assert_null(bb_roster_add(&roster, "one-more"));
    assert_int_equal(roster.count, BB_BATTERIES_MAX);
    bb_roster_destroy(&roster);
    assert_int_equal(roster.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_newer_readings_are_taken),
        cmocka_unit_test(test_second_source_only_when_the_first_is_silent),
        cmocka_unit_test(test_a_time_in_the_future_is_now),
        cmocka_unit_test(test_absent_times),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
