#include "services/aggregator/persist_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "services/aggregator/text.h"

#define COUNT_MAX 1000000000000LL /* milliseconds of a timer: more than anybody waits */
#define MOST 1e6                  /* of any voltage, current, temperature, capacity */

/* A value that is being written or read: the same list of fields serves both ways. */
struct exchange {
    json_t *object;
    bool reading;
    int error;
    struct bb_problem *problem;
};

static void refuse(struct exchange *exchange, int error, const char *name, const char *what)
{
    if (exchange->error == BB_OK) {
        exchange->error = bb_fail(exchange->problem, error, name, "%s", what);
    }
}

static void put(struct exchange *exchange, const char *name, json_t *value)
{
    if (json_object_set_new(exchange->object, name, value) != 0) {
        exchange->error = BB_ERR_NO_MEMORY;
    }
}

static void flag(struct exchange *exchange, const char *name, bool *value)
{
    if (!exchange->reading) {
        put(exchange, name, json_boolean(*value));
        return;
    }
    const json_t *found = json_object_get(exchange->object, name);
    if (!json_is_boolean(found)) {
        refuse(exchange, BB_ERR_TYPE, name, "is not true or false");
        return;
    }
    *value = json_is_true(found);
}

static void whole(struct exchange *exchange, const char *name, int64_t *value, int64_t most)
{
    if (!exchange->reading) {
        put(exchange, name, json_integer(*value));
        return;
    }
    const json_t *found = json_object_get(exchange->object, name);
    if (!json_is_integer(found) || json_integer_value(found) < 0 ||
        json_integer_value(found) > most) {
        refuse(exchange, BB_ERR_RANGE, name, "is not a whole number in range");
        return;
    }
    *value = json_integer_value(found);
}

/* Left out when absent. */
static void real(struct exchange *exchange, const char *name, struct bb_real *value)
{
    if (!exchange->reading) {
        if (value->present && isfinite(value->value)) {
            put(exchange, name, json_real(value->value));
        }
        return;
    }
    const json_t *found = json_object_get(exchange->object, name);
    if (!found) {
        *value = (struct bb_real){0};
        return;
    }
    double number = json_number_value(found);
    if (!json_is_number(found) || !(fabs(number) <= MOST)) {
        refuse(exchange, BB_ERR_RANGE, name, "is not a number in range");
        return;
    }
    *value = bb_real(number);
}

static void text(struct exchange *exchange, const char *name, char *value, size_t capacity)
{
    if (!exchange->reading) {
        put(exchange, name, json_string(value));
        return;
    }
    const json_t *found = json_object_get(exchange->object, name);
    const char *string = json_string_value(found);
    if (!string || json_string_length(found) != strlen(string) || strlen(string) >= capacity) {
        refuse(exchange, BB_ERR_TYPE, name, "is not a text, or too long");
        return;
    }
    value[0] = '\0';
    bb_text_append(value, capacity, string);
}

static void battery(struct exchange *exchange, struct bb_decision_record *record)
{
    static const char *const sensors[BB_SENSORS] = {"temperature_1", "temperature_2",
                                                    "temperature_3", "temperature_4"};
    static const char *const fets[BB_DIRECTIONS] = {"charge_fet", "discharge_fet"};
    static const char *const limits[BB_DIRECTIONS] = {"ccl", "dcl"};
    static const char *const bms[BB_DIRECTIONS] = {"bms_charge_current", "bms_discharge_current"};
    int64_t count = record->cell_count;
    text(exchange, "id", record->id, sizeof record->id);
    whole(exchange, "cell_count", &count, BB_CELLS_MAX);
    record->cell_count = (unsigned)count;
    flag(exchange, "floating", &record->floating);
    flag(exchange, "absorbing", &record->absorbing);
    flag(exchange, "full_at_low_soc", &record->full_at_low_soc);
    flag(exchange, "gave_up", &record->gave_up);
    flag(exchange, "limited", &record->limited);
    whole(exchange, "absorbed_ms", &record->absorbed_ms, COUNT_MAX);
    whole(exchange, "full_ms", &record->full_ms, COUNT_MAX);
    whole(exchange, "gave_up_ms", &record->gave_up_ms, COUNT_MAX);
    real(exchange, "control_voltage", &record->control_v);
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        real(exchange, limits[i], &record->limit_a[i]);
        real(exchange, fets[i], &record->fet[i]);
        real(exchange, bms[i], &record->bms_limit[i]);
    }
    for (unsigned i = 0; i < BB_SENSORS; i++) {
        real(exchange, sensors[i], &record->temperature[i]);
    }
    real(exchange, "temperature_mos", &record->mosfet);
    real(exchange, "soc", &record->soc);
    real(exchange, "capacity", &record->capacity);
    real(exchange, "bms_voltage", &record->most_v);
}

/* The array under name, made when writing. NULL after a refusal. */
static json_t *array(struct exchange *exchange, const char *name, size_t most)
{
    if (!exchange->reading) {
        put(exchange, name, json_array());
    }
    json_t *found = json_object_get(exchange->object, name);
    if (!json_is_array(found) || json_array_size(found) > most) {
        refuse(exchange, BB_ERR_TYPE, name, "is not a list, or too long");
        return NULL;
    }
    return found;
}

static void members(struct exchange *exchange, struct bb_bank_record *record)
{
    json_t *list = array(exchange, "members", BB_MEMBERS_MAX);
    if (!list) {
        return;
    }
    if (!exchange->reading) {
        for (size_t i = 0; i < record->member_count; i++) {
            (void)json_array_append_new(list, json_string(record->members[i]));
        }
        return;
    }
    record->member_count = json_array_size(list);
    for (size_t i = 0; i < record->member_count; i++) {
        const char *id = json_string_value(json_array_get(list, i));
        if (!id || id[0] == '\0' || strlen(id) >= BB_ID_MAX) {
            refuse(exchange, BB_ERR_TYPE, "members", "holds something that is no battery id");
            return;
        }
        bb_text_append(record->members[i], sizeof record->members[i], id);
    }
}

static void bank(struct exchange *exchange, struct bb_bank_record *record)
{
    text(exchange, "id", record->id, sizeof record->id);
    members(exchange, record);
    flag(exchange, "floating", &record->floating);
    flag(exchange, "limited", &record->limited);
    real(exchange, "control_voltage", &record->control_v);
    real(exchange, "ccl", &record->limit_a[BB_CHARGING]);
    real(exchange, "dcl", &record->limit_a[BB_DISCHARGING]);
}

static void crashes(struct exchange *exchange, struct bb_saved *saved)
{
    json_t *list = array(exchange, "crashes", BB_CRASHES_MAX);
    if (!list) {
        return;
    }
    if (!exchange->reading) {
        for (size_t i = 0; i < saved->crash_count; i++) {
            (void)json_array_append_new(list, json_integer(saved->crashes[i]));
        }
        return;
    }
    saved->crash_count = json_array_size(list);
    for (size_t i = 0; i < saved->crash_count; i++) {
        const json_t *time = json_array_get(list, i);
        if (!json_is_integer(time) || json_integer_value(time) < 0) {
            refuse(exchange, BB_ERR_TYPE, "crashes", "holds something that is no time");
            return;
        }
        saved->crashes[i] = json_integer_value(time);
    }
}

static void head(struct exchange *exchange, struct bb_saved *saved)
{
    text(exchange, "boot_id", saved->boot_id, sizeof saved->boot_id);
    whole(exchange, "mono_ms", &saved->mono_ms, INT64_MAX);
    whole(exchange, "wall_ms", &saved->wall_ms, INT64_MAX);
    flag(exchange, "clean", &saved->clean);
    crashes(exchange, saved);
}

/* Moves one element of a list of objects through fn. */
static void element(struct exchange *exchange, json_t *list, size_t index, void *record,
                    void (*fn)(struct exchange *, void *))
{
    struct exchange inner = *exchange;
    if (exchange->reading) {
        inner.object = json_array_get(list, index);
    } else {
        inner.object = json_object();
        if (json_array_append_new(list, inner.object) != 0) {
            exchange->error = BB_ERR_NO_MEMORY;
            return;
        }
    }
    if (!json_is_object(inner.object)) {
        refuse(exchange, BB_ERR_TYPE, "body", "a list holds something that is no object");
        return;
    }
    fn(&inner, record);
    exchange->error = inner.error;
}

static void battery_element(struct exchange *exchange, void *record)
{
    battery(exchange, record);
}

static void bank_element(struct exchange *exchange, void *record)
{
    bank(exchange, record);
}

static void records(struct exchange *exchange, struct bb_saved *saved)
{
    json_t *batteries = array(exchange, "batteries", BB_BATTERIES_MAX);
    json_t *banks = array(exchange, "banks", BB_BANKS_MAX);
    if (!batteries || !banks) {
        return;
    }
    if (exchange->reading) {
        saved->battery_count = json_array_size(batteries);
        saved->bank_count = json_array_size(banks);
    }
    for (size_t i = 0; i < saved->battery_count && exchange->error == BB_OK; i++) {
        element(exchange, batteries, i, &saved->batteries[i], battery_element);
    }
    for (size_t i = 0; i < saved->bank_count && exchange->error == BB_OK; i++) {
        element(exchange, banks, i, &saved->banks[i], bank_element);
    }
}

json_t *bb_saved_to_json(const struct bb_saved *saved)
{
    struct bb_saved *copy = malloc(sizeof *copy);
    struct exchange exchange = {.object = json_object()};
    if (!copy || !exchange.object) {
        free(copy);
        json_decref(exchange.object);
        return NULL;
    }
    *copy = *saved;
    head(&exchange, copy);
    records(&exchange, copy);
    free(copy);
    if (exchange.error != BB_OK) {
        json_decref(exchange.object);
        return NULL;
    }
    return exchange.object;
}

int bb_saved_from_json(json_t *object, struct bb_saved *ret_saved, struct bb_problem *problem)
{
    if (!json_is_object(object)) {
        return bb_fail(problem, BB_ERR_TYPE, "body", "is not a JSON object");
    }
    struct exchange exchange = {.object = object, .reading = true, .problem = problem};
    head(&exchange, ret_saved);
    records(&exchange, ret_saved);
    return exchange.error;
}
