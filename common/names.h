/* How near a name is to one that was meant: for "did you mean". */
#ifndef BUSBAR_COMMON_NAMES_H
#define BUSBAR_COMMON_NAMES_H

#include <stddef.h>

/* Number of letters to add, drop or change to get from a to b; limit + 1 when it is more. */
size_t bb_name_distance(const char *a, const char *b, size_t limit);

#endif
