/* CPU and memory of a process, from /proc. */
#ifndef BUSBAR_SUPERVISOR_USAGE_H
#define BUSBAR_SUPERVISOR_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bb_usage {
    int64_t cpu_ms;      /* user and system time since its start */
    int64_t resident_kb; /* RSS: shared pages count in every process that has them */
};

/* Reads the text of /proc/PID/stat (proc(5)). Pure: ticks_per_s and page_kb are the system's.
 * Returns BB_OK, BB_ERR_MALFORMED or BB_ERR_RANGE. */
int bb_usage_parse(const char *text, int64_t ticks_per_s, int64_t page_kb,
                   struct bb_usage *ret_usage);

/* Returns BB_OK, or BB_ERR_IO when there is no such process. */
int bb_usage_read(pid_t pid, struct bb_usage *ret_usage);

/* PSS: every shared page counts in parts, so that the sum over processes is what they use
 * together. -1 when the kernel does not tell. Costs some 100 us; for answers, not for sampling. */
int64_t bb_usage_proportional_kb(pid_t pid);

/* CPU use over the last seconds: two samples, the older one at least BB_METER_MS back. */
#define BB_METER_MS 5000

struct bb_meter {
    pid_t pid; /* whom the samples are of */
    int64_t older_at_ms, older_cpu_ms;
    int64_t newer_at_ms, newer_cpu_ms;
};

/* Takes the state of pid at now_ms into account; another pid than before starts over. */
void bb_meter_sample(struct bb_meter *meter, pid_t pid, int64_t cpu_ms, int64_t now_ms);

/* Percent of one core since the older sample; false while there is too little to tell. */
bool bb_meter_percent(const struct bb_meter *meter, pid_t pid, int64_t cpu_ms, int64_t now_ms,
                      double *ret_percent);

#endif
