#include "supervisor/policy.h"

#include <limits.h>

#include "proto/deadlines.h"

/* 0, first, 2 x first, 4 x first, ... most. */
static int64_t back_off_ms(unsigned streak)
{
    if (streak == 0) {
        return 0;
    }
    int64_t delay_ms = BB_RESTART_FIRST_MS;
    for (unsigned i = 1; i < streak && delay_ms < BB_RESTART_MAX_MS; i++) {
        delay_ms *= 2;
    }
    return delay_ms < BB_RESTART_MAX_MS ? delay_ms : BB_RESTART_MAX_MS;
}

struct bb_restart bb_policy_restart(unsigned streak, enum bb_end end, int64_t healthy_ms)
{
    unsigned before = healthy_ms >= BB_HEALTHY_MS ? 0 : streak;
    struct bb_restart restart = {.streak = before < UINT_MAX ? before + 1 : before};
    switch (end) {
    case BB_END_CRASHED:
        restart.delay_ms = back_off_ms(before);
        break;
    case BB_END_CONFIG:
        restart.delay_ms = BB_RESTART_MAX_MS;
        break;
    }
    return restart;
}
