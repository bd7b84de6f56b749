/* Who talks on a CAN bus, told by listening alone.
 *
 * Frames of a few seconds are collected; what they have in common with a protocol's marks is a
 * finding. Protocols that share identifiers are told apart by what only one of them sends
 * (Victron's 0x35A and 0x35F, Pylontech's 0x359 and 0x35C, Valence's 0x0C0 and 0x180). A Daly
 * board only answers: it is found when somebody else asks it.
 *
 * Sources: detection sections of the JBD, Pylontech, JK, RV-C, Valence and Daly CAN protocols.
 */
#ifndef BUSBAR_PROTO_BMS_CAN_SURVEY_H
#define BUSBAR_PROTO_BMS_CAN_SURVEY_H

#include "proto/bms/driver.h"

#define BB_SURVEY_WINDOW_MS 3000
#define BB_SURVEY_MAX 32

struct bb_survey_finding {
    const struct bb_driver *driver;
    uint16_t address; /* 0 where the protocol has none */
};

/* Zeroed memory is a survey that has heard nothing. */
struct bb_survey {
    uint8_t standard[0x800 / 8];   /* 11-bit identifiers heard */
    uint8_t rv_c_voltage[256 / 8]; /* sources of DC_SOURCE_STATUS_1, instance 1 */
    uint8_t rv_c_charge[256 / 8];  /* sources of DC_SOURCE_STATUS_2, instance 1 */
    uint32_t daly_boards;          /* bit n: board n answered somebody */
    uint64_t frames;
};

void bb_survey_take(struct bb_survey *survey, const struct bb_packet *frame);

/* What was found so far, in the order of the registry; at most BB_SURVEY_MAX. */
size_t bb_survey_findings(const struct bb_survey *survey, struct bb_survey_finding *ret_findings);

#endif
