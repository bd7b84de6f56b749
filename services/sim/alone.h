/* "busbar sim" without a configuration file: command line into one [sim NAME] section. */
#ifndef BUSBAR_SIM_ALONE_H
#define BUSBAR_SIM_ALONE_H

#include <stdbool.h>
#include <stdio.h>

#include "proto/error.h"

struct bb_sim_alone {
    char section[33]; /* name of the section written */
    char *run_dir;    /* as given, or NULL; points into argv */
    char *state_dir;  /* likewise */
    bool help;        /* nothing was written: help was asked for */
};

/* True when argv is that of a service (has --config or --section): not for us. */
bool bb_sim_alone_is_service(int argc, char **argv);

/* Writes the configuration argv describes to file; relative links start at folder. Says on
 * standard error what it does not understand and returns BB_ERR_CONFIG. */
int bb_sim_alone_parse(int argc, char **argv, const char *folder, FILE *file,
                       struct bb_sim_alone *ret_alone);

/* What the command line can be. */
void bb_sim_alone_help(FILE *file);

#endif
