#include "common/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 512

struct bb_log {
    char name[64];
    enum bb_log_level most;
    int journal; /* stderr is the journal: lines carry a <priority> */
    char last[LINE_MAX_BYTES];
    int64_t repeated;
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

void bb_log_destroy(struct bb_log **log)
{
    if (*log && (*log)->repeated > 0) {
        (void)fprintf(stderr, "%s: (last line came %lld more times)\n", (*log)->name,
                      (long long)(*log)->repeated);
    }
    free(*log);
    *log = NULL;
}

void bb_log_set_level(struct bb_log *log, enum bb_log_level most)
{
    log->most = most;
}

static void print_line(const struct bb_log *log, enum bb_log_level level, const char *text)
{
    static const int priorities[] = {3, 4, 5, 6, 7};
    char prefix[8] = "";
    if (log->journal) {
        (void)snprintf(prefix, sizeof prefix, "<%d>", priorities[level]);
    }
    (void)fprintf(stderr, "%s%s: %s: %s\n", prefix, log->name, names[level], text);
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
    if (repeated > 0) {
        char note[64];
        (void)snprintf(note, sizeof note, "(last line came %lld more times)", (long long)repeated);
        print_line(log, level, note);
    }
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
