/* When a process that ended is started again. A pure function: the caller keeps the streak.
 *
 * The first time at once, because a house battery needs its limits back; then after 0.5, 1, 2,
 * 4 ... 30 s, because a program that fails at once must not burn the CPU of a small machine.
 * A minute of health ends the streak. Nothing is ever given up.
 */
#ifndef BUSBAR_SUPERVISOR_POLICY_H
#define BUSBAR_SUPERVISOR_POLICY_H

#include <stdint.h>

enum bb_end {
    BB_END_CRASHED, /* killed, hung, failed, or ended without being asked to */
    BB_END_CONFIG   /* says its configuration is wrong: only a change helps */
};

struct bb_restart {
    unsigned streak;  /* restarts in a row without health between them, this one included */
    int64_t delay_ms; /* from the end to the next start */
};

/* streak is what the last call returned, 0 at first; healthy_ms is how long the process had
 * been ready when it ended, 0 when it never was. */
struct bb_restart bb_policy_restart(unsigned streak, enum bb_end end, int64_t healthy_ms);

#endif
