/* Alarm levels of one battery: what its BMS reports, plus what the aggregator found out. */
#ifndef BUSBAR_SERVICES_AGGREGATOR_ALARMS_H
#define BUSBAR_SERVICES_AGGREGATOR_ALARMS_H

#include "services/aggregator/contradiction.h"

/* True when the BMS reports an alarm (level 2) that forbids the direction. */
bool bb_alarms_forbid(const struct bb_protection *protection, enum bb_direction direction);

/* True when the BMS reports its own over-voltage protection. */
bool bb_alarms_overvoltage(const struct bb_protection *protection);

/* Alarms to publish: protection with the aggregator's own findings added. A level is only ever
 * raised. cells_missing: control is impossible for want of a complete set of cells. */
struct bb_protection bb_alarms_decide(const struct bb_protection *protection,
                                      const struct bb_contradiction_view *contradictions,
                                      bool cells_missing);

/* Takes over every kind reported; a kind that is not reported any more stays as it was, since
 * silence does not end an alarm. */
void bb_alarms_take(struct bb_protection *kept, const struct bb_protection *reported);

/* Raises *level to at least least. */
void bb_alarm_raise(struct bb_integer *level, int64_t least);

/* For every kind the worse of the two, into worst. */
void bb_alarms_merge(struct bb_protection *worst, const struct bb_protection *other);

#endif
