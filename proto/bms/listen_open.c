/* Options and the start of an instance. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bms/listen_internal.h"

static_assert(sizeof(struct bb_listen) <= BB_LISTEN_STATE_SIZE,
              "BB_LISTEN_STATE_SIZE is too small");
static_assert(BB_LISTEN_STATE_SIZE <= BB_DRIVER_STATE_MAX, "the engine's state is too large");

/* Index of value in "no|yes|auto", or -1. */
static int32_t choice_of(const char *choices, const char *value)
{
    size_t size = strlen(value);
    int32_t index = 0;
    for (const char *p = choices;; index++) {
        size_t length = strcspn(p, "|");
        if (length == size && strncmp(p, value, size) == 0) {
            return index;
        }
        if (p[length] == '\0') {
            return -1;
        }
        p += length + 1;
    }
}

static int option_value(const struct bb_listen_option_spec *spec, const char *value,
                        int32_t *ret_value, struct bb_problem *problem)
{
    if (spec->choices) {
        int32_t choice = choice_of(spec->choices, value);
        if (choice < 0) {
            return bb_fail(problem, BB_ERR_RANGE, spec->name, "\"%s\" is not one of %s", value,
                           spec->choices);
        }
        *ret_value = choice;
        return BB_OK;
    }
    char *end;
    errno = 0;
    long number = strtol(value, &end, 0);
    if (errno != 0 || end == value || *end != '\0' || number < spec->min || number > spec->max) {
        return bb_fail(problem, BB_ERR_RANGE, spec->name, "\"%s\" is not within %d..%d", value,
                       (int)spec->min, (int)spec->max);
    }
    *ret_value = (int32_t)number;
    return BB_OK;
}

static int apply_settings(struct bb_listen *listen, const struct bb_driver_config *config,
                          struct bb_problem *problem)
{
    const struct bb_listen_spec *spec = listen->spec;
    for (size_t i = 0; i < spec->option_count; i++) {
        listen->options[i] = spec->options[i].fallback;
    }
    for (size_t k = 0; k < config->setting_count; k++) {
        const struct bb_driver_setting *setting = &config->settings[k];
        size_t i = 0;
        while (i < spec->option_count && strcmp(spec->options[i].name, setting->name) != 0) {
            i++;
        }
        if (i == spec->option_count) {
            return bb_fail(problem, BB_ERR_UNKNOWN, setting->name, "driver %s has no such option",
                           listen->driver->id);
        }
        int error = option_value(&spec->options[i], setting->value, &listen->options[i], problem);
        if (error != BB_OK) {
            return error;
        }
    }
    return BB_OK;
}

int bb_listen_open(const struct bb_driver *driver, void *self,
                   const struct bb_driver_config *config, struct bb_problem *problem)
{
    const struct bb_listen_spec *spec = driver->spec;
    assert(spec->item_count <= BB_LISTEN_ITEMS_MAX && spec->option_count <= BB_LISTEN_OPTIONS_MAX &&
           spec->memory_size <= BB_LISTEN_MEMORY_MAX);
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
    struct bb_listen *listen = self;
    memset(listen, 0, sizeof *listen);
    listen->driver = driver;
    listen->spec = spec;
    listen->address = addressed ? config->address : 0;
    listen->period_ms = config->period_ms;
    listen->battery_ms = -1;
    int error = apply_settings(listen, config, problem);
    if (error == BB_OK) {
        bb_listen_new_session(listen, 0);
    }
    return error;
}
