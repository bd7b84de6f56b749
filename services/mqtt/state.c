#include "services/mqtt/state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "proto/deadlines.h"

/* Numbers are rounded to their meaningful digits already; 15 print them as they were written. */
#define FORMAT (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* Fields of charge/<id> that describe the battery as measured, not what was decided. They are
 * left out when the measurements are gone. */
static const char *const measured[] = {"voltage",
                                       "current",
                                       "current_avg",
                                       "power",
                                       "soc",
                                       "soh",
                                       "capacity",
                                       "capacity_remain",
                                       "consumed",
                                       "time_to_go",
                                       "cell_count",
                                       "cell_sum",
                                       "cell_diff",
                                       "min_cell_voltage",
                                       "max_cell_voltage",
                                       "min_cell_id",
                                       "max_cell_id",
                                       "temperature",
                                       "min_temperature",
                                       "max_temperature",
                                       "min_temperature_id",
                                       "max_temperature_id"};

static bool is_true(const struct bb_flag *flag)
{
    return flag->present && flag->value;
}

static bool is_zero(const struct bb_real *limit)
{
    return !limit->present || limit->value <= 0;
}

static bool charge_is_urgent(const struct bb_charge *old, const struct bb_charge *new)
{
    return !bb_schema_equal(&bb_protection_schema, &old->alarms, &new->alarms) ||
           strcmp(old->link, new->link) != 0 || old->bms_cable.value != new->bms_cable.value ||
           is_true(&old->allow_charge) != is_true(&new->allow_charge) ||
           is_true(&old->allow_discharge) != is_true(&new->allow_discharge) ||
           is_zero(&old->ccl) != is_zero(&new->ccl) || is_zero(&old->dcl) != is_zero(&new->dcl);
}

bool bb_mqtt_subject_update(struct bb_mqtt_subject *subject, const struct bb_message *message,
                            int64_t now_ms)
{
    int64_t fact_ms = message->head.mono_ms.value < now_ms ? message->head.mono_ms.value : now_ms;
    bool urgent = false;
    if (message->topic_class == BB_TOPIC_BATTERY) {
        const struct bb_battery *battery = &message->body.battery;
        urgent = subject->has_battery &&
                 !bb_schema_equal(&bb_protection_schema, &subject->battery.protection,
                                  &battery->protection);
        subject->battery = *battery;
        subject->battery_ms = fact_ms;
        subject->battery_interval_ms = message->head.interval_ms.value;
        subject->has_battery = true;
    } else if (message->topic_class == BB_TOPIC_CHARGE) {
        const struct bb_charge *charge = &message->body.charge;
        urgent = !subject->has_charge || charge_is_urgent(&subject->charge, charge);
        subject->charge = *charge;
        subject->charge_ms = fact_ms;
        subject->has_charge = true;
    }
    return urgent;
}

static bool has_decision(const struct bb_mqtt_subject *subject, int64_t now_ms)
{
    return subject->has_charge && now_ms - subject->charge_ms <= BB_DECISION_MAX_AGE_MS;
}

static bool has_reading(const struct bb_mqtt_subject *subject, int64_t now_ms)
{
    return subject->has_battery &&
           now_ms - subject->battery_ms < bb_lost_after_ms(subject->battery_interval_ms);
}

/* The decision's word for a battery whose data still counts. */
static bool is_linked(const struct bb_charge *charge)
{
    return strcmp(charge->link, "online") == 0 || strcmp(charge->link, "stale") == 0;
}

bool bb_mqtt_subject_is_available(const struct bb_mqtt_subject *subject, int64_t now_ms)
{
    return has_decision(subject, now_ms) && is_linked(&subject->charge);
}

int64_t bb_mqtt_subject_expiry(const struct bb_mqtt_subject *subject, int64_t now_ms)
{
    int64_t expiry = BB_NEVER_MS;
    if (has_decision(subject, now_ms)) {
        expiry = subject->charge_ms + BB_DECISION_MAX_AGE_MS + 1; /* that old still counts */
    }
    if (has_reading(subject, now_ms)) {
        int64_t lost = subject->battery_ms + bb_lost_after_ms(subject->battery_interval_ms);
        expiry = lost < expiry ? lost : expiry;
    }
    return expiry;
}

static void put(json_t *json, const char *name, json_t *value)
{
    (void)json_object_set_new(json, name, value);
}

static void put_text(json_t *json, const char *name, const char *text)
{
    if (*text != '\0') {
        put(json, name, json_string(text));
    }
}

static json_t *reader_fields(const struct bb_mqtt_subject *subject)
{
    json_t *json = bb_json_from(&bb_battery_schema, &subject->battery);
    (void)json_object_del(json, "device");
    return json;
}

/* No decision: nothing may flow, at the float voltage or what was allowed last if that is less. */
static void put_no_decision(json_t *json, const struct bb_mqtt_subject *subject)
{
    char reason[64];
    (void)snprintf(reason, sizeof reason, "no decision for more than %d s",
                   BB_DECISION_MAX_AGE_MS / 1000);
    const struct bb_charge *last = &subject->charge;
    put_text(json, "kind", last->kind);
    put_text(json, "name", last->name);
    if (last->float_voltage.present && last->cvl.present) {
        put(json, "cvl", json_real(fmin(last->float_voltage.value, last->cvl.value)));
        put_text(json, "cvl_reason", reason);
    }
    put(json, "ccl", json_real(0));
    put(json, "dcl", json_real(0));
    put_text(json, "ccl_reason", reason);
    put_text(json, "dcl_reason", reason);
    put(json, "allow_charge", json_false());
    put(json, "allow_discharge", json_false());
}

static void put_decision(json_t *json, const struct bb_charge *charge, bool with_measured)
{
    json_t *decided = bb_json_from(bb_message_schema(BB_TOPIC_CHARGE), charge);
    for (size_t i = 0; !with_measured && i < sizeof measured / sizeof measured[0]; i++) {
        (void)json_object_del(decided, measured[i]);
    }
    json_t *soc_bms = json_object_get(json, "soc");
    if (soc_bms && json_object_get(decided, "soc")) {
        (void)json_object_set(json, "soc_bms", soc_bms);
    }
    (void)json_object_update(json, decided);
    json_decref(decided);
    /* A decision without a limit allows nothing: who reads this would keep the last one. */
    if (!charge->ccl.present) {
        put(json, "ccl", json_real(0));
    }
    if (!charge->dcl.present) {
        put(json, "dcl", json_real(0));
    }
}

json_t *bb_mqtt_state(const struct bb_mqtt_subject *subject, int64_t now_ms)
{
    bool decided = has_decision(subject, now_ms);
    bool linked = is_linked(&subject->charge);
    bool with_reading = has_reading(subject, now_ms) && (linked || !decided);
    json_t *json = with_reading ? reader_fields(subject) : json_object();
    if (!json) {
        return NULL;
    }
    if (decided) {
        put_decision(json, &subject->charge, linked);
    } else {
        put_no_decision(json, subject);
    }
    return json;
}

static json_t *member_ids(const struct bb_charge *charge)
{
    json_t *list = json_array();
    for (uint16_t i = 0; i < charge->members_count; i++) {
        (void)json_array_append_new(list, json_string(charge->members[i].id));
    }
    return list;
}

/* The reader's value where there is one, else the decision's. */
static void put_first(json_t *json, const char *name, const json_t *reader, const json_t *decision)
{
    json_t *value = json_object_get(reader, name);
    value = value ? value : json_object_get(decision, name);
    if (value) {
        (void)json_object_set(json, name, value);
    }
}

json_t *bb_mqtt_info(const struct bb_mqtt_subject *subject)
{
    static const char *const names[] = {"serial_number", "hardware_version", "production",
                                        "custom_field",  "cell_count",       "capacity"};
    json_t *json = json_object();
    if (!json) {
        return NULL;
    }
    const struct bb_charge *charge = &subject->charge;
    const struct bb_device *device = &subject->battery.device;
    put_text(json, "id", subject->id);
    put_text(json, "kind", charge->kind);
    put_text(json, "name", *charge->name != '\0' ? charge->name : device->name);
    put_text(json, "type", device->driver);
    put_text(json, "connection", device->connection);
    put_text(json, "address", device->address);
    json_t *reader = reader_fields(subject);
    json_t *decision = bb_json_from(bb_message_schema(BB_TOPIC_CHARGE), charge);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        put_first(json, names[i], reader, decision);
    }
    json_decref(reader);
    json_decref(decision);
    if (charge->members_count > 0) {
        put(json, "members", member_ids(charge));
    }
    return json;
}

char *bb_mqtt_text(json_t *json)
{
    char *text = json ? json_dumps(json, FORMAT) : NULL;
    json_decref(json);
    return text;
}
