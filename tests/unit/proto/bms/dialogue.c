#include "dialogue.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bms/table.h"

size_t dialogue_bytes(const char *hex, uint8_t *ret_bytes, size_t capacity)
{
    size_t count = 0;
    while (*hex != '\0') {
        if (isspace((unsigned char)*hex)) {
            hex++;
            continue;
        }
        assert_true(isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]));
        assert_true(count < capacity);
        const char pair[3] = {hex[0], hex[1], '\0'};
        ret_bytes[count++] = (uint8_t)strtoul(pair, NULL, 16);
        hex += 2;
    }
    return count;
}

void dialogue_begin(struct dialogue *dialogue, const struct bb_driver *driver,
                    const struct bb_driver_config *config)
{
    memset(dialogue, 0xa5, sizeof *dialogue); /* open() must not rely on cleared memory */
    dialogue->driver = driver;
    dialogue->now_ms = 1000000;
    dialogue->requests = 0;
    struct bb_problem problem = {0};
    assert_true(driver->state_size <= sizeof dialogue->state);
    int error = driver->ops->open(driver, dialogue->state.bytes, config, &problem);
    if (error != BB_OK) {
        fail_msg("open: %s: %s", problem.where, problem.what);
    }
    driver->ops->link(dialogue->state.bytes, true, dialogue->now_ms);
}

void dialogue_feed(struct dialogue *dialogue, const char *hex)
{
    uint8_t bytes[1024];
    struct bb_packet packet = {.data = bytes, .size = dialogue_bytes(hex, bytes, sizeof bytes)};
    dialogue->driver->ops->receive(dialogue->state.bytes, &packet, dialogue->now_ms);
}

static void pass(struct dialogue *dialogue, int64_t ms)
{
    const struct bb_driver_ops *ops = dialogue->driver->ops;
    int64_t end_ms = dialogue->now_ms + ms;
    for (;;) {
        int64_t wake_ms = ops->wake_ms(dialogue->state.bytes);
        if (wake_ms <= dialogue->now_ms || wake_ms > end_ms) {
            break;
        }
        dialogue->now_ms = wake_ms;
        ops->tick(dialogue->state.bytes, dialogue->now_ms);
    }
    dialogue->now_ms = end_ms;
    ops->tick(dialogue->state.bytes, end_ms);
}

static void to_hex(const uint8_t *bytes, size_t size, char *ret_text, size_t capacity)
{
    ret_text[0] = '\0';
    for (size_t i = 0; i < size && 3 * i + 4 < capacity; i++) {
        (void)snprintf(ret_text + 3 * i, capacity - 3 * i, "%02X ", bytes[i]);
    }
}

static void must_send(struct dialogue *dialogue, const char *file, const struct step *step)
{
    const struct bb_driver_ops *ops = dialogue->driver->ops;
    struct bb_request request = {0};
    uint8_t wanted[BB_REQUEST_MAX];
    size_t size = dialogue_bytes(step->hex, wanted, sizeof wanted);
    if (!ops->next(dialogue->state.bytes, dialogue->now_ms, &request)) {
        fail_msg("%s:%d: nothing to send, expected %s", file, step->line, step->hex);
    }
    char got[3 * BB_REQUEST_MAX + 8];
    to_hex(request.data, request.size, got, sizeof got);
    if (request.size != size || memcmp(request.data, wanted, size) != 0) {
        fail_msg("%s:%d: sends %s, expected %s", file, step->line, got, step->hex);
    }
    ops->sent(dialogue->state.bytes, dialogue->now_ms);
    dialogue->requests++;
}

static void play_step(struct dialogue *dialogue, const char *file, const struct step *step)
{
    const struct bb_driver_ops *ops = dialogue->driver->ops;
    void *self = dialogue->state.bytes;
    switch (step->kind) {
    case STEP_SENDS:
        must_send(dialogue, file, step);
        break;
    case STEP_HEARS:
        dialogue_feed(dialogue, step->hex);
        break;
    case STEP_PASSES:
        pass(dialogue, step->number);
        break;
    case STEP_QUIET: {
        struct bb_request request = {0};
        if (ops->next(self, dialogue->now_ms, &request)) {
            char got[3 * BB_REQUEST_MAX + 8];
            to_hex(request.data, request.size, got, sizeof got);
            fail_msg("%s:%d: sends %s, expected nothing", file, step->line, got);
        }
        break;
    }
    case STEP_CALM:
    case STEP_RAISES: {
        enum bb_event event = ops->event(self);
        if ((int)event != step->number) {
            fail_msg("%s:%d: event %d, expected %d", file, step->line, (int)event, step->number);
        }
        break;
    }
    case STEP_LINK:
        ops->link(self, step->number != 0, dialogue->now_ms);
        break;
    }
}

void dialogue_play(struct dialogue *dialogue, const char *file, const struct step *steps,
                   size_t count)
{
    for (size_t i = 0; i < count; i++) {
        play_step(dialogue, file, &steps[i]);
    }
}

struct bb_battery dialogue_battery(const struct dialogue *dialogue, int64_t *ret_time_ms)
{
    struct bb_battery battery;
    struct bb_problem problem = {0};
    dialogue->driver->ops->battery(dialogue->state.bytes, &battery, ret_time_ms);
    if (bb_battery_check(&battery, &problem) != BB_OK) {
        fail_msg("state is not valid: %s: %s", problem.where, problem.what);
    }
    return battery;
}
