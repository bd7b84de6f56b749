/* Who has a serial port open, as far as /proc tells. */
#ifndef BUSBAR_SERVICES_SERIAL_OWNER_H
#define BUSBAR_SERVICES_SERIAL_OWNER_H

#include <stdbool.h>
#include <stddef.h>

/* Both write "process 123 (minicom)" and return true when there is such a process other than
 * this one. Locks of all processes can be seen; descriptors only those of the same user's, unless
 * privileged. */

/* Who holds a lock (flock) on path. */
bool bb_owner_of_lock(const char *path, char *ret_text, size_t capacity);
/* Who has path open. */
bool bb_owner_of_descriptor(const char *path, char *ret_text, size_t capacity);

#endif
