/* The JSON object of the state file. */
#ifndef BUSBAR_SERVICES_AGGREGATOR_PERSIST_JSON_H
#define BUSBAR_SERVICES_AGGREGATOR_PERSIST_JSON_H

#include <jansson.h>

#include "services/aggregator/persist.h"

/* The caller owns the reference; NULL when out of memory. */
json_t *bb_saved_to_json(const struct bb_saved *saved);

/* Fills ret_saved, which must be zeroed and is only complete when BB_OK is returned. */
int bb_saved_from_json(json_t *object, struct bb_saved *ret_saved, struct bb_problem *problem);

#endif
