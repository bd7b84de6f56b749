#include "supervisor/status.h"

#include <math.h>
#include <unistd.h>

static void set_text(json_t *object, const char *name, const char *text)
{
    if (text && *text != '\0') {
        (void)json_object_set_new(object, name, json_string(text));
    }
}

static void set_integer(json_t *object, const char *name, int64_t value)
{
    (void)json_object_set_new(object, name, json_integer(value));
}

/* One digit after the point: more would be noise. */
static void set_real(json_t *object, const char *name, double value)
{
    (void)json_object_set_new(object, name, json_real(round(value * 10.0) / 10.0));
}

static void set_usage(json_t *object, struct bb_entry *entry, int64_t now_ms)
{
    pid_t pid = entry->child.pid;
    struct bb_usage usage;
    if (bb_usage_read(pid, &usage) != BB_OK) {
        return;
    }
    bb_meter_sample(&entry->meter, pid, usage.cpu_ms, now_ms);
    double percent;
    if (bb_meter_percent(&entry->meter, pid, usage.cpu_ms, now_ms, &percent)) {
        set_real(object, "cpu_percent", percent);
    }
    set_integer(object, "rss_kb", usage.resident_kb);
    int64_t proportional_kb = bb_usage_proportional_kb(pid);
    if (proportional_kb >= 0) {
        set_integer(object, "pss_kb", proportional_kb);
    }
}

static void set_process(json_t *object, struct bb_entry *entry, int64_t now_ms)
{
    const struct bb_child *child = &entry->child;
    set_integer(object, "pid", child->pid);
    set_integer(object, "uptime_ms", now_ms - child->started_ms);
    set_text(object, "status", child->status);
    set_usage(object, entry, now_ms);
    double in;
    double out;
    if (bb_child_rates(child, &in, &out)) {
        set_real(object, "messages_in_per_s", in);
        set_real(object, "messages_out_per_s", out);
    }
}

static json_t *describe(struct bb_entry *entry, int64_t now_ms)
{
    const struct bb_child *child = &entry->child;
    json_t *object = json_object();
    set_text(object, "name", child->instance.name);
    set_text(object, "program", child->instance.program);
    set_text(object, "section", child->instance.section);
    set_text(object, "state", bb_child_state_name(child->state));
    set_integer(object, "restarts", child->restarts);
    set_text(object, "reason", child->reason);
    if (child->pid > 0) {
        set_process(object, entry, now_ms);
    } else if (child->wanted && !child->queued) {
        set_integer(object, "next_start_ms", child->due_ms > now_ms ? child->due_ms - now_ms : 0);
    }
    return object;
}

json_t *bb_status_json(const struct bb_status_source *source, int64_t now_ms)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "ok", json_true());
    set_text(object, "version", BUSBAR_VERSION);
    set_integer(object, "pid", getpid());
    set_integer(object, "uptime_ms", now_ms - source->started_ms);
    set_text(object, "run_dir", source->settings->run_dir);
    set_text(object, "state_dir", source->state_dir);
    set_text(object, "config", source->settings->source);
    set_text(object, "reload_error", source->reload_error);
    json_t *processes = json_array();
    for (size_t i = 0; i < source->children->count; i++) {
        (void)json_array_append_new(processes, describe(&source->children->entries[i], now_ms));
    }
    (void)json_object_set_new(object, "processes", processes);
    return object;
}
