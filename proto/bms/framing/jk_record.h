/* JK records and the Modbus frames around them (JK PB protocol, framing):
 *
 *   record       55 AA EB 90 | type | counter | ... | sum of bytes 0..298 modulo 256   (300 bytes)
 *   request      address 10 16 xx 00 01 02 00 00 CRC                                   (11 bytes)
 *   acknowledge  address 10 16 xx 00 01 CRC                                            (8 bytes)
 *
 * The record does not name its sender; only the acknowledge behind it does. The same record is
 * sent over Bluetooth without the frames around it. Numbers inside are little-endian.
 */
#ifndef BUSBAR_PROTO_BMS_FRAMING_JK_RECORD_H
#define BUSBAR_PROTO_BMS_FRAMING_JK_RECORD_H

#include "proto/bms/driver.h"
#include "proto/bms/framing/scan.h"

enum {
    BB_JK_RECORD_SIZE = 300,
    BB_JK_RECORD_TYPE = 4, /* offset: 1 settings, 2 status, 3 about */
    BB_JK_REQUEST_SIZE = 11,
    BB_JK_ACK_SIZE = 8,
    BB_JK_REGISTER_LOW = 3 /* offset of xx in requests and acknowledges */
};

/* Frames are told apart by their size. */
bb_scan_function bb_jk_scan;

/* Writes the request for register 0x16xx into ret_request. */
void bb_jk_build(uint8_t address, uint8_t register_low, struct bb_request *ret_request);

#endif
