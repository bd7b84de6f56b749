#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int64_t travel_ms(size_t bytes)
{
    return (int64_t)((bytes * 10 * 1000 + RIG_BAUD - 1) / RIG_BAUD);
}

static void on_event(void *arg, size_t station, enum bb_event event)
{
    struct rig *rig = arg;
    struct rig_battery *battery = &rig->batteries[station];
    switch (event) {
    case BB_EVENT_STATE:
        if (battery->states > 0 && rig->now_ms - battery->last_state_ms > battery->longest_gap_ms) {
            battery->longest_gap_ms = rig->now_ms - battery->last_state_ms;
        }
        battery->states++;
        battery->last_state_ms = rig->now_ms;
        break;
    case BB_EVENT_FAILED:
        battery->failures++;
        break;
    case BB_EVENT_COMMAND:
        battery->commands++;
        break;
    case BB_EVENT_FOREIGN_MASTER:
        rig->foreign_masters++;
        break;
    case BB_EVENT_NONE:
        break;
    }
}

void rig_set_up(struct rig *rig, const struct stub_spec *spec, size_t count, uint32_t period_ms)
{
    memset(rig, 0, sizeof *rig);
    rig->spec = *spec;
    rig->driver = stub_driver(&rig->spec);
    rig->count = count;
    rig->random = 1;
    rig->now_ms = 1000;
    rig->wire = bb_wire_new(RIG_BAUD, on_event, rig);
    assert_non_null(rig->wire);
    for (size_t i = 0; i < count; i++) {
        struct bb_driver_config config = {
            .medium = BB_MEDIUM_SERIAL, .address = (uint16_t)(i + 1), .period_ms = period_ms};
        assert_int_equal(bb_wire_add(rig->wire, &rig->driver, &config, NULL), (int)i);
        rig->batteries[i].think_ms = 40;
        rig->batteries[i].value = (uint8_t)(50 + i);
    }
}

void rig_tear_down(struct rig *rig)
{
    bb_wire_destroy(&rig->wire);
    assert_null(rig->wire);
}

/* Park and Miller: the same sequence everywhere. */
static unsigned random_percent(struct rig *rig)
{
    rig->random = (uint32_t)((uint64_t)rig->random * 48271 % 2147483647);
    return rig->random / 1000 % 100;
}

static void hear_request(struct rig *rig, const struct bb_request *request)
{
    struct rig_battery *battery = &rig->batteries[request->data[1] - 1];
    battery->requests++;
    if (battery->dead || random_percent(rig) < battery->loss_percent) {
        return;
    }
    rig->answering = true;
    rig->answer_ms = rig->busy_until_ms + battery->think_ms + travel_ms(STUB_REPLY_SIZE);
    stub_answer(request->data, battery->value, battery->serial, rig->answer);
}

static void send_requests(struct rig *rig)
{
    struct bb_request request;
    while (bb_wire_next(rig->wire, rig->now_ms, &request)) {
        assert_false(rig->answering); /* one outstanding request */
        assert_true(rig->now_ms - rig->busy_until_ms >= rig->spec.silence_ms);
        assert_int_equal(request.size, STUB_REQUEST_SIZE);
        rig->busy_until_ms = rig->now_ms + travel_ms(request.size);
        hear_request(rig, &request);
        bb_wire_written(rig->wire, rig->now_ms);
    }
}

void rig_inject(struct rig *rig, const uint8_t *data, size_t size)
{
    rig->busy_until_ms = rig->now_ms;
    bb_wire_receive(rig->wire, data, size, rig->now_ms);
    send_requests(rig);
}

void rig_run(struct rig *rig, int64_t until_ms)
{
    while (rig->now_ms < until_ms) {
        int64_t next_ms = bb_wire_wake_ms(rig->wire);
        if (next_ms <= rig->now_ms) {
            next_ms = rig->now_ms + 1;
        }
        if (rig->answering && rig->answer_ms < next_ms) {
            next_ms = rig->answer_ms;
        }
        rig->now_ms = next_ms < until_ms ? next_ms : until_ms;
        if (rig->answering && rig->now_ms >= rig->answer_ms) {
            rig->answering = false;
            rig->busy_until_ms = rig->now_ms;
            bb_wire_receive(rig->wire, rig->answer, sizeof rig->answer, rig->now_ms);
        }
        bb_wire_tick(rig->wire, rig->now_ms);
        send_requests(rig);
    }
}

struct bb_link rig_link(const struct rig *rig, size_t station)
{
    struct bb_link link = {0};
    bb_wire_report(rig->wire, station, &link);
    return link;
}
