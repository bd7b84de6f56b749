/* The two clocks. Everything that decides uses monotonic time; wall time is for people and
 * history. Pure code (proto/, decision logic) never calls these: time is handed to it. */
#ifndef BUSBAR_COMMON_CLOCK_H
#define BUSBAR_COMMON_CLOCK_H

#include <stdint.h>

int64_t bb_clock_mono_ms(void);
int64_t bb_clock_wall_ms(void);

#endif
