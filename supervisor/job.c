#include "supervisor/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/deadlines.h"

json_t *bb_job_error(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return json_pack("{s:b, s:s}", "ok", 0, "error", text);
}

static json_t *success(const char *format, ...) __attribute__((format(printf, 1, 2)));

static json_t *success(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return json_pack("{s:b, s:s}", "ok", 1, "text", text);
}

/* "bus, aggregator, serial-rack" */
static void list_names(const struct bb_children *children, char *ret_text, size_t capacity)
{
    size_t used = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < children->count && used < capacity; i++) {
        const struct bb_entry *entry = &children->entries[i];
        if (!entry->leaving) {
            int size = snprintf(ret_text + used, capacity - used, "%s%s", used > 0 ? ", " : "",
                                entry->child.instance.name);
            used += size > 0 ? (size_t)size : 0;
        }
    }
}

json_t *bb_job_begin(struct bb_children *children, const struct bb_request *request, int64_t now_ms,
                     struct bb_job *ret_job)
{
    struct bb_child *child = bb_children_find(children, request->name);
    if (!child) {
        char names[384];
        list_names(children, names, sizeof names);
        return bb_job_error("no process is called '%s'; there are %s", request->name, names);
    }
    struct bb_job job = {.verb = request->verb,
                         .generation = child->generation,
                         .deadline_ms = now_ms + BB_OUTCOME_MS};
    memcpy(job.name, child->instance.name, sizeof job.name);
    switch (request->verb) {
    case BB_VERB_START:
        bb_child_start(child);
        bb_child_release(child, now_ms); /* the owner's word goes before the start order */
        break;
    case BB_VERB_STOP:
        bb_child_stop(child, now_ms + BB_STOP_MS);
        break;
    case BB_VERB_RESTART:
        bb_child_restart(child, now_ms);
        break;
    case BB_VERB_STATUS:
    case BB_VERB_RELOAD:
        return bb_job_error("%s is about no single process", bb_verb_name(request->verb));
    }
    *ret_job = job;
    return NULL;
}

/* Start and restart: a process of its own that is ready, or the end of one that never was. */
static json_t *progress_of_start(const struct bb_child *child, const struct bb_job *job)
{
    const char *name = child->instance.name;
    bool fresh = job->verb == BB_VERB_START || child->generation != job->generation;
    if (!child->wanted) {
        return bb_job_error("%s: stopped again meanwhile", name);
    }
    if (!fresh) {
        return NULL;
    }
    if (child->state == BB_CHILD_RUNNING) {
        return success("%s: running, process %ld", name, (long)child->pid);
    }
    bool tried = child->generation != job->generation;
    if (tried && (child->state == BB_CHILD_WAITING || child->state == BB_CHILD_FAILED)) {
        return bb_job_error("%s: %s; goes on trying", name, child->reason);
    }
    return NULL;
}

static json_t *progress_of_reload(const struct bb_children *children, const struct bb_job *job)
{
    if (!bb_children_settled(children)) {
        return NULL;
    }
    size_t wanted;
    size_t running = bb_children_running(children, &wanted);
    const struct bb_changes *changes = &job->changes;
    return success("reloaded: %d kept, %d started, %d stopped, %d restarted; %zu of %zu running",
                   changes->kept, changes->started, changes->stopped, changes->restarted, running,
                   wanted);
}

json_t *bb_job_progress(struct bb_children *children, const struct bb_job *job, int64_t now_ms)
{
    if (children->ending_ms > 0) {
        return bb_job_error("busbar is stopping");
    }
    json_t *answer = NULL;
    if (job->verb == BB_VERB_RELOAD) {
        answer = progress_of_reload(children, job);
    } else {
        const struct bb_child *child = bb_children_find(children, job->name);
        if (!child) {
            return bb_job_error("%s: no longer configured", job->name);
        }
        if (job->verb != BB_VERB_STOP) {
            answer = progress_of_start(child, job);
        } else if (child->wanted) {
            return bb_job_error("%s: started again meanwhile", job->name);
        } else if (child->state == BB_CHILD_STOPPED) {
            answer = success("%s: stopped", job->name);
        }
    }
    if (!answer && now_ms >= job->deadline_ms) {
        return bb_job_error("%s: not done after %d ms; still trying",
                            job->name[0] ? job->name : "reload", BB_OUTCOME_MS);
    }
    return answer;
}
