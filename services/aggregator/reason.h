/* Why a limit is what it is: a set of reasons, and its text. */
#ifndef BUSBAR_SERVICES_AGGREGATOR_REASON_H
#define BUSBAR_SERVICES_AGGREGATOR_REASON_H

#include <stdbool.h>
#include <stdint.h>

#include "services/aggregator/charge_config.h"

/* In the order in which they are named. */
enum bb_reason {
    BB_REASON_MAX,          /* the configured maximum */
    BB_REASON_BMS_SETTINGS, /* the maximum the BMS reports */
    BB_REASON_CELL,
    BB_REASON_TEMPERATURE,
    BB_REASON_MOSFET,
    BB_REASON_SOC,
    BB_REASON_BMS,           /* the BMS has opened its switch, or stopped reporting it */
    BB_REASON_ALARM,         /* the BMS reports an alarm */
    BB_REASON_OVERVOLTAGE,   /* a cell far above its limit */
    BB_REASON_SENSOR,        /* a temperature sensor that worked before does not any more */
    BB_REASON_NO_DATA,       /* something the decision needs is unknown */
    BB_REASON_CONTRADICTION, /* readings that cannot both be true */
    BB_REASON_STARTING,
    BB_REASON_RESTARTS, /* the aggregator restarted too often */
    BB_REASON_LOST,
    BB_REASONS
};

/* A set of reasons: bit n is enum bb_reason n. */
typedef uint32_t bb_reasons;

static inline bb_reasons bb_reason_bit(enum bb_reason reason)
{
    return (bb_reasons)1 << reason;
}

/* "Cell Voltage, Temp *": the reasons joined with ", ", and " *" when held. */
void bb_reason_text(char *ret_text, size_t capacity, bb_reasons reasons,
                    enum bb_direction direction, bool held);

#endif
