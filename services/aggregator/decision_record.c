/* What of a decision survives a restart, and how it goes on from there. */
#include <string.h>

#include "services/aggregator/decision.h"
#include "services/aggregator/text.h"

static void restore_reading(struct bb_reading *reading, const struct bb_real *value)
{
    if (value->present) {
        *reading =
            (struct bb_reading){.known = true, .value = value->value, .at_ms = BB_LONG_AGO_MS};
    }
}

static void restore_validity(struct bb_validity *validity, const struct bb_decision_record *record)
{
    validity->cell_count = record->cell_count;
    for (unsigned i = 0; i < BB_SENSORS; i++) {
        restore_reading(&validity->temperature[i], &record->temperature[i]);
    }
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        restore_reading(&validity->fet[i], &record->fet[i]);
        restore_reading(&validity->bms_limit[i], &record->bms_limit[i]);
    }
    restore_reading(&validity->mosfet, &record->mosfet);
    restore_reading(&validity->soc, &record->soc);
    restore_reading(&validity->capacity, &record->capacity);
    restore_reading(&validity->most_v, &record->most_v);
}

/* A battery that was full goes on in float whatever the record's age: bulk would be the higher
 * voltage. Absorption and reductions only mean something for a while. */
static void restore_voltage(struct bb_cvl *cvl, const struct bb_decision_record *record,
                            bool recent)
{
    if (cvl->mode == BB_MODE_FIXED) {
        cvl->ceiling.known = recent && record->limited && record->control_v.present;
    } else {
        cvl->floating = record->floating;
        cvl->full_at_low_soc = record->full_at_low_soc;
        cvl->gave_up = record->gave_up;
        cvl->gave_up_ms = record->gave_up_ms;
        cvl->absorbing = recent && record->absorbing && !record->floating;
        cvl->absorbed_ms = cvl->absorbing ? record->absorbed_ms : 0;
        cvl->full_ms = recent ? record->full_ms : 0;
        cvl->ceiling.known =
            recent && record->control_v.present && (record->limited || record->floating);
    }
    if (!cvl->ceiling.known) {
        return;
    }
    cvl->ceiling.volts = record->control_v.value;
    cvl->ceiling.limited = record->limited;
    if (cvl->floating) {
        cvl->mode = BB_MODE_FLOAT_TRANSITION;
        cvl->transition_from_v = record->control_v.value;
    }
}

void bb_decision_restore(struct bb_decision_state *state, const struct bb_charge_config *config,
                         const struct bb_decision_record *record, bool recent)
{
    bb_decision_init(state, config);
    restore_validity(&state->validity, record);
    restore_voltage(&state->cvl, record, recent);
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        if (recent && record->limit_a[i].present) {
            bb_limit_restore(&state->limit[i], record->limit_a[i].value);
        }
    }
}

static struct bb_real known_value(const struct bb_reading *reading)
{
    return reading->known ? bb_real(reading->value) : (struct bb_real){0};
}

void bb_decision_record(const struct bb_decision_state *state, const char *id,
                        struct bb_decision_record *ret_record)
{
    const struct bb_validity *validity = &state->validity;
    const struct bb_cvl *cvl = &state->cvl;
    struct bb_decision_record record = {.cell_count = validity->cell_count,
                                        .floating = cvl->floating,
                                        .absorbing = cvl->absorbing,
                                        .full_at_low_soc = cvl->full_at_low_soc,
                                        .gave_up = cvl->gave_up,
                                        .limited = cvl->ceiling.limited,
                                        .absorbed_ms = cvl->absorbed_ms,
                                        .full_ms = cvl->full_ms,
                                        .gave_up_ms = cvl->gave_up_ms,
                                        .mosfet = known_value(&validity->mosfet),
                                        .soc = known_value(&validity->soc),
                                        .capacity = known_value(&validity->capacity),
                                        .most_v = known_value(&validity->most_v)};
    bb_text_append(record.id, sizeof record.id, id);
    if (cvl->ceiling.known) {
        record.control_v = bb_real(cvl->ceiling.volts);
    }
    for (unsigned i = 0; i < BB_SENSORS; i++) {
        record.temperature[i] = known_value(&validity->temperature[i]);
    }
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        record.fet[i] = known_value(&validity->fet[i]);
        record.bms_limit[i] = known_value(&validity->bms_limit[i]);
        if (state->limit[i].known) {
            record.limit_a[i] = bb_real(state->limit[i].amps);
            record.held[i] = state->limit_step[i] != BB_LIMIT_AT_TARGET;
        }
    }
    *ret_record = record;
}
