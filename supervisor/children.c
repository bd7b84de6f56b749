#include "supervisor/children.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "proto/deadlines.h"

static struct bb_entry *find_entry(struct bb_children *children, const char *name)
{
    for (size_t i = 0; i < children->count; i++) {
        if (strcmp(children->entries[i].child.instance.name, name) == 0) {
            return &children->entries[i];
        }
    }
    return NULL;
}

struct bb_child *bb_children_find(struct bb_children *children, const char *name)
{
    struct bb_entry *entry = find_entry(children, name);
    return entry && !entry->leaving ? &entry->child : NULL;
}

/* --- Configuration --- */

/* Keeps the entries in start order, then in the order of the file. */
static void add_entry(struct bb_children *children, const struct bb_instance *instance)
{
    size_t place = children->count++;
    for (; place > 0 && children->entries[place - 1].child.instance.order > instance->order;
         place--) {
        children->entries[place] = children->entries[place - 1];
    }
    children->entries[place] = (struct bb_entry){0};
    bb_child_init(&children->entries[place].child, instance);
    bb_child_start(&children->entries[place].child);
}

static void apply_one(struct bb_children *children, const struct bb_instance *instance,
                      int64_t now_ms, struct bb_changes *changes)
{
    struct bb_entry *entry = find_entry(children, instance->name);
    if (!entry) {
        add_entry(children, instance);
        changes->started++;
        return;
    }
    struct bb_child *child = &entry->child;
    bool changed = child->instance.fingerprint != instance->fingerprint;
    child->instance = *instance;
    if (entry->leaving) { /* dropped and taken back before it had ended */
        entry->leaving = false;
        bb_child_restart(child, now_ms);
        changes->started++;
    } else if (changed && child->wanted) {
        bb_child_restart(child, now_ms);
        changes->restarted++;
    } else {
        changes->kept++;
    }
}

int bb_children_apply(struct bb_children *children, const struct bb_instance *instances,
                      size_t count, int64_t now_ms, struct bb_changes *ret_changes)
{
    struct bb_changes changes = {0};
    size_t added = 0;
    for (size_t i = 0; i < count; i++) {
        added += find_entry(children, instances[i].name) ? 0 : 1;
    }
    if (children->count + added > BB_ENTRIES_MAX) {
        return BB_ERR_BUSY;
    }
    for (size_t i = 0; i < children->count; i++) {
        struct bb_entry *entry = &children->entries[i];
        if (!entry->leaving && !bb_instance_find(instances, count, entry->child.instance.name)) {
            entry->leaving = true;
            bb_child_stop(&entry->child, now_ms + BB_STOP_MS);
            changes.stopped++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        apply_one(children, &instances[i], now_ms, &changes);
    }
    *ret_changes = changes;
    return BB_OK;
}

/* --- Acting --- */

/* To the whole process group: whatever it started ends with it. */
static void send_signal(const struct bb_child *child, int number)
{
    if (kill(-child->pid, number) != 0) {
        (void)kill(child->pid, number);
    }
}

static void spawn(struct bb_children *children, struct bb_child *child, int64_t now_ms)
{
    struct bb_problem problem;
    pid_t pid = bb_spawn(&children->spawn, &child->instance, &problem);
    if (pid > 0) {
        bb_child_spawned(child, pid, now_ms);
        (void)bb_log_write(children->log, BB_LOG_INFO, "%s: started, process %ld",
                           child->instance.name, (long)pid);
        return;
    }
    bb_child_not_spawned(child, problem.what, now_ms);
    (void)bb_log_write(children->log, BB_LOG_ERROR, "%s: %s", child->instance.name, problem.what);
}

static void act(struct bb_children *children, struct bb_child *child, int64_t now_ms)
{
    enum bb_act what;
    while ((what = bb_child_next(child, now_ms)) != BB_ACT_NONE) {
        switch (what) {
        case BB_ACT_SPAWN:
            spawn(children, child, now_ms);
            break;
        case BB_ACT_TERM:
            send_signal(child, SIGTERM);
            break;
        case BB_ACT_ABORT:
            (void)bb_log_write(children->log, BB_LOG_ERROR, "%s: hangs (%s), killing process %ld",
                               child->instance.name,
                               child->cause == BB_CAUSE_SILENT ? "silent" : "not ready",
                               (long)child->pid);
            send_signal(child, SIGABRT);
            break;
        case BB_ACT_KILL:
            send_signal(child, SIGKILL);
            break;
        case BB_ACT_NONE:
            break;
        }
    }
}

/* True while a process of a lower order is on its way and still has time for it. */
static bool is_held_back(const struct bb_children *children, const struct bb_child *child,
                         int64_t now_ms)
{
    for (size_t i = 0; i < children->count; i++) {
        const struct bb_child *other = &children->entries[i].child;
        if (other->instance.order < child->instance.order &&
            (other->queued || (other->state == BB_CHILD_STARTING &&
                               now_ms < other->started_ms + BB_START_ORDER_MS))) {
            return true;
        }
    }
    return false;
}

static void forget_left(struct bb_children *children)
{
    size_t kept = 0;
    for (size_t i = 0; i < children->count; i++) {
        const struct bb_entry *entry = &children->entries[i];
        if (!entry->leaving || entry->child.pid > 0) {
            children->entries[kept++] = *entry;
        }
    }
    children->count = kept;
}

static bool is_last_to_end(const struct bb_children *children, const struct bb_entry *entry)
{
    return entry->child.instance.order == children->entries[0].child.instance.order;
}

/* While everything ends: the bus goes when the others are gone, or when it is time. */
static void end_the_last(struct bb_children *children, int64_t now_ms)
{
    bool others = false;
    for (size_t i = 0; i < children->count; i++) {
        const struct bb_entry *entry = &children->entries[i];
        others = others || (entry->child.pid > 0 && !is_last_to_end(children, entry));
    }
    bool its_turn = !others || now_ms >= children->ending_ms + BB_STOP_BUS_MS;
    for (size_t i = 0; i < children->count; i++) {
        struct bb_child *child = &children->entries[i].child;
        if (child->wanted && (its_turn || child->pid == 0)) {
            bb_child_stop(child, children->ending_ms + BB_STOP_MS);
        }
    }
}

void bb_children_step(struct bb_children *children, int64_t now_ms)
{
    if (children->ending_ms > 0) {
        end_the_last(children, now_ms);
    }
    for (size_t i = 0; i < children->count; i++) {
        struct bb_child *child = &children->entries[i].child;
        if (child->queued && !is_held_back(children, child, now_ms)) {
            bb_child_release(child, now_ms);
        }
        act(children, child, now_ms);
    }
    forget_left(children);
}

/* The earlier of two times, the second one only if it is still to come. */
static int64_t earlier(int64_t a, int64_t b, int64_t now_ms)
{
    return b > now_ms && b < a ? b : a;
}

int64_t bb_children_due(const struct bb_children *children, int64_t now_ms)
{
    int64_t due_ms = children->sampled_ms + BB_METER_MS;
    for (size_t i = 0; i < children->count; i++) {
        const struct bb_child *child = &children->entries[i].child;
        due_ms = child->due_ms < due_ms ? child->due_ms : due_ms;
        if (child->state == BB_CHILD_STARTING) { /* others may wait for it */
            due_ms = earlier(due_ms, child->started_ms + BB_START_ORDER_MS, now_ms);
        }
    }
    if (children->ending_ms > 0) {
        due_ms = earlier(due_ms, children->ending_ms + BB_STOP_BUS_MS, now_ms);
    }
    return due_ms;
}

void bb_children_end(struct bb_children *children, int64_t now_ms)
{
    if (children->ending_ms > 0) {
        return;
    }
    children->ending_ms = now_ms;
    for (size_t i = 0; i < children->count; i++) {
        struct bb_entry *entry = &children->entries[i];
        if (entry->child.pid == 0 || !is_last_to_end(children, entry)) {
            bb_child_stop(&entry->child, now_ms + BB_STOP_MS);
        }
    }
}

/* --- What happened --- */

static struct bb_child *find_process(struct bb_children *children, pid_t pid)
{
    for (size_t i = 0; i < children->count; i++) {
        if (children->entries[i].child.pid == pid) {
            return &children->entries[i].child;
        }
    }
    return NULL;
}

static void say_end(const struct bb_children *children, const struct bb_child *child, pid_t pid,
                    bool asked, int64_t now_ms)
{
    const char *name = child->instance.name;
    if (asked || children->ending_ms > 0) {
        (void)bb_log_write(children->log, BB_LOG_INFO, "%s: process %ld: %s", name, (long)pid,
                           child->reason);
    } else {
        (void)bb_log_write(children->log, BB_LOG_WARNING, "%s: process %ld: %s; next start in %g s",
                           name, (long)pid, child->reason,
                           (double)(child->due_ms - now_ms) / 1000.0);
    }
}

void bb_children_reap(struct bb_children *children, int64_t now_ms)
{
    for (;;) {
        /* Left a zombie at first, so that its number cannot be given away before the rest of
         * its group is gone. */
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
            return;
        }
        pid_t pid = info.si_pid;
        struct bb_child *child = find_process(children, pid);
        if (child) {
            (void)kill(-pid, SIGKILL);
        }
        int wait_status = 0;
        if (waitpid(pid, &wait_status, 0) == pid && child) {
            bool asked = child->cause == BB_CAUSE_ASKED;
            bb_child_ended(child, wait_status, now_ms);
            say_end(children, child, pid, asked, now_ms);
        }
    }
}

bool bb_children_heard(struct bb_children *children, pid_t pid, const struct bb_notice *notice,
                       int64_t now_ms)
{
    struct bb_child *child = pid > 0 ? find_process(children, pid) : NULL;
    if (!child) {
        return false;
    }
    enum bb_child_state before = child->state;
    bb_child_heard(child, notice, now_ms);
    if (before == BB_CHILD_STARTING && child->state == BB_CHILD_RUNNING) {
        (void)bb_log_write(children->log, BB_LOG_INFO, "%s: running", child->instance.name);
    }
    return true;
}

void bb_children_forgive(struct bb_children *children, int64_t now_ms)
{
    for (size_t i = 0; i < children->count; i++) {
        bb_child_forgive(&children->entries[i].child, now_ms);
    }
}

void bb_children_sample(struct bb_children *children, int64_t now_ms)
{
    if (now_ms < children->sampled_ms + BB_METER_MS) {
        return;
    }
    children->sampled_ms = now_ms;
    for (size_t i = 0; i < children->count; i++) {
        struct bb_entry *entry = &children->entries[i];
        struct bb_usage usage;
        if (entry->child.pid > 0 && bb_usage_read(entry->child.pid, &usage) == BB_OK) {
            bb_meter_sample(&entry->meter, entry->child.pid, usage.cpu_ms, now_ms);
        }
    }
}

/* --- Questions --- */

bool bb_children_gone(const struct bb_children *children)
{
    for (size_t i = 0; i < children->count; i++) {
        if (children->entries[i].child.pid > 0) {
            return false;
        }
    }
    return true;
}

bool bb_children_settled(const struct bb_children *children)
{
    for (size_t i = 0; i < children->count; i++) {
        const struct bb_entry *entry = &children->entries[i];
        const struct bb_child *child = &entry->child;
        if (entry->leaving || child->queued || child->state == BB_CHILD_STARTING ||
            child->state == BB_CHILD_STOPPING) {
            return false;
        }
    }
    return true;
}

size_t bb_children_running(const struct bb_children *children, size_t *ret_wanted)
{
    size_t running = 0;
    size_t wanted = 0;
    for (size_t i = 0; i < children->count; i++) {
        const struct bb_child *child = &children->entries[i].child;
        wanted += child->wanted ? 1 : 0;
        running += child->state == BB_CHILD_RUNNING ? 1 : 0;
    }
    *ret_wanted = wanted;
    return running;
}
