/* busbar replay: puts recorded messages on a bus again. */
#ifndef BUSBAR_TAP_REPLAY_H
#define BUSBAR_TAP_REPLAY_H

#include <stdio.h>

#include "services/tap/options.h"

/* Runs to the end of the file, or without end; remarks and the sum go to remarks. Returns the
 * exit code for main(): failure when the file cannot be read, is damaged or holds nothing. */
int bb_replay_run(const struct bb_replay_options *options, FILE *remarks);

#endif
