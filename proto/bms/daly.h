/* What the Daly protocols on a byte stream and on CAN share: the same commands with the same
 * payloads (Daly protocol, commands 0x50 to 0x98, 0xD9, 0xDA). Private to the Daly drivers. */
#ifndef BUSBAR_PROTO_BMS_DALY_H
#define BUSBAR_PROTO_BMS_DALY_H

#include "proto/bms/poll.h"

enum bb_daly_item {
    COUNTS,
    PACK,
    STATE,
    CELLS,
    FAULTS,
    TEMPERATURES,
    EXTREMES,
    BALANCE,
    CAPACITY,
    PRODUCTION,
    CODE,
    CLOCK,
    CHARGE_SWITCH,
    DISCHARGE_SWITCH,
    SET_SOC,
    BB_DALY_ITEMS
};

enum { BB_DALY_INVERT_CURRENT, BB_DALY_OPTIONS };

/* What is learnt about the sign of the current: polls in which raw counted up while charging,
 * less those in which it counted up while discharging. */
struct bb_daly_polarity {
    int votes;
};

/* The code of an item is its command. A driver's memory begins with a struct bb_daly_polarity. */
extern const struct bb_poll_item bb_daly_items[BB_DALY_ITEMS];
extern const struct bb_poll_option_spec bb_daly_options[BB_DALY_OPTIONS];

void bb_daly_finish(const struct bb_poll_view *view, struct bb_decode *into);

int bb_daly_switch_payload(const struct bb_poll_view *view, const struct bb_control *control,
                           uint8_t *ret_data, struct bb_problem *problem);
bool bb_daly_switch_confirm(const struct bb_poll_view *view, const struct bb_control *control,
                            struct bb_real *ret_value);
bool bb_daly_soc_confirm(const struct bb_poll_view *view, const struct bb_control *control,
                         struct bb_real *ret_value);

#endif
