#include "services/tap/line.h"

#include <stdio.h>
#include <string.h>

#include "proto/deadlines.h"
#include "services/tap/text.h"

#define COLOUR_WARNING "\033[33m"
#define COLOUR_ALARM "\033[31m"
#define COLOUR_TOPIC "\033[36m"
#define COLOUR_END "\033[0m"
#define MS_PER_S 1000

struct line {
    struct bb_text text;
    bool colour;
};

static void add_text(struct line *line, const char *text)
{
    bb_text_add_foreign(&line->text, text, strlen(text));
}

static void add_coloured(struct line *line, const char *colour, const char *text)
{
    bool coloured = line->colour && colour;
    bb_text_add(&line->text, "%s", coloured ? colour : "");
    add_text(line, text);
    bb_text_add(&line->text, "%s", coloured ? COLOUR_END : "");
}

static void start(struct line *line, const char *topic, size_t topic_size,
                  const struct bb_line_style *style, char *buffer, size_t capacity)
{
    *line = (struct line){.text = bb_text_in(buffer, capacity), .colour = style->colour};
    bb_text_add(&line->text, "%s", style->colour ? COLOUR_TOPIC : "");
    bb_text_add_foreign(&line->text, topic, topic_size);
    bb_text_add(&line->text, "%s", style->colour ? COLOUR_END : "");
    int missing = style->topic_width - (int)topic_size;
    bb_text_add(&line->text, "%*s", missing > 0 ? missing : 0, "");
}

/* A number in a column of its own; "-" when absent. */
static void add_real(struct line *line, int width, int decimals, const struct bb_real *real,
                     const char *unit)
{
    if (real->present) {
        bb_text_add(&line->text, "  %*.*f %s", width, decimals, real->value, unit);
    } else {
        bb_text_add(&line->text, "  %*s %s", width, "-", unit);
    }
}

static void add_current(struct line *line, const struct bb_real *current)
{
    if (current->present) {
        bb_text_add(&line->text, "  %+8.2f A", current->value);
    } else {
        bb_text_add(&line->text, "  %8s A", "-");
    }
}

static void add_integer(struct line *line, const char *name, const struct bb_integer *integer)
{
    if (integer->present) {
        bb_text_add(&line->text, "  %s %lld", name, (long long)integer->value);
    }
}

/* Counters of trouble are shown when there was some. */
static void add_trouble(struct line *line, const char *name, const struct bb_integer *counter)
{
    if (counter->present && counter->value > 0) {
        char text[64];
        (void)snprintf(text, sizeof text, "  %s %lld", name, (long long)counter->value);
        add_coloured(line, COLOUR_WARNING, text);
    }
}

static void add_duration(struct line *line, int64_t ms)
{
    int64_t s = ms / MS_PER_S;
    if (s < 1000) {
        bb_text_add(&line->text, "%7.1f s", (double)ms / MS_PER_S);
    } else if (s < 600 * 60) {
        bb_text_add(&line->text, "%5lld min", (long long)(s / 60));
    } else {
        bb_text_add(&line->text, "%7lld h", (long long)(s / 3600));
    }
}

static void add_age(struct line *line, int64_t age_ms, int64_t interval_ms)
{
    const char *colour = NULL;
    if (interval_ms > 0 && age_ms >= bb_stale_after_ms(interval_ms)) {
        colour = age_ms >= bb_lost_after_ms(interval_ms) ? COLOUR_ALARM : COLOUR_WARNING;
    }
    bool coloured = line->colour && colour;
    bb_text_add(&line->text, "%s", coloured ? colour : "");
    if (age_ms < 0) {
        bb_text_add(&line->text, "    ahead");
    } else {
        add_duration(line, age_ms);
    }
    bb_text_add(&line->text, "%s", coloured ? COLOUR_END : "");
}

/* "  alarms: high_voltage 2, low_soc 1"; nothing when all are 0 or absent. */
static void add_alarms(struct line *line, const char *name, const struct bb_protection *alarms)
{
    bool first = true;
    for (size_t i = 0; i < bb_protection_schema.field_count; i++) {
        const struct bb_field *field = &bb_protection_schema.fields[i];
        const struct bb_integer *alarm = bb_field_member(field, alarms);
        if (!alarm->present || alarm->value == 0) {
            continue;
        }
        char text[64];
        (void)snprintf(text, sizeof text, "%s %lld", field->name, (long long)alarm->value);
        bb_text_add(&line->text, first ? "  %s: " : ", ", name);
        add_coloured(line, alarm->value > 1 ? COLOUR_ALARM : COLOUR_WARNING, text);
        first = false;
    }
}

static void add_cells(struct line *line, const struct bb_battery *battery)
{
    const struct bb_cell *lowest = NULL;
    const struct bb_cell *highest = NULL;
    int balancing = 0;
    for (uint16_t i = 0; i < battery->cells_count; i++) {
        const struct bb_cell *cell = &battery->cells[i];
        balancing += cell->balance.present && cell->balance.value ? 1 : 0;
        if (!cell->voltage.present) {
            continue;
        }
        lowest = !lowest || cell->voltage.value < lowest->voltage.value ? cell : lowest;
        highest = !highest || cell->voltage.value > highest->voltage.value ? cell : highest;
    }
    if (lowest) {
        bb_text_add(&line->text, "  cells %.3f..%.3f V (C%d..C%d of %d)", lowest->voltage.value,
                    highest->voltage.value, (int)(lowest - battery->cells) + 1,
                    (int)(highest - battery->cells) + 1, battery->cells_count);
    }
    if (balancing > 0) {
        bb_text_add(&line->text, "  balancing %d", balancing);
    }
}

static void add_temperatures(struct line *line, const struct bb_battery *battery)
{
    const struct bb_real *const sensors[] = {&battery->temperature_1, &battery->temperature_2,
                                             &battery->temperature_3, &battery->temperature_4};
    const struct bb_real *lowest = NULL;
    const struct bb_real *highest = NULL;
    for (size_t i = 0; i < sizeof sensors / sizeof sensors[0]; i++) {
        if (sensors[i]->present) {
            lowest = !lowest || sensors[i]->value < lowest->value ? sensors[i] : lowest;
            highest = !highest || sensors[i]->value > highest->value ? sensors[i] : highest;
        }
    }
    if (lowest) {
        bb_text_add(&line->text, "  T %.1f..%.1f °C", lowest->value, highest->value);
    }
    if (battery->temperature_mos.present) {
        bb_text_add(&line->text, "  MOS %.1f °C", battery->temperature_mos.value);
    }
}

/* "C+" switched on, "C-" switched off, nothing when unknown. */
static void add_switch(struct line *line, const char *name, const struct bb_flag *flag)
{
    if (flag->present) {
        bb_text_add(&line->text, " %s%c", name, flag->value ? '+' : '-');
    }
}

static void add_battery(struct line *line, const struct bb_battery *battery)
{
    add_real(line, 7, 3, &battery->voltage, "V");
    add_current(line, &battery->current);
    add_real(line, 5, 1, &battery->soc, "%");
    add_cells(line, battery);
    add_temperatures(line, battery);
    if (battery->charge_fet.present || battery->discharge_fet.present ||
        battery->balance_fet.present || battery->heater_fet.present) {
        bb_text_add(&line->text, "  FET");
        add_switch(line, "C", &battery->charge_fet);
        add_switch(line, "D", &battery->discharge_fet);
        add_switch(line, "B", &battery->balance_fet);
        add_switch(line, "H", &battery->heater_fet);
    }
    add_alarms(line, "protection", &battery->protection);
}

static void add_limit(struct line *line, const char *name, const struct bb_real *limit,
                      const char *unit, const char *reason)
{
    bb_text_add(&line->text, "  %s", name);
    if (limit->present) {
        bb_text_add(&line->text, " %.2f %s", limit->value, unit);
    } else {
        add_coloured(line, COLOUR_ALARM, " missing");
    }
    if (*reason != '\0') {
        bb_text_add(&line->text, " (");
        add_text(line, reason);
        bb_text_add(&line->text, ")");
    }
}

static void add_link_word(struct line *line, const char *word)
{
    const char *colour = NULL;
    if (strcmp(word, "stale") == 0 || strcmp(word, "searching") == 0) {
        colour = COLOUR_WARNING;
    } else if (strcmp(word, "online") != 0) {
        colour = COLOUR_ALARM;
    }
    bb_text_add(&line->text, "  ");
    add_coloured(line, colour, *word != '\0' ? word : "no link");
}

static void add_charge(struct line *line, const struct bb_charge *charge)
{
    add_real(line, 7, 3, &charge->voltage, "V");
    add_current(line, &charge->current);
    add_real(line, 5, 1, &charge->soc, "%");
    add_link_word(line, charge->link);
    add_limit(line, "CVL", &charge->cvl, "V", charge->cvl_reason);
    add_limit(line, "CCL", &charge->ccl, "A", charge->ccl_reason);
    add_limit(line, "DCL", &charge->dcl, "A", charge->dcl_reason);
    bb_text_add(&line->text, "  ");
    add_text(line, charge->mode);
    if (charge->modules_online.present && strcmp(charge->kind, "bank") == 0) {
        add_integer(line, "modules", &charge->modules_online);
        add_trouble(line, "offline", &charge->modules_offline);
    }
    add_trouble(line, "cable alarm", &charge->bms_cable);
    add_alarms(line, "alarms", &charge->alarms);
}

static void add_link(struct line *line, const struct bb_link *link)
{
    add_link_word(line, link->state);
    bb_text_add(&line->text, "  ");
    add_text(line, link->driver);
    bb_text_add(&line->text, " ");
    add_text(line, link->address);
    if (*link->battery != '\0') {
        bb_text_add(&line->text, "  -> ");
        add_text(line, link->battery);
    }
    add_integer(line, "requests", &link->requests);
    add_integer(line, "replies", &link->replies);
    add_integer(line, "period", &link->period_ms);
    bb_text_add(&line->text, "%s", link->period_ms.present ? " ms" : "");
    add_trouble(line, "timeouts", &link->timeouts);
    add_trouble(line, "checksum", &link->checksum_errors);
    add_trouble(line, "garbage", &link->garbage_bytes);
    add_trouble(line, "foreign", &link->foreign_frames);
    add_trouble(line, "rejected", &link->rejected_values);
    add_trouble(line, "reconnects", &link->reconnects);
    if (*link->last_error != '\0') {
        bb_text_add(&line->text, "  last: ");
        add_text(line, link->last_error);
    }
}

static void add_health(struct line *line, const struct bb_health *health)
{
    add_integer(line, "pid", &health->pid);
    if (health->uptime_ms.present) {
        bb_text_add(&line->text, "  up");
        add_duration(line, health->uptime_ms.value);
    }
    if (health->cpu_ms.present) {
        bb_text_add(&line->text, "  cpu %.1f s", (double)health->cpu_ms.value / MS_PER_S);
    }
    if (health->memory_kb.present) {
        bb_text_add(&line->text, "  %.1f MB", (double)health->memory_kb.value / 1024);
    }
    add_integer(line, "in", &health->messages_in);
    add_integer(line, "out", &health->messages_out);
    add_integer(line, "topics", &health->topics);
    add_trouble(line, "refused", &health->messages_refused);
    bb_text_add(&line->text, "  ");
    add_text(line, health->status);
}

static void add_verb(struct line *line, const char *verb, const struct bb_real *value,
                     const char *correlation)
{
    bb_text_add(&line->text, "  ");
    add_text(line, verb);
    if (value->present) {
        bb_text_add(&line->text, " %g", value->value);
    }
    bb_text_add(&line->text, "  #");
    add_text(line, correlation);
}

static void add_command(struct line *line, const struct bb_command *command)
{
    add_verb(line, command->verb, &command->value, command->correlation);
    if (*command->origin != '\0') {
        bb_text_add(&line->text, "  from ");
        add_text(line, command->origin);
    }
}

static void add_reply(struct line *line, const struct bb_reply *reply)
{
    bool done = reply->done.present && reply->done.value;
    add_verb(line, reply->verb, &reply->value, reply->correlation);
    bb_text_add(&line->text, "  ");
    add_coloured(line, done ? NULL : COLOUR_ALARM, done ? "done" : "refused");
    if (*reply->reason != '\0') {
        bb_text_add(&line->text, ": ");
        add_text(line, reply->reason);
    }
}

static void add_log(struct line *line, const struct bb_log_line *log)
{
    bb_text_add(&line->text, "  ");
    add_coloured(line, strcmp(log->level, "error") == 0 ? COLOUR_ALARM : COLOUR_WARNING,
                 log->level);
    bb_text_add(&line->text, ": ");
    add_text(line, log->text);
    if (log->repeated.present && log->repeated.value > 0) {
        bb_text_add(&line->text, " (%lld times before)", (long long)log->repeated.value);
    }
}

void bb_line_message(const struct bb_message *message, int64_t age_ms,
                     const struct bb_line_style *style, char *buffer, size_t capacity)
{
    struct line line;
    start(&line, message->topic, strlen(message->topic), style, buffer, capacity);
    add_age(&line, age_ms, message->head.interval_ms.present ? message->head.interval_ms.value : 0);
    switch (message->topic_class) {
    case BB_TOPIC_BATTERY:
        add_battery(&line, &message->body.battery);
        break;
    case BB_TOPIC_CHARGE:
        add_charge(&line, &message->body.charge);
        break;
    case BB_TOPIC_LINK:
        add_link(&line, &message->body.link);
        break;
    case BB_TOPIC_HEALTH:
        add_health(&line, &message->body.health);
        break;
    case BB_TOPIC_COMMAND:
        add_command(&line, &message->body.command);
        break;
    case BB_TOPIC_REPLY:
        add_reply(&line, &message->body.reply);
        break;
    case BB_TOPIC_LOG:
        add_log(&line, &message->body.log);
        break;
    case BB_TOPIC_CLASSES:
        break;
    }
}

void bb_line_refused(const char *topic, size_t topic_size, size_t body_size,
                     const struct bb_problem *problem, const struct bb_line_style *style,
                     char *buffer, size_t capacity)
{
    struct line line;
    start(&line, topic, topic_size, style, buffer, capacity);
    bb_text_add(&line.text, "  ");
    add_coloured(&line, COLOUR_ALARM, "not readable");
    bb_text_add(&line.text, ": ");
    add_text(&line, problem->where);
    bb_text_add(&line.text, ": ");
    add_text(&line, problem->what);
    bb_text_add(&line.text, " (%zu bytes)", body_size);
}

void bb_line_raw(const char *topic, size_t topic_size, const uint8_t *body, size_t body_size,
                 const struct bb_line_style *style, char *buffer, size_t capacity)
{
    struct line line;
    start(&line, topic, topic_size, style, buffer, capacity);
    bb_text_add(&line.text, "  [%zu] ", body_size);
    for (size_t i = 0; i < body_size; i++) {
        bb_text_add(&line.text, " %02x", body[i]);
    }
}
