#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/can/host.h"

struct events {
    unsigned states[4];
};

static void on_event(void *arg, size_t station, enum bb_event event)
{
    struct events *events = arg;
    events->states[station] += event == BB_EVENT_STATE;
}

static void add(struct bb_can_host *host, const char *driver, uint16_t address)
{
    struct bb_driver_config config = {
        .medium = BB_MEDIUM_CAN, .address = address, .period_ms = 1000};
    assert_true(bb_can_host_add(host, bb_driver_find(driver), &config, NULL) >= 0);
}

static void hear(struct bb_can_host *host, uint32_t id, const char *payload, int64_t now_ms)
{
    const struct bb_packet frame = {.data = (const uint8_t *)payload, .size = 8, .id = id};
    bb_can_host_receive(host, &frame, now_ms);
}

/* One cycle of Victron's protocol; returns the time behind it. */
static int64_t victron_cycle(struct bb_can_host *host, int64_t now_ms)
{
    hear(host, 0x351, "\x40\x02\x60\x09\x7C\x15\xB0\x01", now_ms);
    hear(host, 0x355, "\x3E\x00\x64\x00\x8D\x18\x00\x00", now_ms);
    hear(host, 0x356, "\xC2\x14\x1F\x00\x7D\x00\x03\x00", now_ms);
    bb_can_host_tick(host, now_ms + 500);
    return now_ms + 1000;
}

static void test_filters_are_those_of_the_batteries(void **state)
{
    (void)state;
    struct bb_can_filter filters[BB_CAN_FILTERS_MAX];
    struct bb_can_host *host = bb_can_host_new(on_event, NULL);
    add(host, "jbd-can", 0);
    size_t alone = bb_can_host_filters(host, filters, BB_CAN_FILTERS_MAX);
    assert_int_equal(alone, 14);
    add(host, "jk-can", 3);
    size_t both = bb_can_host_filters(host, filters, BB_CAN_FILTERS_MAX);
    assert_int_equal(both, 29);
    assert_int_equal(filters[14].id, 0x2F7);
    add(host, "jk-can", 3); /* the same once more: no double */
    assert_int_equal(bb_can_host_filters(host, filters, BB_CAN_FILTERS_MAX), both);
    bb_can_host_destroy(&host);
    assert_null(host);
}

static void test_each_station_gets_its_frames(void **state)
{
    (void)state;
    struct events events = {.states = {0}};
    struct bb_link link = {.state = ""};
    struct bb_can_host *host = bb_can_host_new(on_event, &events);
    add(host, "jbd-can", 0);
    add(host, "jk-can", 0);
    bb_can_host_link(host, true, 1000);
    int64_t now_ms = victron_cycle(host, 1000);
    assert_int_equal(events.states[0], 1);
    assert_int_equal(events.states[1], 0);
    bb_can_host_report(host, 1, &link);
    assert_int_equal(link.foreign_frames.value, 0); /* the other's frames were not its business */
    assert_true(bb_can_host_is_online(host, 0));
    struct bb_battery battery;
    int64_t time_ms;
    bb_can_host_battery(host, 0, &battery, &time_ms);
    assert_int_equal(time_ms, 1000);
    bb_can_host_tick(host, now_ms + 11000);
    assert_false(bb_can_host_is_online(host, 0));
    bb_can_host_report(host, 0, &link);
    assert_string_equal(link.state, "silent");
    bb_can_host_destroy(&host);
}

static void test_a_silent_board_is_asked_less_often(void **state)
{
    (void)state;
    struct events events = {.states = {0}};
    struct bb_can_host *host = bb_can_host_new(on_event, &events);
    struct bb_request request;
    size_t station;
    unsigned early = 0;
    unsigned late = 0;
    add(host, "daly-can", 1);
    bb_can_host_link(host, true, 0);
    for (int64_t now_ms = 0; now_ms < 240000; now_ms += 10) {
        bb_can_host_tick(host, now_ms);
        while (bb_can_host_next(host, now_ms, &request, &station)) {
            bb_can_host_sent(host, station, now_ms);
            early += now_ms < 30000;
            late += now_ms >= 210000;
        }
    }
    assert_in_range(early, 4, 20);
    assert_in_range(late, 1, 3);
    bb_can_host_destroy(&host);
}

static void test_keep_alives_go_on_in_silence(void **state)
{
    (void)state;
    struct events events = {.states = {0}};
    struct bb_can_host *host = bb_can_host_new(on_event, &events);
    struct bb_request request;
    size_t station;
    unsigned sent = 0;
    add(host, "pylontech-can", 0);
    bb_can_host_link(host, true, 0);
    for (int64_t now_ms = 0; now_ms < 60000; now_ms += 10) {
        bb_can_host_tick(host, now_ms);
        while (bb_can_host_next(host, now_ms, &request, &station)) {
            bb_can_host_sent(host, station, now_ms);
            sent++;
        }
    }
    assert_int_equal(sent, 60);
    bb_can_host_destroy(&host);
}

static void test_refuses_what_is_not_on_can(void **state)
{
    (void)state;
    struct bb_problem problem;
    struct bb_driver_config config = {.medium = BB_MEDIUM_CAN};
    struct bb_can_host *host = bb_can_host_new(on_event, NULL);
    assert_int_equal(bb_can_host_add(host, bb_driver_find("jbd"), &config, &problem),
                     BB_ERR_UNSUPPORTED);
    assert_int_equal(bb_can_host_count(host), 0);
    bb_can_host_destroy(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters_are_those_of_the_batteries),
        cmocka_unit_test(test_each_station_gets_its_frames),
        cmocka_unit_test(test_a_silent_board_is_asked_less_often),
        cmocka_unit_test(test_keep_alives_go_on_in_silence),
        cmocka_unit_test(test_refuses_what_is_not_on_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
