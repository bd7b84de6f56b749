/* A driver of a protocol that exists only here, to test what hosts drivers.
 *
 * Request: A5 <address> <step> <xor of the three>; reply: B5 <address> <step> <value> <serial>
 * <xor of the five>. A state takes spec->steps exchanges; its voltage is the value of the last
 * one, its serial number "SN<serial>" when serial is not 0. A write is step 80 + its value, and
 * the reply repeats it. Each try may take timeout_ms; a poll fails after spec->tries of them.
 */
#ifndef BUSBAR_TESTS_STUB_DRIVER_H
#define BUSBAR_TESTS_STUB_DRIVER_H

#include "proto/bms/driver.h"

#define STUB_REQUEST_SIZE 4
#define STUB_REPLY_SIZE 6

struct stub_spec {
    uint8_t steps;
    unsigned tries;
    int64_t timeout_ms;
    uint32_t silence_ms;
};

/* What a stub BMS answers to a request (STUB_REQUEST_SIZE bytes). */
void stub_answer(const uint8_t *request, uint8_t value, uint8_t serial, uint8_t *ret_reply);

/* A driver that works by spec, which must outlive it. */
struct bb_driver stub_driver(const struct stub_spec *spec);

#endif
