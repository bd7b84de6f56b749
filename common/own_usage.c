#include "common/own_usage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The second number of statm: resident pages. */
int64_t bb_own_memory_kb(void)
{
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        (void)fgets(line, sizeof line, file);
        (void)fclose(file);
    }
    const char *resident = strchr(line, ' ');
    return resident ? strtoll(resident, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024) : 0;
}

int64_t bb_own_cpu_ms(void)
{
    struct timespec used = {0};
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}
