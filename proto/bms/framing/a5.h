/* Daly frames, both directions, always 13 bytes (Daly protocol, A5 frame):
 *
 *   A5 | party | command | 08 | 8 data bytes | sum of the 12 bytes before, modulo 256
 *
 * party is the selector of the board in a request (0x40..0x4F; 0x80 and 0x20 for an app and a
 * gateway) and the number of the board (0x01..0x10) in an answer.
 */
#ifndef BUSBAR_PROTO_BMS_FRAMING_A5_H
#define BUSBAR_PROTO_BMS_FRAMING_A5_H

#include "proto/bms/driver.h"
#include "proto/bms/framing/scan.h"

enum {
    BB_A5_SIZE = 13,
    BB_A5_PARTY = 1,
    BB_A5_COMMAND = 2,
    BB_A5_DATA = 4,
    BB_A5_DATA_SIZE = 8,
    BB_A5_BOARDS = 16,
    BB_A5_SELECTOR_BOARD_1 = 0x40,
    BB_A5_SELECTOR_APP = 0x80,
    BB_A5_SELECTOR_GATEWAY = 0x20
};

bb_scan_function bb_a5_scan;

/* True for the second byte of a request, which an echoing adapter or a sleeping BMS returns. */
bool bb_a5_is_selector(uint8_t party);

/* Writes the request into ret_request. data: at most 8 bytes, the rest is filled with 0xAA,
 * because the receiver resynchronises on edges and loses runs of zeros. */
void bb_a5_build(uint8_t selector, uint8_t command, const uint8_t *data, size_t size,
                 struct bb_request *ret_request);

#endif
