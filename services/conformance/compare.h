/* Compares a decoded state with what a vector expects. */
#ifndef BUSBAR_SERVICES_CONFORMANCE_COMPARE_H
#define BUSBAR_SERVICES_CONFORMANCE_COMPARE_H

#include <jansson.h>

#include "proto/message/battery.h"

/* Called for every field that differs; got is "nothing" for an absent one. */
typedef void bb_compare_report(void *arg, const char *field, const char *expected, const char *got);

/* Checks every field in expect (null: must be absent); what it does not list is not checked.
 * tolerance (may be NULL) holds absolute tolerances by top-level field. Both stay the
 * caller's and unchanged. Returns the number of differences. */
size_t bb_compare_expected(json_t *expect, const json_t *tolerance,
                           const struct bb_battery *battery, bb_compare_report *report, void *arg);

/* True when every value present in part is present and equal in whole. */
bool bb_compare_is_part(const struct bb_battery *part, const struct bb_battery *whole);

#endif
