#include "supervisor/usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/error.h"

/* Fields of /proc/PID/stat, counted from the one behind the name in parentheses. */
enum { FIELD_UTIME = 11, FIELD_STIME = 12, FIELD_RSS = 21 };

#define LEAST_PERIOD_MS 200 /* a CPU tick is 10 ms: less than this tells nothing */

/* Number in field index of text, separated by single spaces. */
static bool read_field(const char *text, int index, int64_t *ret_value)
{
    for (int i = 0; i < index; i++) {
        text = strchr(text, ' ');
        if (!text) {
            return false;
        }
        text++;
    }
    char *end;
    long long value = strtoll(text, &end, 10);
    if (end == text || value < 0) {
        return false;
    }
    *ret_value = value;
    return true;
}

int bb_usage_parse(const char *text, int64_t ticks_per_s, int64_t page_kb,
                   struct bb_usage *ret_usage)
{
    const char *rest = strrchr(text, ')'); /* the name may contain anything, this included */
    int64_t user;
    int64_t system;
    int64_t pages;
    if (!rest || rest[1] != ' ' || ticks_per_s <= 0) {
        return BB_ERR_MALFORMED;
    }
    rest += 2;
    if (!read_field(rest, FIELD_UTIME, &user) || !read_field(rest, FIELD_STIME, &system) ||
        !read_field(rest, FIELD_RSS, &pages)) {
        return BB_ERR_MALFORMED;
    }
    enum { MOST = 1000000000 }; /* 115 days of CPU at 100 Hz; keeps the products far from 2^63 */
    if (user > INT64_C(1000) * MOST || system > INT64_C(1000) * MOST || pages > MOST) {
        return BB_ERR_RANGE;
    }
    ret_usage->cpu_ms = (user + system) * 1000 / ticks_per_s;
    ret_usage->resident_kb = pages * page_kb;
    return BB_OK;
}

int bb_usage_read(pid_t pid, struct bb_usage *ret_usage)
{
    char path[48];
    char text[1024];
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    if (!file) {
        return BB_ERR_IO;
    }
    size_t size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[size] = '\0';
    int error = bb_usage_parse(text, sysconf(_SC_CLK_TCK), sysconf(_SC_PAGESIZE) / 1024, ret_usage);
    return error == BB_OK ? BB_OK : BB_ERR_IO;
}

int64_t bb_usage_proportional_kb(pid_t pid)
{
    char path[48];
    char line[256];
    (void)snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)pid);
    FILE *file = fopen(path, "re");
    int64_t kb = -1;
    while (file && kb < 0 && fgets(line, sizeof line, file)) {
        if (strncmp(line, "Pss:", 4) == 0) {
            kb = strtoll(line + 4, NULL, 10);
        }
    }
    if (file) {
        (void)fclose(file);
    }
    return kb;
}

void bb_meter_sample(struct bb_meter *meter, pid_t pid, int64_t cpu_ms, int64_t now_ms)
{
    if (meter->pid != pid) {
        *meter = (struct bb_meter){.pid = pid,
                                   .older_at_ms = now_ms,
                                   .older_cpu_ms = cpu_ms,
                                   .newer_at_ms = now_ms,
                                   .newer_cpu_ms = cpu_ms};
    } else if (now_ms - meter->newer_at_ms >= BB_METER_MS) {
        meter->older_at_ms = meter->newer_at_ms;
        meter->older_cpu_ms = meter->newer_cpu_ms;
        meter->newer_at_ms = now_ms;
        meter->newer_cpu_ms = cpu_ms;
    }
}

bool bb_meter_percent(const struct bb_meter *meter, pid_t pid, int64_t cpu_ms, int64_t now_ms,
                      double *ret_percent)
{
    int64_t period_ms = now_ms - meter->older_at_ms;
    if (meter->pid != pid || period_ms < LEAST_PERIOD_MS || cpu_ms < meter->older_cpu_ms) {
        return false;
    }
    *ret_percent = 100.0 * (double)(cpu_ms - meter->older_cpu_ms) / (double)period_ms;
    return true;
}
