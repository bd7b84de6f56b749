/* The ring of raw exchanges. */
#include "common/reader/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void pieces_close_together_are_one_entry(void **state)
{
    (void)state;
    static struct bb_trace trace;
    memset(&trace, 0, sizeof trace);
    const uint8_t bytes[] = {0x01, 0x02, 0x03, 0x04};
    bb_trace_add(&trace, BB_TRACE_SENT, bytes, 2, 1000);
    bb_trace_add(&trace, BB_TRACE_ANSWER, bytes, 2, 1010);
    bb_trace_add(&trace, BB_TRACE_ANSWER, bytes + 2, 2, 1030);
    bb_trace_add(&trace, BB_TRACE_ANSWER, bytes, 1, 1061); /* after a pause */
    bb_trace_add(&trace, BB_TRACE_STRAY, bytes, 1, 1062);
    bb_trace_add(&trace, BB_TRACE_SENT, bytes, 1, 1063);
    bb_trace_add(&trace, BB_TRACE_SENT, bytes, 1, 1064); /* two requests are two entries */
    assert_int_equal(trace.count, 6);
    char line[BB_TRACE_LINE_MAX];
    assert_string_equal(bb_trace_line(bb_trace_at(&trace, 0), line, sizeof line), "1000 > 01 02");
    assert_string_equal(bb_trace_line(bb_trace_at(&trace, 1), line, sizeof line),
                        "1010 < 01 02 03 04");
    assert_string_equal(bb_trace_line(bb_trace_at(&trace, 2), line, sizeof line), "1061 < 01");
    assert_string_equal(bb_trace_line(bb_trace_at(&trace, 3), line, sizeof line), "1062 ? 01");
    assert_null(bb_trace_at(&trace, 6));
}

static void the_oldest_entries_give_way(void **state)
{
    (void)state;
    static struct bb_trace trace;
    memset(&trace, 0, sizeof trace);
    for (unsigned i = 0; i < 3 * BB_TRACE_ENTRIES; i++) {
        const uint8_t byte = (uint8_t)i;
        bb_trace_add(&trace, BB_TRACE_SENT, &byte, 1, i);
    }
    assert_int_equal(bb_trace_oldest(&trace), 2 * BB_TRACE_ENTRIES);
    assert_null(bb_trace_at(&trace, 2 * BB_TRACE_ENTRIES - 1));
    for (uint64_t i = bb_trace_oldest(&trace); i < trace.count; i++) {
        assert_int_equal(bb_trace_at(&trace, i)->data[0], (uint8_t)i);
    }
}

static void endless_noise_is_cut(void **state)
{
    (void)state;
    static struct bb_trace trace;
    memset(&trace, 0, sizeof trace);
    uint8_t noise[100];
    memset(noise, 0xEE, sizeof noise);
    for (int i = 0; i < 50; i++) {
        bb_trace_add(&trace, BB_TRACE_STRAY, noise, sizeof noise, 5 + i);
    }
    assert_int_equal(trace.count, 1);
    assert_int_equal(bb_trace_at(&trace, 0)->size, 5000);
    char line[BB_TRACE_LINE_MAX];
    (void)bb_trace_line(bb_trace_at(&trace, 0), line, sizeof line);
    assert_int_equal(strlen(line), strlen("5 ?") + 3 * BB_TRACE_BYTES + strlen(" (+4664 bytes)"));
    char tiny[8];
    assert_string_equal(bb_trace_line(bb_trace_at(&trace, 0), tiny, sizeof tiny), "5 ? ee ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_close_together_are_one_entry),
        cmocka_unit_test(the_oldest_entries_give_way),
        cmocka_unit_test(endless_noise_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
