/* The state file on disk: read whole, replaced atomically, set aside when damaged. */
#ifndef BUSBAR_SERVICES_AGGREGATOR_STATE_FILE_H
#define BUSBAR_SERVICES_AGGREGATOR_STATE_FILE_H

#include "services/aggregator/persist.h"

#define BB_STATE_FILE "aggregator.state"

/* Reads the file of folder. BB_ERR_MISSING when there is none (not a fault). A file that cannot
 * be believed is renamed to BB_STATE_FILE ".damaged" and the reason returned; BB_ERR_IO when it
 * cannot be read. */
int bb_state_file_read(const char *folder, struct bb_saved *ret_saved, struct bb_problem *problem);

/* Replaces the file of folder: after a crash or power cut at any moment it is the old or the new
 * one. */
int bb_state_file_write(const char *folder, const struct bb_saved *saved,
                        struct bb_problem *problem);

#endif
