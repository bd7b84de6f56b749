/* Makes a recorded message a message of now: what it says keeps its age, and receivers take it
 * for news of a sender that has just started. */
#ifndef BUSBAR_TAP_RESTAMP_H
#define BUSBAR_TAP_RESTAMP_H

#include "proto/message/message.h"

#define BB_RESTAMP_TOPICS_MAX 4096

struct bb_restamp;

/* instance_ms: start of the replay, CLOCK_MONOTONIC. NULL when out of memory. */
struct bb_restamp *bb_restamp_new(int64_t instance_ms);
void bb_restamp_destroy(struct bb_restamp **restamp);

/* Changes instance, sequence and times of message, which arrived at arrival_ms (recorded clock),
 * as if it arrived at now_ms. Times ahead of their arrival become now_ms, times before the start
 * of the clock 0. BB_ERR_NO_MEMORY for more topics than BB_RESTAMP_TOPICS_MAX. */
int bb_restamp_message(struct bb_restamp *restamp, struct bb_message *message, int64_t arrival_ms,
                       int64_t now_ms, int64_t wall_ms);

#endif
