/* Command line of a service. Internal to common/actor. */
#ifndef BUSBAR_COMMON_ACTOR_ARGS_H
#define BUSBAR_COMMON_ACTOR_ARGS_H

#include "proto/message/battery.h"

struct bb_actor_args {
    const char *config;  /* NULL: built-in defaults */
    const char *section; /* "" without --section */
    const char *run_dir;
    const char *state_dir; /* NULL: nothing survives a restart */
    char name[BB_ID_MAX];  /* "serial-rack" */
};

/* Reads argv; prints usage or one line on a mistake. Returns BB_OK, or BB_ERR_CONFIG. */
int bb_actor_args_parse(const char *program, int argc, char **argv, struct bb_actor_args *ret_args);

#endif
