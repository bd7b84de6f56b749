/* The wire scheduler with real drivers, under whatever a line can do: bytes at any time, silence,
 * ports that go down. Aborts when a rule of a shared wire is broken. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "services/serial/wire.h"

struct input {
    const uint8_t *data;
    size_t size;
};

struct line {
    struct bb_wire *wire;
    int64_t now_ms, moved_ms;
    bool up, writing;
};

static uint8_t take(struct input *input)
{
    if (input->size == 0) {
        return 0;
    }
    input->size--;
    return *input->data++;
}

static void demand(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void on_event(void *arg, size_t station, enum bb_event event)
{
    const struct line *line = arg;
    if (event == BB_EVENT_STATE) {
        struct bb_battery battery;
        int64_t time_ms = -1;
        bb_wire_battery(line->wire, station, &battery, &time_ms);
        demand(time_ms >= 0 && time_ms <= line->now_ms);
        demand(bb_battery_check(&battery, NULL) == BB_OK);
    }
}

/* Stations 0x01.. or 0x40.., as many as the protocol has addresses for, at most three. */
static bool add_stations(struct line *line, uint8_t choice)
{
    size_t count = 0;
    while (bb_driver_at(count)) {
        count++;
    }
    const struct bb_driver *driver = bb_driver_at(choice % count);
    const struct bb_transport *transport = bb_driver_transport(driver, BB_MEDIUM_SERIAL);
    if (!transport) {
        return false;
    }
    for (uint16_t i = 0; i < 3 && transport->address_first + i <= transport->address_last; i++) {
        struct bb_driver_config config = {.medium = BB_MEDIUM_SERIAL,
                                          .address = (uint16_t)(transport->address_first + i),
                                          .period_ms = (choice & 0x80) ? 0 : 1000};
        demand(bb_wire_add(line->wire, driver, &config, NULL) >= 0);
        if (transport->address_last == 0) {
            break;
        }
    }
    return bb_wire_count(line->wire) > 0;
}

static void pump(struct line *line)
{
    struct bb_request request;
    if (!line->writing && bb_wire_next(line->wire, line->now_ms, &request)) {
        demand(line->up);
        demand(request.size > 0 && request.size <= BB_REQUEST_MAX);
        demand(request.silence_ms == 0 || line->now_ms - line->moved_ms > request.silence_ms);
        line->writing = true;
        demand(!bb_wire_next(line->wire, line->now_ms, &request));
    }
    if (!line->writing) {
        demand(bb_wire_wake_ms(line->wire) > line->now_ms);
    }
}

static void write_out(struct line *line)
{
    if (line->writing) {
        line->writing = false;
        line->moved_ms = line->now_ms;
        bb_wire_written(line->wire, line->now_ms);
    }
}

static void set_link(struct line *line, bool up)
{
    line->up = up;
    line->writing = false;
    line->moved_ms = line->now_ms;
    bb_wire_link(line->wire, up, line->now_ms);
}

static void step(struct line *line, struct input *input)
{
    uint8_t op = take(input);
    switch (op & 7) {
    case 0:
        set_link(line, op & 8);
        break;
    case 1:
    case 2:
        line->now_ms += (int64_t)take(input) << (op >> 5);
        bb_wire_tick(line->wire, line->now_ms);
        break;
    case 3: {
        size_t size = take(input);
        size = size < input->size ? size : input->size;
        if (line->up && size > 0) {
            line->moved_ms = line->now_ms;
        }
        bb_wire_receive(line->wire, input->data, size, line->now_ms);
        input->data += size;
        input->size -= size;
        break;
    }
    case 4: {
        struct bb_control control = {.verb = "charge_fet", .value = op >> 7};
        (void)bb_wire_command(line->wire, 0, &control, line->now_ms, NULL);
        break;
    }
    default:
        write_out(line);
        if (bb_wire_wake_ms(line->wire) != BB_NEVER_MS &&
            bb_wire_wake_ms(line->wire) > line->now_ms) {
            line->now_ms = bb_wire_wake_ms(line->wire);
        }
        bb_wire_tick(line->wire, line->now_ms);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.data = data, .size = size};
    struct line line = {.now_ms = 1000};
    line.wire = bb_wire_new(9600, on_event, &line);
    demand(line.wire != NULL);
    if (add_stations(&line, take(&input))) {
        set_link(&line, true);
        while (input.size > 0) {
            step(&line, &input);
            pump(&line);
        }
    }
    bb_wire_destroy(&line.wire);
    return 0;
}
