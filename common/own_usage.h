/* What this process uses, for its health message. */
#ifndef BUSBAR_COMMON_OWN_USAGE_H
#define BUSBAR_COMMON_OWN_USAGE_H

#include <stdint.h>

/* Resident memory in kB; 0 where /proc is missing. */
int64_t bb_own_memory_kb(void);

/* CPU time used since the start, all threads, user and system. */
int64_t bb_own_cpu_ms(void);

#endif
