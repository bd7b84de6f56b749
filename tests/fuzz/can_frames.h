/* Plays fuzz input to a driver on CAN as frames, time and questions, and checks that what it says
 * is always a state the bus would accept. */
#ifndef BUSBAR_TESTS_FUZZ_CAN_FRAMES_H
#define BUSBAR_TESTS_FUZZ_CAN_FRAMES_H

#include <stdlib.h>
#include <string.h>

#include "proto/bms/driver.h"

struct can_input {
    const uint8_t *data;
    size_t size;
};

static inline uint8_t can_input_byte(struct can_input *input)
{
    if (input->size == 0) {
        return 0;
    }
    input->size--;
    return *input->data++;
}

/* An identifier the driver listens to, now and then one beside it. */
static inline void can_choose_id(const struct bb_transport *transport, uint16_t address,
                                 uint8_t choice, struct bb_packet *packet)
{
    size_t count = 0;
    while (transport->can_filter[count].mask != 0) {
        count++;
    }
    const struct bb_can_filter *filter = &transport->can_filter[choice % count];
    packet->id = filter->id + (filter->adds_address ? address : 0U);
    packet->id |=
        filter->mask == 0x03FFFF00 ? 0x18000000U + (choice & 0x80U ? address : 0x8FU) : 0U;
    packet->extended = filter->extended;
}

static inline void can_ask(const struct bb_driver *driver, void *self, int64_t now_ms)
{
    struct bb_request request;
    struct bb_battery battery;
    struct bb_control_result result;
    int64_t time_ms;
    driver->ops->tick(self, now_ms);
    if (driver->ops->next(self, now_ms, &request)) {
        if (request.size > 8) {
            abort();
        }
        driver->ops->sent(self, now_ms);
    }
    enum bb_event event = driver->ops->event(self);
    for (; event != BB_EVENT_NONE; event = driver->ops->event(self)) {
        driver->ops->battery(self, &battery, &time_ms);
        driver->ops->result(self, &result);
        if (event == BB_EVENT_STATE &&
            (bb_battery_check(&battery, NULL) != BB_OK || time_ms > now_ms)) {
            abort();
        }
    }
    if (driver->ops->wake_ms(self) < 0) {
        abort();
    }
}

static inline void can_play(const struct bb_driver *driver, const uint8_t *data, size_t size)
{
    static union {
        max_align_t align;
        uint8_t bytes[BB_DRIVER_STATE_MAX];
    } state;
    struct can_input input = {data, size};
    const struct bb_transport *transport = bb_driver_transport(driver, BB_MEDIUM_CAN);
    uint16_t address = can_input_byte(&input);
    if (address < transport->address_first || address > transport->address_last) {
        address = transport->address_default;
    }
    struct bb_driver_config config = {
        .medium = BB_MEDIUM_CAN, .address = address, .period_ms = 1000};
    if (driver->ops->open(driver, state.bytes, &config, NULL) != BB_OK) {
        abort();
    }
    int64_t now_ms = 1000;
    driver->ops->link(state.bytes, true, now_ms);
    while (input.size > 0) {
        uint8_t payload[64];
        uint8_t choice = can_input_byte(&input);
        uint8_t shape = can_input_byte(&input);
        struct bb_packet packet = {.data = payload, .size = (shape & 15U) > 9 ? 8 : shape & 15U};
        can_choose_id(transport, address, choice, &packet);
        for (size_t i = 0; i < sizeof payload; i++) {
            payload[i] = i < packet.size ? can_input_byte(&input) : 0;
        }
        driver->ops->receive(state.bytes, &packet, now_ms);
        static const int steps_ms[] = {0,   0,   0,    0,    1,    10,    45,    100,
                                       300, 900, 1000, 1100, 5000, 11000, 31000, 0};
        now_ms += steps_ms[shape >> 4];
        can_ask(driver, state.bytes, now_ms);
    }
}

#endif
