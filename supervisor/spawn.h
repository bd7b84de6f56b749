/* Turns an instance into a process. */
#ifndef BUSBAR_SUPERVISOR_SPAWN_H
#define BUSBAR_SUPERVISOR_SPAWN_H

#include <sys/types.h>

#include "supervisor/instance.h"

/* What all processes are given; the texts belong to the caller. */
struct bb_spawn {
    const char *program_dir; /* holds busbar-<program> */
    const char *config;      /* NULL: built-in defaults */
    const char *run_dir;
    const char *state_dir;     /* NULL: there is none that can be written */
    const char *notify_socket; /* path */
};

/* Starts busbar-<program> in a process group of its own, with an empty signal mask, stdin from
 * /dev/null, no descriptor but the three standard ones, and the kernel's promise to kill it when
 * this process ends, however it ends. Returns its id, or BB_ERR_IO with problem->what filled.
 * To be called from the main thread: the kernel's promise is about the calling thread. */
pid_t bb_spawn(const struct bb_spawn *how, const struct bb_instance *instance,
               struct bb_problem *problem);

#endif
