#include "services/aggregator/bank.h"

#include <math.h>
#include <string.h>

#include "proto/deadlines.h"
#include "services/aggregator/bank_view.h"
#include "services/aggregator/text.h"

#define NOMINAL_SPREAD 0.02 /* of the full voltages of batteries in parallel */

static bool is_ignored(const struct bb_bank_config *config, const char *id)
{
    for (size_t i = 0; i < config->ignored_count; i++) {
        if (strcmp(config->ignored[i], id) == 0) {
            return true;
        }
    }
    return false;
}

static struct bb_bank_member *find_member(struct bb_bank_state *state, const char *id)
{
    for (size_t i = 0; i < state->member_count; i++) {
        if (strcmp(state->members[i].id, id) == 0) {
            return &state->members[i];
        }
    }
    return NULL;
}

/* Adds a member unless it is one, is ignored, or there is no room. */
static bool add_member(struct bb_bank_state *state, const struct bb_bank_config *config,
                       const char *id)
{
    if (id[0] == '\0' || is_ignored(config, id) || find_member(state, id)) {
        return false;
    }
    if (state->member_count == BB_MEMBERS_MAX) {
        state->crowded_out++;
        return false;
    }
    struct bb_bank_member *member = &state->members[state->member_count++];
    *member =
        (struct bb_bank_member){.overload_ms = {-1, -1}, .mismatch_ms = -1, .excluded_ms = -1};
    bb_text_append(member->id, sizeof member->id, id);
    return true;
}

void bb_bank_init(struct bb_bank_state *state, const struct bb_bank_config *config)
{
    *state = (struct bb_bank_state){.mode = BB_MODE_BULK};
    for (size_t i = 0; i < config->member_count; i++) {
        (void)add_member(state, config, config->members[i]);
    }
}

void bb_bank_restore(struct bb_bank_state *state, const struct bb_bank_config *config,
                     const struct bb_bank_record *record, bool recent)
{
    bb_bank_init(state, config);
    for (size_t i = 0; !config->listed && i < record->member_count; i++) {
        (void)add_member(state, config, record->members[i]);
    }
    state->floating = record->floating;
    if (!recent) {
        return;
    }
    if (record->control_v.present) {
        state->ceiling = (struct bb_ceiling){
            .known = true, .volts = record->control_v.value, .limited = record->limited};
        state->transition_v = record->control_v.value;
        state->mode = record->floating ? BB_MODE_FLOAT_TRANSITION : BB_MODE_BULK;
    }
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        if (record->limit_a[i].present) {
            bb_limit_restore(&state->limit[i], record->limit_a[i].value);
        }
    }
}

void bb_bank_record(const struct bb_bank_state *state, const struct bb_bank_config *config,
                    struct bb_bank_record *ret_record)
{
    struct bb_bank_record record = {.member_count = state->member_count,
                                    .floating = state->floating,
                                    .limited = state->ceiling.limited};
    bb_text_append(record.id, sizeof record.id, config->id);
    for (size_t i = 0; i < state->member_count; i++) {
        bb_text_append(record.members[i], sizeof record.members[i], state->members[i].id);
    }
    if (state->ceiling.known) {
        record.control_v = bb_real(state->ceiling.volts);
    }
    for (unsigned i = 0; i < BB_DIRECTIONS; i++) {
        if (state->limit[i].known) {
            record.limit_a[i] = bb_real(state->limit[i].amps);
            record.held[i] = state->held[i];
        }
    }
    *ret_record = record;
}

static const struct bb_decision *find_decision(const struct bb_bank_input *inputs, size_t count,
                                               const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(inputs[i].id, id) == 0) {
            return inputs[i].decision;
        }
    }
    return NULL;
}

static bool is_present(const struct bb_decision *decision)
{
    return decision &&
           (decision->link.state == BB_LINK_ONLINE || decision->link.state == BB_LINK_STALE);
}

static void learn_members(const struct bb_bank_config *config, struct bb_bank_state *state,
                          const struct bb_bank_input *inputs, size_t count)
{
    state->crowded_out = 0;
    for (size_t i = 0; !config->listed && i < count; i++) {
        if (is_present(inputs[i].decision) && add_member(state, config, inputs[i].id)) {
            state->changed_ms = 0;
            for (unsigned d = 0; d < BB_DIRECTIONS; d++) {
                state->limit_at_change[d] = state->limit[d].amps;
            }
        }
    }
}

static void look_at(struct bb_bank_item *item, struct bb_bank_member *member,
                    const struct bb_decision *decision)
{
    bool named = decision && decision->charge.name[0] != '\0';
    *item = (struct bb_bank_item){.member = member,
                                  .decision = decision,
                                  .name = named ? decision->charge.name : member->id,
                                  .present = is_present(decision)};
    item->online = item->present && decision->link.state == BB_LINK_ONLINE;
    for (unsigned d = 0; d < BB_DIRECTIONS; d++) {
        item->in[d] = !decision || decision->connected[d];
        item->limit[d] = decision ? decision->limit_a[d] : 0.0;
    }
    member->seen = member->seen || item->present;
}

/* Batteries of different nominal voltage must never have been connected: the bank stops. */
static void check_nominal_voltage(struct bb_bank_view *view)
{
    double lowest = INFINITY;
    double highest = 0.0;
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        if (item->decision && item->decision->levels_known && bb_bank_connected(item)) {
            lowest = fmin(lowest, item->decision->levels.max_v);
            highest = fmax(highest, item->decision->levels.max_v);
        }
    }
    bool unequal = highest > 0.0 && highest - lowest > NOMINAL_SPREAD * highest;
    for (size_t i = 0; i < view->count; i++) {
        bb_bank_trouble(&view->items[i], BB_TROUBLE_NOMINAL, unequal);
    }
}

void bb_bank_trouble(struct bb_bank_item *item, enum bb_member_trouble trouble, bool set)
{
    uint32_t bit = (uint32_t)1 << trouble;
    if (set) {
        item->member->troubles |= bit;
    } else {
        item->member->troubles &= ~bit;
    }
}

static void look_at_members(struct bb_bank_view *view, const struct bb_bank_input *inputs,
                            size_t count)
{
    struct bb_bank_state *state = view->state;
    bool all_seen = state->member_count > 0;
    view->count = state->member_count;
    for (size_t i = 0; i < view->count; i++) {
        struct bb_bank_item *item = &view->items[i];
        struct bb_bank_member *member = &state->members[i];
        look_at(item, member, find_decision(inputs, count, member->id));
        all_seen = all_seen && member->seen;
        bb_bank_trouble(item, BB_TROUBLE_MISSING, !item->present);
        bb_bank_trouble(item, BB_TROUBLE_ISOLATED, item->present && !bb_bank_connected(item));
    }
    bool waited = state->age_ms >= BB_START_MS && state->member_count > 0;
    state->complete = state->complete || all_seen || waited;
    check_nominal_voltage(view);
}

static bool any_levels_known(const struct bb_bank_view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        if (view->items[i].decision && view->items[i].decision->levels_known) {
            return true;
        }
    }
    return false;
}

/* What the next evaluation compares with. */
static void remember(struct bb_bank_view *view)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct bb_bank_item *item = &view->items[i];
        item->member->assessed = true;
        item->member->was_present = item->present;
        for (unsigned d = 0; d < BB_DIRECTIONS; d++) {
            item->member->was_connected[d] = item->in[d];
        }
    }
}

bool bb_bank_evaluate(const struct bb_bank_config *config, struct bb_bank_state *state,
                      const struct bb_bank_input *inputs, size_t count, int64_t now_ms,
                      struct bb_charge *ret_charge)
{
    int64_t step_ms = state->stepped && now_ms > state->last_ms ? now_ms - state->last_ms : 0;
    step_ms = step_ms < BB_STEP_MAX_MS ? step_ms : BB_STEP_MAX_MS;
    state->stepped = true;
    state->last_ms = now_ms;
    state->age_ms += step_ms;
    state->changed_ms += step_ms;
    learn_members(config, state, inputs, count);
    struct bb_bank_view view = {.config = config, .state = state, .step_ms = step_ms};
    look_at_members(&view, inputs, count);
    if (!any_levels_known(&view)) {
        return false;
    }
    struct bb_charge charge = {0};
    bb_text_append(charge.kind, sizeof charge.kind, "bank");
    bb_text_append(charge.name, sizeof charge.name, config->name);
    bb_bank_values(&view, &charge);
    bb_bank_voltage(&view, &charge);
    bb_bank_current(&view, &charge);
    remember(&view);
    *ret_charge = charge;
    return true;
}

const char *bb_member_trouble_text(enum bb_member_trouble trouble)
{
    switch (trouble) {
    case BB_TROUBLE_MISSING:
        return "is missing";
    case BB_TROUBLE_ISOLATED:
        return "has switched itself off (both switches open)";
    case BB_TROUBLE_MISMATCH:
        return "has another voltage than the bank: wiring, fuse, contactor or calibration";
    case BB_TROUBLE_EXCLUDED:
        return "has a voltage so far from the bank's that the bank stops";
    case BB_TROUBLE_OVERLOAD:
        return "takes more current than its limit: the bank's limit is reduced";
    case BB_TROUBLE_REJOINED:
        return "was switched in at another voltage: the bank waits for the equalising current";
    case BB_TROUBLE_NOMINAL:
        return "and others of the bank have different nominal voltages: the bank stops";
    case BB_TROUBLES:
        break;
    }
    return "";
}
