#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/mqtt/roster.h"

static void test_names_of_topics(void **state)
{
    (void)state;
    char name[BB_TOPIC_MAX];
    bb_roster_name("JK-b2a8_01", name, sizeof name);
    assert_string_equal(name, "JK-b2a8_01");
    bb_roster_name("serial-rack:0x01.2/x", name, sizeof name);
    assert_string_equal(name, "serial-rack_0x01_2_x");
    bb_roster_name("abcdef", name, 4);
    assert_string_equal(name, "abc");
}

static void test_finds_and_makes(void **state)
{
    (void)state;
    struct bb_roster roster = {0};
    struct bb_roster_entry *first = NULL;
    struct bb_roster_entry *again = NULL;
    assert_int_equal(bb_roster_find(&roster, "rack.1", &first), BB_OK);
    assert_string_equal(first->subject.id, "rack.1");
    assert_string_equal(first->name, "rack_1");
    assert_int_equal(first->expiry_ms, BB_NEVER_MS);
    assert_int_equal(bb_roster_find(&roster, "rack.1", &again), BB_OK);
    assert_ptr_equal(first, again);
    assert_ptr_equal(bb_roster_by_name(&roster, "rack_1/availability", 6), first);
    assert_null(bb_roster_by_name(&roster, "rack", 4));
    bb_roster_clear(&roster);
    assert_int_equal(roster.count, 0);
}

static void test_two_ids_with_one_name(void **state)
{
    (void)state;
    struct bb_roster roster = {0};
    struct bb_roster_entry *entry = NULL;
    assert_int_equal(bb_roster_find(&roster, "rack.1", &entry), BB_OK);
    entry = NULL;
    assert_int_equal(bb_roster_find(&roster, "rack_1", &entry), BB_ERR_DUPLICATE);
    assert_null(entry);
    bb_roster_clear(&roster);
}

static void test_is_bounded(void **state)
{
    (void)state;
    struct bb_roster roster = {0};
    struct bb_roster_entry *entry = NULL;
    char id[16];
    for (int i = 0; i < BB_ROSTER_MAX; i++) {
        (void)snprintf(id, sizeof id, "b%d", i);
        assert_int_equal(bb_roster_find(&roster, id, &entry), BB_OK);
    }
    assert_int_equal(bb_roster_find(&roster, "more", &entry), BB_ERR_OVERSIZE);
    assert_int_equal(bb_roster_find(&roster, "b7", &entry), BB_OK);
    bb_roster_clear(&roster);
}

static void test_a_new_connection_hears_everything(void **state)
{
    (void)state;
    struct bb_roster roster = {0};
    struct bb_roster_entry *entry = NULL;
    assert_int_equal(bb_roster_find(&roster, "a", &entry), BB_OK);
    entry->state = strdup("{}");
    entry->info = strdup("{}");
    entry->availability = BB_TOLD_ONLINE;
    bb_pace_sent(&entry->pace, 1000);
    bb_roster_forget_told(&roster);
    assert_null(entry->state);
    assert_null(entry->info);
    assert_true(entry->info_pending);
    assert_int_equal(entry->availability, BB_TOLD_NOTHING);
    assert_false(entry->pace.sent);
    bb_roster_clear(&roster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_topics),
        cmocka_unit_test(test_finds_and_makes),
        cmocka_unit_test(test_two_ids_with_one_name),
        cmocka_unit_test(test_is_bounded),
        cmocka_unit_test(test_a_new_connection_hears_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
