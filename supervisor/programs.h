/* Where the programs are: relative to this one, so that a build tree and an installation work
 * alike wherever they are moved. */
#ifndef BUSBAR_SUPERVISOR_PROGRAMS_H
#define BUSBAR_SUPERVISOR_PROGRAMS_H

#include <stddef.h>

/* Writes the folder of the running program followed by relative ("" or "/../libexec/busbar").
 * Returns BB_OK, BB_ERR_IO (no /proc) or BB_ERR_OVERSIZE. */
int bb_programs_folder(const char *relative, char *ret_folder, size_t capacity);

#endif
