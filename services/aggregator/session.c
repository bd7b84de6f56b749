#include "services/aggregator/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/deadlines.h"

#define LINE_MAX_BYTES 256

/* What was published and said about something last. */
struct said {
    bool published;
    struct bb_charge charge;
    enum bb_link_state link;
    uint32_t warnings;
};

struct bank {
    struct bb_bank_config config;
    struct bb_bank_state state;
    struct said said;
    uint32_t troubles[BB_MEMBERS_MAX];
    bool crowded_said;
};

struct bb_session {
    const struct bb_config *config;
    struct bb_session_output output;
    bool quarantine;
    bool full_said, reserved_said;
    struct bb_roster roster;
    struct said said[BB_BATTERIES_MAX]; /* as the roster's entries */
    size_t bank_count;
    struct bank banks[BB_BANKS_MAX];
};

static void say(struct bb_session *session, enum bb_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct bb_session *session, enum bb_log_level level, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    session->output.log(session->output.arg, level, line);
}

static struct bb_roster_entry *add_battery(struct bb_session *session, const char *id)
{
    struct bb_roster_entry *entry = bb_roster_add(&session->roster, id);
    if (entry) {
        bb_charge_config_read(session->config, id, &entry->config);
        bb_decision_init(&entry->state, &entry->config);
        entry->state.quarantine_ms = session->quarantine ? BB_SETTLE_MS : 0;
    }
    return entry;
}

static bool is_in(char (*ids)[BB_ID_MAX], size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(ids[i], id) == 0) {
            return true;
        }
    }
    return false;
}

/* A remembered battery that no bank wants any more is forgotten until it is heard again. */
static bool is_wanted(struct bb_session *session, const char *id)
{
    for (size_t i = 0; i < session->bank_count; i++) {
        struct bb_bank_config *bank = &session->banks[i].config;
        bool member = !bank->listed || is_in(bank->members, bank->member_count, id);
        if (member && !is_in(bank->ignored, bank->ignored_count, id)) {
            return true;
        }
    }
    return false;
}

static void restore(struct bb_session *session, const struct bb_saved *saved, bool recent)
{
    for (size_t i = 0; i < saved->battery_count; i++) {
        const struct bb_decision_record *record = &saved->batteries[i];
        if (!is_wanted(session, record->id) || bb_roster_find(&session->roster, record->id)) {
            continue;
        }
        struct bb_roster_entry *entry = add_battery(session, record->id);
        if (entry) {
            int64_t quarantine_ms = entry->state.quarantine_ms;
            bb_decision_restore(&entry->state, &entry->config, record, recent);
            entry->state.quarantine_ms = quarantine_ms;
        }
    }
    for (size_t i = 0; i < session->bank_count; i++) {
        struct bank *bank = &session->banks[i];
        for (size_t k = 0; k < saved->bank_count; k++) {
            if (strcmp(saved->banks[k].id, bank->config.id) == 0) {
                bb_bank_restore(&bank->state, &bank->config, &saved->banks[k], recent);
            }
        }
    }
}

struct bb_session *bb_session_new(const struct bb_config *config, const struct bb_saved *saved,
                                  bool recent, bool quarantine, struct bb_session_output output)
{
    struct bb_session *session = calloc(1, sizeof *session);
    struct bb_bank_config *banks = calloc(BB_BANKS_MAX, sizeof *banks);
    if (!session || !banks) {
        free(session);
        free(banks);
        return NULL;
    }
    session->config = config;
    session->output = output;
    session->quarantine = quarantine;
    session->bank_count = bb_bank_config_read(config, banks);
    for (size_t i = 0; i < session->bank_count; i++) {
        session->banks[i].config = banks[i];
        bb_bank_init(&session->banks[i].state, &banks[i]);
    }
    free(banks);
    if (saved) {
        restore(session, saved, recent);
    }
    return session;
}

void bb_session_destroy(struct bb_session **session)
{
    if (*session) {
        bb_roster_destroy(&(*session)->roster);
        free(*session);
        *session = NULL;
    }
}

static bool is_bank(const struct bb_session *session, const char *id)
{
    for (size_t i = 0; i < session->bank_count; i++) {
        if (strcmp(session->banks[i].config.id, id) == 0) {
            return true;
        }
    }
    return false;
}

/* The entry of a battery that is heard for the first time; says once why there can be none. */
static struct bb_roster_entry *welcome(struct bb_session *session, const char *id)
{
    if (is_bank(session, id)) {
        if (!session->reserved_said) {
            say(session, BB_LOG_WARNING, "battery '%s' has the id of a bank: not used", id);
            session->reserved_said = true;
        }
        return NULL;
    }
    struct bb_roster_entry *entry = add_battery(session, id);
    if (!entry && !session->full_said) {
        say(session, BB_LOG_WARNING,
            "battery '%s' is one too many (%d are handled), or its id is "
            "too long: not used",
            id, BB_BATTERIES_MAX);
        session->full_said = true;
    }
    return entry;
}

bool bb_session_take(struct bb_session *session, const char *id, const struct bb_head *head,
                     const struct bb_battery *battery, int64_t now_ms)
{
    struct bb_roster_entry *entry = bb_roster_find(&session->roster, id);
    entry = entry ? entry : welcome(session, id);
    if (!entry) {
        return false;
    }
    bool said_conflict = strcmp(entry->refused, head->source) == 0;
    bool said_clock = entry->wrong_clock;
    switch (bb_roster_take(entry, head, battery, now_ms)) {
    case BB_ROSTER_CONFLICT:
        if (!said_conflict) {
            say(session, BB_LOG_WARNING,
                "battery '%s' comes from %s and from %s: only the first "
                "is used",
                id, entry->source, head->source);
        }
        return false;
    case BB_ROSTER_OLD:
        return false;
    case BB_ROSTER_TAKEN:
        break;
    }
    if (entry->wrong_clock && !said_clock) {
        say(session, BB_LOG_WARNING, "battery '%s': %s sends times in the future", id,
            head->source);
    }
    return true;
}

static void announce_link(struct bb_session *session, const struct bb_roster_entry *entry,
                          struct said *said)
{
    enum bb_link_state now = entry->decision.link.state;
    if (now == said->link || now == BB_LINK_STALE) {
        return;
    }
    if (now == BB_LINK_LOST) {
        say(session, BB_LOG_WARNING, "%s: lost, nothing heard for %lld s: %s", entry->id,
            (long long)(entry->decision.link.age_ms / 1000),
            entry->decision.link.blocked ? "no charging, no discharging"
                                         : "its cells were harmless, its limits stay for a while");
    } else if (now == BB_LINK_ONLINE) {
        say(session, BB_LOG_NOTICE, "%s: heard", entry->id);
    }
    said->link = now;
}

static void announce_warnings(struct bb_session *session, const struct bb_roster_entry *entry,
                              struct said *said)
{
    uint32_t now = entry->decision.warnings;
    for (unsigned i = 0; i < BB_WARNINGS; i++) {
        uint32_t bit = (uint32_t)1 << i;
        if ((now & bit) != (said->warnings & bit)) {
            bool begins = (now & bit) != 0;
            say(session, begins ? BB_LOG_WARNING : BB_LOG_NOTICE, "%s: %s%s", entry->id,
                begins ? "" : "over: ", bb_warning_text((enum bb_warning)i));
        }
    }
    said->warnings = now;
}

static void hand_out(struct bb_session *session, const char *id, const struct bb_charge *charge,
                     struct said *said)
{
    const struct bb_schema *schema = bb_message_schema(BB_TOPIC_CHARGE);
    bool changed = !said->published || !bb_schema_equal(schema, &said->charge, charge);
    said->published = true;
    said->charge = *charge;
    session->output.charge(session->output.arg, id, charge, changed);
}

static void evaluate_batteries(struct bb_session *session, int64_t now_ms)
{
    for (size_t i = 0; i < session->roster.count; i++) {
        struct bb_roster_entry *entry = session->roster.entries[i];
        bb_decision_make(&entry->config, &entry->state, &entry->snapshot, now_ms, &entry->decision);
        announce_link(session, entry, &session->said[i]);
        announce_warnings(session, entry, &session->said[i]);
        if (entry->snapshot.seen || entry->decision.levels_known) {
            hand_out(session, entry->id, &entry->decision.charge, &session->said[i]);
        }
    }
}

static void announce_troubles(struct bb_session *session, struct bank *bank)
{
    for (size_t i = 0; bank->state.complete && i < bank->state.member_count; i++) {
        const struct bb_bank_member *member = &bank->state.members[i];
        for (unsigned t = 0; t < BB_TROUBLES; t++) {
            uint32_t bit = (uint32_t)1 << t;
            if ((member->troubles & bit) != (bank->troubles[i] & bit)) {
                bool begins = (member->troubles & bit) != 0;
                say(session, begins ? BB_LOG_WARNING : BB_LOG_NOTICE, "%s: %s%s %s",
                    bank->config.id, begins ? "" : "over: ", member->id,
                    bb_member_trouble_text((enum bb_member_trouble)t));
            }
        }
        bank->troubles[i] = member->troubles;
    }
    if (bank->state.crowded_out > 0 && !bank->crowded_said) {
        say(session, BB_LOG_WARNING, "%s: more than %d batteries; the rest is not part of it",
            bank->config.id, BB_MEMBERS_MAX);
        bank->crowded_said = true;
    }
}

void bb_session_evaluate(struct bb_session *session, int64_t now_ms)
{
    evaluate_batteries(session, now_ms);
    struct bb_bank_input inputs[BB_BATTERIES_MAX];
    for (size_t i = 0; i < session->roster.count; i++) {
        const struct bb_roster_entry *entry = session->roster.entries[i];
        inputs[i] = (struct bb_bank_input){.id = entry->id, .decision = &entry->decision};
    }
    for (size_t i = 0; i < session->bank_count; i++) {
        struct bank *bank = &session->banks[i];
        struct bb_charge charge;
        if (bb_bank_evaluate(&bank->config, &bank->state, inputs, session->roster.count, now_ms,
                             &charge)) {
            hand_out(session, bank->config.id, &charge, &bank->said);
        }
        announce_troubles(session, bank);
    }
}

void bb_session_save(const struct bb_session *session, struct bb_saved *ret_saved)
{
    ret_saved->battery_count = session->roster.count;
    for (size_t i = 0; i < session->roster.count; i++) {
        const struct bb_roster_entry *entry = session->roster.entries[i];
        bb_decision_record(&entry->state, entry->id, &ret_saved->batteries[i]);
    }
    ret_saved->bank_count = session->bank_count;
    for (size_t i = 0; i < session->bank_count; i++) {
        bb_bank_record(&session->banks[i].state, &session->banks[i].config, &ret_saved->banks[i]);
    }
}

struct bb_session_summary bb_session_summary(const struct bb_session *session)
{
    struct bb_session_summary summary = {.batteries = session->roster.count};
    for (size_t i = 0; i < session->roster.count; i++) {
        enum bb_link_state link = session->roster.entries[i]->decision.link.state;
        summary.heard += link == BB_LINK_ONLINE || link == BB_LINK_STALE ? 1 : 0;
    }
    summary.ccl = session->banks[0].said.charge.ccl.value;
    summary.dcl = session->banks[0].said.charge.dcl.value;
    return summary;
}

bool bb_session_save_due(const struct bb_saved *on_disk, const struct bb_saved *now,
                         int64_t saved_ms)
{
    switch (bb_saved_compare(on_disk, now)) {
    case BB_SAVED_IMPORTANT:
        return true;
    case BB_SAVED_CHANGED:
        return saved_ms >= BB_SAVE_CHANGED_MS;
    case BB_SAVED_SAME:
        break;
    }
    return saved_ms >= BB_SAVE_ANYWAY_MS;
}
