/* busbar tap: shows, counts or records what passes on the bus. */
#ifndef BUSBAR_TAP_TAP_H
#define BUSBAR_TAP_TAP_H

#include <stdio.h>

#include "services/tap/options.h"

/* Runs until its options or a signal end it. What was asked for goes to out, remarks go to
 * remarks. terminal: out is one. Returns the exit code for main(). */
int bb_tap_run(const struct bb_tap_options *options, FILE *out, bool terminal, FILE *remarks);

#endif
