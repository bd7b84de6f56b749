/* Options and the start of an instance. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bms/poll_internal.h"

int32_t bb_poll_option(const struct bb_poll_view *view, size_t option)
{
    return view->poll->options[option].number;
}

const char *bb_poll_option_text(const struct bb_poll_view *view, size_t option)
{
    return view->poll->options[option].text;
}

size_t bb_poll_item_of(const struct bb_poll_spec *spec, uint16_t code)
{
    for (size_t i = 0; i < spec->item_count; i++) {
        if (spec->items[i].code == code) {
            return i;
        }
    }
    return BB_POLL_NO_ITEM;
}

/* Index of value in "no|yes|auto", or -1. */
static int32_t choice_of(const char *choices, const char *value)
{
    size_t size = strlen(value);
    int32_t index = 0;
    for (const char *p = choices;; index++) {
        size_t length = strcspn(p, "|");
        if (length == size && memcmp(p, value, size) == 0) {
            return index;
        }
        if (p[length] == '\0') {
            return -1;
        }
        p += length + 1;
    }
}

static int set_option(const struct bb_poll_option_spec *spec, const char *value,
                      struct bb_poll_option *ret_option, struct bb_problem *problem)
{
    switch (spec->kind) {
    case BB_OPTION_CHOICE: {
        int32_t choice = choice_of(spec->choices, value);
        if (choice < 0) {
            return bb_fail(problem, BB_ERR_RANGE, spec->name, "\"%s\" is not one of %s", value,
                           spec->choices);
        }
        ret_option->number = choice;
        return BB_OK;
    }
    case BB_OPTION_NUMBER: {
        char *end;
        errno = 0;
        long number = strtol(value, &end, 0);
        if (errno != 0 || end == value || *end != '\0' || number < spec->min ||
            number > spec->max) {
            return bb_fail(problem, BB_ERR_RANGE, spec->name, "\"%s\" is not within %d..%d", value,
                           (int)spec->min, (int)spec->max);
        }
        ret_option->number = (int32_t)number;
        return BB_OK;
    }
    case BB_OPTION_TEXT: {
        size_t size = strlen(value);
        if (size > (size_t)spec->max || size > BB_POLL_OPTION_TEXT_MAX) {
            return bb_fail(problem, BB_ERR_OVERSIZE, spec->name, "longer than %d characters",
                           (int)spec->max);
        }
        memcpy(ret_option->text, value, size + 1);
        return BB_OK;
    }
    }
    return BB_ERR_TYPE;
}

static int apply_settings(struct bb_poll *poll, const struct bb_driver_config *config,
                          struct bb_problem *problem)
{
    const struct bb_poll_spec *spec = poll->spec;
    for (size_t i = 0; i < spec->option_count; i++) {
        poll->options[i].number = spec->options[i].fallback;
    }
    for (size_t k = 0; k < config->setting_count; k++) {
        const struct bb_driver_setting *setting = &config->settings[k];
        size_t i = 0;
        while (i < spec->option_count && strcmp(spec->options[i].name, setting->name) != 0) {
            i++;
        }
        if (i == spec->option_count) {
            return bb_fail(problem, BB_ERR_UNKNOWN, setting->name, "driver %s has no such option",
                           poll->driver->id);
        }
        int error = set_option(&spec->options[i], setting->value, &poll->options[i], problem);
        if (error != BB_OK) {
            return error;
        }
    }
    return BB_OK;
}

static void lay_out_pool(struct bb_poll *poll)
{
    const struct bb_poll_spec *spec = poll->spec;
    size_t at = 0;
    for (size_t i = 0; i < spec->item_count; i++) {
        const struct bb_poll_item *item = &spec->items[i];
        poll->slots[i].at = (uint16_t)at;
        at += bb_poll_collects(spec, item) ? 2U * item->size : item->size;
    }
    assert(at <= BB_POLL_IMAGES_MAX);
}

int bb_poll_open(const struct bb_driver *driver, void *self, const struct bb_driver_config *config,
                 struct bb_problem *problem)
{
    const struct bb_poll_spec *spec = driver->spec;
    assert(spec->item_count <= BB_POLL_ITEMS_MAX && spec->option_count <= BB_POLL_OPTIONS_MAX &&
           spec->memory_size <= BB_POLL_MEMORY_MAX && spec->probe < spec->item_count);
    const struct bb_transport *transport = bb_driver_transport(driver, config->medium);
    if (!transport) {
        return bb_fail(problem, BB_ERR_UNSUPPORTED, "driver", "%s does not work on this medium",
                       driver->id);
    }
    bool addressed = transport->address_last > 0;
    if (addressed &&
        (config->address < transport->address_first || config->address > transport->address_last)) {
        return bb_fail(problem, BB_ERR_RANGE, "address", "0x%02x is not within 0x%02x..0x%02x",
                       config->address, transport->address_first, transport->address_last);
    }
    struct bb_poll *poll = self;
    memset(poll, 0, sizeof *poll);
    poll->driver = driver;
    poll->transport = transport;
    poll->spec = spec;
    poll->address = addressed ? config->address : 0;
    poll->period_ms = config->period_ms;
    int error = apply_settings(poll, config, problem);
    if (error != BB_OK) {
        return error;
    }
    lay_out_pool(poll);
    poll->battery_ms = -1;
    poll->listen_ms = BB_NEVER_MS;
    poll->listen_fail_ms = BB_NEVER_MS;
    bb_poll_new_session(poll, BB_POLL_NO_ITEM);
    poll->silent = true;
    return BB_OK;
}

void bb_poll_new_session(struct bb_poll *poll, size_t keep)
{
    const struct bb_poll_spec *spec = poll->spec;
    poll->group_due = false;
    for (size_t i = 0; i < spec->item_count; i++) {
        struct bb_poll_slot *slot = &poll->slots[i];
        if (i != keep) {
            slot->time_ms = -1;
            slot->heard = false;
        }
        slot->due_ms = 0;
        slot->owed_ms = 0;
        slot->parts = 0;
        slot->misses = 0;
        poll->group_due = poll->group_due || spec->items[i].ask == BB_ASK_ENTER;
    }
    memset(&poll->memory, 0, sizeof poll->memory);
    poll->tried = 0;
    poll->entered = false;
    poll->started = false;
    poll->failed = false;
    poll->greets = true;
    poll->news = false;
    poll->answer_ms = -1;
    poll->raised_ms = -1;
    poll->provisional = BB_POLL_NO_ITEM;
    poll->confirmed = 0;
    poll->unconfirmed = 0;
    poll->unasked_ms = -1;
    poll->unasked = 0;
}
