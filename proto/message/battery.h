/* A battery's state: what a BMS reported, each field present or absent.
 *
 * Shape, units, ranges and meaning of the fields are declared in fields.def. Quantities are in
 * the units of the generic MQTT battery (V, A, Ah, %, °C); current is positive while charging.
 */
#ifndef BUSBAR_PROTO_MESSAGE_BATTERY_H
#define BUSBAR_PROTO_MESSAGE_BATTERY_H

#include "proto/message/schema.h"

#define BB_CELLS_MAX 64   /* most cells of one battery; real packs have up to 48 */
#define BB_MEMBERS_MAX 32 /* most batteries of one bank */
#define BB_ID_MAX 48      /* bytes of a battery id or process name, with its NUL */

struct bb_device {
#define BB_DEVICE_FIELDS
#include "proto/message/members.h"
#undef BB_DEVICE_FIELDS
};

struct bb_cell {
#define BB_CELL_FIELDS
#include "proto/message/members.h"
#undef BB_CELL_FIELDS
};

struct bb_history {
#define BB_HISTORY_FIELDS
#include "proto/message/members.h"
#undef BB_HISTORY_FIELDS
};

struct bb_protection {
#define BB_PROTECTION_FIELDS
#include "proto/message/members.h"
#undef BB_PROTECTION_FIELDS
};

struct bb_battery {
#define BB_BATTERY_FIELDS
#include "proto/message/members.h"
#undef BB_BATTERY_FIELDS
};

extern const struct bb_schema bb_battery_schema;
extern const struct bb_schema bb_protection_schema;
extern const struct bb_schema bb_history_schema;

/* bb_schema_check plus what a table cannot say: the number of cells is cell_count, or that times
 * the number of strings in parallel. */
int bb_battery_check(const struct bb_battery *battery, struct bb_problem *problem);

#endif
