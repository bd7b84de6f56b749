#include "common/log.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512

struct bb_log {
    char name[64];
    enum bb_log_level most;
    int journal; /* stderr is the journal: lines carry a <priority> */
    char last[LINE_MAX_BYTES];
    int64_t repeated;
    int64_t lost; /* lines nobody took */
};

static const char *const names[] = {"error", "warning", "notice", "info", "debug"};

struct bb_log *bb_log_new(const char *name, enum bb_log_level most)
{
    struct bb_log *log = calloc(1, sizeof *log);
    if (log) {
        (void)snprintf(log->name, sizeof log->name, "%s", name);
        log->most = most;
        log->journal = getenv("JOURNAL_STREAM") != NULL;
    }
    return log;
}

void bb_log_set_level(struct bb_log *log, enum bb_log_level most)
{
    log->most = most;
}

/* A log that is full (a stuck reader, a full disk behind it, a stopped terminal) must not stop
 * those who watch batteries: a line that would have to wait is lost. */
static bool can_write(void)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) > 0 && (out.revents & POLLOUT) != 0;
}

static void print_line(struct bb_log *log, enum bb_log_level level, const char *text)
{
    static const int priorities[] = {3, 4, 5, 6, 7};
    char prefix[8] = "";
    if (log->journal) {
        (void)snprintf(prefix, sizeof prefix, "<%d>", priorities[level]);
    }
    if (!can_write()) {
        log->lost++;
        return;
    }
    char lost[80] = "";
    if (log->lost > 0) {
        (void)snprintf(lost, sizeof lost, " (before it %lld lines were lost: nobody read them)",
                       (long long)log->lost);
        log->lost = 0;
    }
    /* One write: poll has promised room for one. */
    (void)fprintf(stderr, "%s%s: %s: %s%s\n", prefix, log->name, names[level], text, lost);
}

static void print_repeated(struct bb_log *log, enum bb_log_level level)
{
    if (log->repeated > 0) {
        char note[64];
        (void)snprintf(note, sizeof note, "(last line came %lld more times)",
                       (long long)log->repeated);
        print_line(log, level, note);
    }
}

void bb_log_destroy(struct bb_log **log)
{
    if (*log) {
        print_repeated(*log, BB_LOG_NOTICE);
        free(*log);
        *log = NULL;
    }
}

int64_t bb_log_vwrite(struct bb_log *log, enum bb_log_level level, const char *format, va_list args)
{
    char text[LINE_MAX_BYTES];
    (void)vsnprintf(text, sizeof text, format, args);
    if (level > log->most) {
        return -1;
    }
    if (strcmp(text, log->last) == 0) {
        log->repeated++;
        return -1;
    }
    int64_t repeated = log->repeated;
    print_repeated(log, level);
    print_line(log, level, text);
    memcpy(log->last, text, sizeof text);
    log->repeated = 0;
    return repeated;
}

int64_t bb_log_write(struct bb_log *log, enum bb_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int64_t repeated = bb_log_vwrite(log, level, format, args);
    va_end(args);
    return repeated;
}

const char *bb_log_level_name(enum bb_log_level level)
{
    return names[level];
}

int bb_log_level_parse(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
