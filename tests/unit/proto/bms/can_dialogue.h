/* Frames for a driver on CAN, written as candump does: "351#400260097C15B001 18904001#0102",
 * eight digits for a 29-bit identifier. "+20" lets 20 ms pass. */
#ifndef BUSBAR_TESTS_CAN_DIALOGUE_H
#define BUSBAR_TESTS_CAN_DIALOGUE_H

#include "dialogue.h"

/* Opens the driver for an address with settings "name=value,name=value" (NULL: none), a period of
 * one second, and brings the wire up. */
void can_begin(struct dialogue *dialogue, const struct bb_driver *driver, uint16_t address,
               const char *settings);

void can_hears(struct dialogue *dialogue, const char *frames);

/* Number of states raised since the last call; other events are dropped. */
unsigned can_states(struct dialogue *dialogue);

/* The number of events of that kind since the last call; others are dropped. */
unsigned can_events(struct dialogue *dialogue, enum bb_event event);

/* Takes the next transmission as "ID#HEX" (candump), "" when there is none. Static storage. */
const char *can_sends(struct dialogue *dialogue);

#endif
