/* The folders a supervisor lives in: the run directory, which is his alone, and the state
 * directory. */
#ifndef BUSBAR_SUPERVISOR_PLACE_H
#define BUSBAR_SUPERVISOR_PLACE_H

#include <stddef.h>

#include "proto/error.h"

/* Makes the run directory (mode 0700) or checks the one there is: a folder that can be written,
 * that only its owner can write, and whose path leaves room for the names of sockets. Returns
 * BB_OK, or BB_ERR_IO / BB_ERR_CONFIG / BB_ERR_OVERSIZE with problem filled. */
int bb_place_prepare(const char *run_dir, struct bb_problem *problem);

/* Takes the run directory for this process until it ends. Returns a descriptor to be kept open,
 * or BB_ERR_BUSY with the holder's process id in problem->what, or BB_ERR_IO. */
int bb_place_lock(const char *run_dir, struct bb_problem *problem);

/* Makes the state directory (mode 0750) or checks that it can be written. Returns BB_OK, or
 * BB_ERR_IO with problem filled. */
int bb_place_state(const char *state_dir, struct bb_problem *problem);

/* Writes "<folder>/<name>"; BB_ERR_OVERSIZE when it does not fit into capacity bytes. */
int bb_place_path(char *ret_path, size_t capacity, const char *folder, const char *name);

#endif
