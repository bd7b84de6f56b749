/* How much current one battery may take or give now: the smallest of the configured maximum,
 * the maximum its BMS reports, the curves over cell voltage, temperatures and SoC, and 0 where
 * something forbids the direction altogether. What is over time is limit.h's. */
#ifndef BUSBAR_SERVICES_AGGREGATOR_CURRENT_LIMITS_H
#define BUSBAR_SERVICES_AGGREGATOR_CURRENT_LIMITS_H

#include "services/aggregator/reason.h"
#include "services/aggregator/validity.h"

struct bb_current_target {
    double amps;        /* finite, >= 0, three decimals */
    bb_reasons reasons; /* everything that asks for exactly this limit */
};

/* The target of one direction. forbidden are reasons found elsewhere (alarms, contradictions,
 * over-voltage); any of them means 0. */
struct bb_current_target bb_current_target(const struct bb_charge_config *config,
                                           const struct bb_facts *facts,
                                           enum bb_direction direction, bb_reasons forbidden);

#endif
