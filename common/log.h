/* Lines for people on stderr: "<program>: <level>: <text>", with a journal priority prefix when
 * stderr is the journal. A line equal to the one before it is counted, not printed, and the
 * count is printed with the next different line, so that a state that persists is said once.
 * Printing never waits: while stderr takes nothing, lines are lost and counted. */
#ifndef BUSBAR_COMMON_LOG_H
#define BUSBAR_COMMON_LOG_H

#include <stdarg.h>
#include <stdint.h>

enum bb_log_level { BB_LOG_ERROR, BB_LOG_WARNING, BB_LOG_NOTICE, BB_LOG_INFO, BB_LOG_DEBUG };

struct bb_log;

/* A log that prefixes lines with name; the caller destroys it. NULL when out of memory. */
struct bb_log *bb_log_new(const char *name, enum bb_log_level most);
void bb_log_destroy(struct bb_log **log);
void bb_log_set_level(struct bb_log *log, enum bb_log_level most);

/* Prints text (printf style). Returns how often the line before it was repeated (0: never), so
 * that a caller that forwards lines can do the same, or -1 when this line was only counted. */
int64_t bb_log_write(struct bb_log *log, enum bb_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int64_t bb_log_vwrite(struct bb_log *log, enum bb_log_level level, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* "error", "warning", ... and back; -1 for an unknown name. */
const char *bb_log_level_name(enum bb_log_level level);
int bb_log_level_parse(const char *name);

#endif
