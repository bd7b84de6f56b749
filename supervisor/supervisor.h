/* busbard: keeps the configured processes running until it is told to end. */
#ifndef BUSBAR_SUPERVISOR_SUPERVISOR_H
#define BUSBAR_SUPERVISOR_SUPERVISOR_H

#include "common/actor.h"

struct bb_supervisor_options {
    const char *config; /* NULL: the default file if it exists, else built-in defaults */
    const char *run_dir;
    const char *state_dir;
    const char *program_dir; /* holds busbar-<program> */
};

/* Runs until SIGTERM or SIGINT. Returns the exit code: BB_EXIT_STOPPED, BB_EXIT_CONFIG when the
 * configuration is wrong at the start, BB_EXIT_FAILED when the run directory cannot be used. */
enum bb_exit bb_supervisor_run(const struct bb_supervisor_options *options);

#endif
