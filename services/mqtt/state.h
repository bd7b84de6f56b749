/* What MQTT says about one battery or bank: state, info and availability.
 *
 * The state is the generic MQTT battery document (the reader's fields without `device`) plus the
 * fields of charge/<id>; where both have a field, the decision's counts, as on every other
 * publisher, and the BMS's own state of charge stays readable as `soc_bms`.
 *
 * A battery without a fresh decision, or one the decision calls lost or never seen, is not
 * available. Without a decision its limits are zero; when it is lost it has no measurements, so
 * that nobody who reads the document can take old values for new ones.
 */
#ifndef BUSBAR_MQTT_STATE_H
#define BUSBAR_MQTT_STATE_H

#include <jansson.h>

#include "proto/message/message.h"

#define BB_NEVER_MS INT64_MAX

/* What is known of one battery; zeroed: nothing. */
struct bb_mqtt_subject {
    char id[BB_TOPIC_MAX];
    bool has_battery, has_charge;
    int64_t battery_ms, battery_interval_ms; /* of the reading */
    int64_t charge_ms;                       /* of the decision */
    struct bb_battery battery;
    struct bb_charge charge;
};

/* Takes a battery/ or charge/ message in. A fact from the future counts from now_ms. Returns
 * true when it must not wait: alarms, link, allowances or a limit from or to zero changed. */
bool bb_mqtt_subject_update(struct bb_mqtt_subject *subject, const struct bb_message *message,
                            int64_t now_ms);

/* When the passing of time alone changes what is said: the decision or the reading expires.
 * BB_NEVER_MS when nothing is left to expire. */
int64_t bb_mqtt_subject_expiry(const struct bb_mqtt_subject *subject, int64_t now_ms);

bool bb_mqtt_subject_is_available(const struct bb_mqtt_subject *subject, int64_t now_ms);

/* The documents; the caller owns the reference. NULL when out of memory. */
json_t *bb_mqtt_state(const struct bb_mqtt_subject *subject, int64_t now_ms);
json_t *bb_mqtt_info(const struct bb_mqtt_subject *subject);

/* Text of a document as published; the caller frees it. Takes over the reference. */
char *bb_mqtt_text(json_t *json);

#endif
