#include "can_dialogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void can_begin(struct dialogue *dialogue, const struct bb_driver *driver, uint16_t address,
               const char *settings)
{
    static char text[200];
    struct bb_driver_setting list[8];
    struct bb_driver_config config = {
        .medium = BB_MEDIUM_CAN, .address = address, .period_ms = 1000, .settings = list};
    (void)snprintf(text, sizeof text, "%s", settings ? settings : "");
    char *rest = text;
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(word, '=');
        assert_non_null(value);
        *value = '\0';
        list[config.setting_count++] = (struct bb_driver_setting){word, value + 1};
    }
    dialogue_begin(dialogue, driver, &config);
}

static void hear(struct dialogue *dialogue, const char *word)
{
    const char *mark = strchr(word, '#');
    assert_non_null(mark);
    uint8_t bytes[64];
    struct bb_packet packet = {
        .data = bytes,
        .size = dialogue_bytes(mark + 1, bytes, sizeof bytes),
        .id = (uint32_t)strtoul(word, NULL, 16),
        .extended = mark - word == 8,
    };
    dialogue->driver->ops->receive(dialogue->state.bytes, &packet, dialogue->now_ms);
}

void can_hears(struct dialogue *dialogue, const char *frames)
{
    char word[40];
    int used = 0;
    for (; sscanf(frames, "%39s%n", word, &used) == 1; frames += used) {
        if (word[0] == '+') {
            const struct step step = PASSES((int)strtol(word + 1, NULL, 10));
            dialogue_play(dialogue, __FILE__, &step, 1);
        } else {
            hear(dialogue, word);
        }
    }
}

unsigned can_events(struct dialogue *dialogue, enum bb_event event)
{
    unsigned count = 0;
    enum bb_event next = dialogue->driver->ops->event(dialogue->state.bytes);
    for (; next != BB_EVENT_NONE; next = dialogue->driver->ops->event(dialogue->state.bytes)) {
        count += next == event;
    }
    return count;
}

unsigned can_states(struct dialogue *dialogue)
{
    return can_events(dialogue, BB_EVENT_STATE);
}

const char *can_sends(struct dialogue *dialogue)
{
    static char text[40];
    struct bb_request request = {0};
    const struct bb_driver_ops *ops = dialogue->driver->ops;
    text[0] = '\0';
    if (ops->next(dialogue->state.bytes, dialogue->now_ms, &request)) {
        int used = snprintf(text, sizeof text, request.extended ? "%08X#" : "%03X#", request.id);
        for (size_t i = 0; i < request.size && i < 8; i++) {
            used += snprintf(text + used, sizeof text - (size_t)used, "%02X", request.data[i]);
        }
        ops->sent(dialogue->state.bytes, dialogue->now_ms);
    }
    return text;
}
