/* JBD frames, both directions (JBD protocol, framing):
 *
 *   request  DD | A5 read, 5A write | register | length | data | sum hi, lo | 77
 *   answer   DD | register          | status   | length | data | sum hi, lo | 77
 *
 * The sum is 65536 minus the bytes from offset 2 up to the checksum, so the second byte (the
 * register of an answer) is not covered by it. DD and 77 may occur inside data.
 */
#ifndef BUSBAR_PROTO_BMS_FRAMING_DD77_H
#define BUSBAR_PROTO_BMS_FRAMING_DD77_H

#include "proto/bms/driver.h"
#include "proto/bms/framing/scan.h"

enum {
    BB_DD77_READ = 0xa5,
    BB_DD77_WRITE = 0x5a,
    BB_DD77_DATA = 4,     /* offset of data */
    BB_DD77_OVERHEAD = 7, /* bytes around data */
    BB_DD77_LONGEST = BB_DD77_OVERHEAD + 255
};

bb_scan_function bb_dd77_scan;

/* Writes the request into ret_request (data, size). size bytes of data, at most 64. */
void bb_dd77_build(uint8_t operation, uint8_t reg, const uint8_t *data, size_t size,
                   struct bb_request *ret_request);

#endif
