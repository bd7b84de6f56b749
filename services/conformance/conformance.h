/* Runs every vector below some folders. */
#ifndef BUSBAR_SERVICES_CONFORMANCE_CONFORMANCE_H
#define BUSBAR_SERVICES_CONFORMANCE_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct bb_conformance {
    FILE *out;
    bool mutate; /* damage each vector in all ways, too (mutate.h) */
    size_t passed, failed, skipped, damages;
};

/* Plays path, or every *.json below it in alphabetical order. Prints a line per failure. Files of
 * drivers that are not registered, and folders without wire exchanges, count as skipped. */
void bb_conformance_run(struct bb_conformance *conformance, const char *path);

#endif
