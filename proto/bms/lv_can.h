/* What the low-voltage CAN protocols towards inverters share: Victron's and Pylontech's use the
 * same identifiers with the same scales for limits, state of charge and measurements. All numbers
 * are little-endian; trailing bytes may be missing.
 *
 * Sources: JBD CAN protocol (Victron dialect), Pylontech low-voltage CAN protocol.
 */
#ifndef BUSBAR_PROTO_BMS_LV_CAN_H
#define BUSBAR_PROTO_BMS_LV_CAN_H

#include "proto/bms/listen.h"

enum {
    BB_LV_LIMITS_ID = 0x351,
    BB_LV_CHARGE_ID = 0x355,
    BB_LV_MEASURED_ID = 0x356,
    BB_LV_ALARMS_ID = 0x359,
    BB_LV_REQUESTS_ID = 0x35C,
    BB_LV_MAKER_ID = 0x35E,
    BB_LV_KEEP_ALIVE_ID = 0x305,
    BB_LV_START_MS = 300, /* until the sizes and names behind the first cycle are known */
    BB_LV_LIMIT_ROWS = 4,
    BB_LV_CHARGE_ROWS = 2,
    BB_LV_MEASURED_ROWS = 4,
    BB_LV_REQUEST_ROWS = 2
};

/* Options every driver of the family has, in this order. */
enum { BB_LV_KEEP_ALIVE, BB_LV_INVERT_CURRENT, BB_LV_OPTIONS };
extern const struct bb_listen_option_spec bb_lv_options[BB_LV_OPTIONS];

/* 0x351: 0 u16 0.1 V charge voltage | 2 s16 0.1 A charge current | 4 s16 0.1 A discharge current,
 * negative on some | 6 u16 0.1 V discharge voltage, 0: none */
extern const struct bb_row bb_lv_limit_rows[BB_LV_LIMIT_ROWS];
/* 0x355: 0 u16 % charge | 2 u16 % health, 0: none | 4 u16 0.01 % charge */
extern const struct bb_row bb_lv_charge_rows[BB_LV_CHARGE_ROWS];
/* 0x356: 0 s16 0.01 V | 2 s16 0.1 A, + charging | 4 s16 0.1 °C | 6 u16 cycles */
extern const struct bb_row bb_lv_measured_rows[BB_LV_MEASURED_ROWS];
/* 0x35C: 0 bit 7 charging enabled, bit 6 discharging enabled, bits 5 and 4 charge at once,
 * bit 3 full charge wanted */
extern const struct bb_row bb_lv_request_rows[BB_LV_REQUEST_ROWS];

/* Takes the finer state of charge of 0x355 where it agrees with the other. */
void bb_lv_decode_charge(const struct bb_listen_view *view, const uint8_t *data, size_t size,
                         struct bb_decode *into);

/* Turns the current where the option says so, and sets the limit of a direction to 0 that 0x35C
 * has switched off. */
void bb_lv_finish(const struct bb_listen_view *view, struct bb_decode *into);

#endif
