/* Plays fuzz input to a driver on a byte stream as raw bytes, well-framed answers, time, commands
 * and broken wires, and checks that what it says is always a state the bus would accept. */
#ifndef BUSBAR_TESTS_FUZZ_BYTE_STREAM_H
#define BUSBAR_TESTS_FUZZ_BYTE_STREAM_H

#include <stdlib.h>
#include <string.h>

#include "proto/bms/driver.h"

#define STREAM_FRAME_MAX 512

struct stream_input {
    const uint8_t *data;
    size_t size;
};

/* Frames payload (size bytes, may be 0) as an answer to request; returns the frame's size, at
 * most STREAM_FRAME_MAX. */
typedef size_t stream_wrap(const struct bb_request *request, const uint8_t *payload, size_t size,
                           uint8_t *ret_frame);

static inline uint8_t stream_byte(struct stream_input *input)
{
    if (input->size == 0) {
        return 0;
    }
    input->size--;
    return *input->data++;
}

static inline const uint8_t *stream_take(struct stream_input *input, size_t wanted,
                                         size_t *ret_size)
{
    const uint8_t *start = input->data;
    *ret_size = wanted < input->size ? wanted : input->size;
    input->data += *ret_size;
    input->size -= *ret_size;
    return start;
}

/* Everything the driver has to say now; the request it makes goes to *ret_request. */
static inline void stream_listen(const struct bb_driver *driver, void *self, int64_t now_ms,
                                 struct bb_request *ret_request)
{
    struct bb_request request;
    driver->ops->tick(self, now_ms);
    if (driver->ops->next(self, now_ms, &request)) {
        if (request.size == 0 || request.size > sizeof request.data) {
            abort();
        }
        driver->ops->sent(self, now_ms);
        *ret_request = request;
    }
    enum bb_event event = driver->ops->event(self);
    for (; event != BB_EVENT_NONE; event = driver->ops->event(self)) {
        struct bb_battery battery;
        struct bb_control_result result;
        int64_t time_ms;
        driver->ops->battery(self, &battery, &time_ms);
        driver->ops->result(self, &result);
        if (bb_battery_check(&battery, NULL) != BB_OK || time_ms > now_ms ||
            (event == BB_EVENT_STATE && time_ms < 0)) {
            abort();
        }
    }
}

static inline void stream_command(const struct bb_driver *driver, void *self, uint8_t choice,
                                  int64_t now_ms)
{
    static const char *const verbs[] = {"charge_fet", "discharge_fet", "soc", "balance_fet"};
    struct bb_control control = {.value = choice >> 4};
    memcpy(control.verb, verbs[choice & 3U], strlen(verbs[choice & 3U]));
    control.wall_ms = (choice & 4U) ? 1767191400000 : 0;
    (void)driver->ops->command(self, &control, now_ms, NULL);
}

static inline void stream_receive(const struct bb_driver *driver, void *self, const uint8_t *data,
                                  size_t size, int64_t now_ms)
{
    struct bb_packet packet = {.data = data, .size = size};
    driver->ops->receive(self, &packet, now_ms);
}

static inline void stream_step(const struct bb_driver *driver, void *self, stream_wrap *wrap,
                               struct stream_input *input, const struct bb_request *request,
                               int64_t *now_ms)
{
    static const int steps_ms[] = {1, 5, 20, 50, 100, 300, 1000, 12000};
    uint8_t frame[STREAM_FRAME_MAX];
    size_t size;
    uint8_t kind = stream_byte(input);
    switch (kind & 7U) {
    case 0:
        *now_ms += steps_ms[kind >> 5];
        break;
    case 1: {
        const uint8_t *bytes = stream_take(input, kind >> 3, &size);
        stream_receive(driver, self, bytes, size, *now_ms);
        break;
    }
    case 2:
        stream_command(driver, self, stream_byte(input), *now_ms);
        break;
    case 3:
        driver->ops->link(self, (kind & 8U) != 0, *now_ms);
        break;
    case 4:
        stream_receive(driver, self, request->data, request->size, *now_ms);
        break;
    default: {
        const uint8_t *payload = stream_take(input, stream_byte(input), &size);
        size = wrap(request, payload, size, frame);
        stream_receive(driver, self, frame, size, *now_ms);
        break;
    }
    }
}

static inline void stream_play(const struct bb_driver *driver, stream_wrap *wrap,
                               const uint8_t *data, size_t size)
{
    static union {
        max_align_t align;
        uint8_t bytes[BB_DRIVER_STATE_MAX];
    } state;
    struct stream_input input = {data, size};
    uint8_t choice = stream_byte(&input);
    bool ble = (choice & 1U) && bb_driver_transport(driver, BB_MEDIUM_BLE);
    struct bb_driver_config config = {
        .medium = ble ? BB_MEDIUM_BLE : BB_MEDIUM_SERIAL,
        .period_ms = choice & 2U ? 1000 : 0,
    };
    config.address = bb_driver_transport(driver, config.medium)->address_default;
    if (driver->ops->open(driver, state.bytes, &config, NULL) != BB_OK) {
        abort();
    }
    int64_t now_ms = 1000;
    struct bb_request request = {.size = 0};
    driver->ops->link(state.bytes, true, now_ms);
    stream_listen(driver, state.bytes, now_ms, &request);
    while (input.size > 0) {
        stream_step(driver, state.bytes, wrap, &input, &request, &now_ms);
        stream_listen(driver, state.bytes, now_ms, &request);
    }
}

#endif
