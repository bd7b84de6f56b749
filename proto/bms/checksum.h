/* Checksums of BMS wire protocols. Each takes the covered bytes and returns the sum; where it
 * stands in a frame and in which byte order is the framing's business. */
#ifndef BUSBAR_PROTO_BMS_CHECKSUM_H
#define BUSBAR_PROTO_BMS_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Sum of the bytes modulo 256 (Daly A5, JK records). */
uint8_t bb_sum8(const uint8_t *data, size_t size);

/* Sum of the bytes modulo 65536 (JK 4E57; JBD sends 65536 minus it). */
uint16_t bb_sum16(const uint8_t *data, size_t size);

/* Modbus CRC-16: polynomial 0xA001 reflected, initial 0xFFFF. Sent low byte first. */
uint16_t bb_crc16_modbus(const uint8_t *data, size_t size);

#endif
