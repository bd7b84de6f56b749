/* The tables of fields.def, one schema per section. */
#include "proto/message/message.h"

#define REAL(name_, unit_, min_, max_, decimals_, meaning_)                                        \
    {.name = #name_,                                                                               \
     .kind = BB_REAL,                                                                              \
     .decimals = (decimals_),                                                                      \
     .offset = offsetof(struct OWNER, name_),                                                      \
     .min = (min_),                                                                                \
     .max = (max_),                                                                                \
     .unit = (unit_),                                                                              \
     .meaning = (meaning_)},
#define INTEGER(name_, unit_, min_, max_, meaning_)                                                \
    {.name = #name_,                                                                               \
     .kind = BB_INTEGER,                                                                           \
     .required = REQUIRED,                                                                         \
     .offset = offsetof(struct OWNER, name_),                                                      \
     .min = (min_),                                                                                \
     .max = (max_),                                                                                \
     .unit = (unit_),                                                                              \
     .meaning = (meaning_)},
#define FLAG(name_, meaning_)                                                                      \
    {.name = #name_,                                                                               \
     .kind = BB_FLAG,                                                                              \
     .offset = offsetof(struct OWNER, name_),                                                      \
     .unit = "",                                                                                   \
     .meaning = (meaning_)},
#define TEXT(name_, bytes_, meaning_)                                                              \
    {.name = #name_,                                                                               \
     .kind = BB_TEXT,                                                                              \
     .required = REQUIRED,                                                                         \
     .offset = offsetof(struct OWNER, name_),                                                      \
     .size = (bytes_),                                                                             \
     .unit = "",                                                                                   \
     .meaning = (meaning_)},
#define OBJECT(name_, schema_, meaning_)                                                           \
    {.name = #name_,                                                                               \
     .kind = BB_OBJECT,                                                                            \
     .offset = offsetof(struct OWNER, name_),                                                      \
     .unit = "",                                                                                   \
     .meaning = (meaning_),                                                                        \
     .schema = &bb_##schema_##_schema},
#define LIST(name_, schema_, most_, meaning_)                                                      \
    {.name = #name_,                                                                               \
     .kind = BB_LIST,                                                                              \
     .offset = offsetof(struct OWNER, name_),                                                      \
     .size = (most_),                                                                              \
     .count_offset = offsetof(struct OWNER, name_##_count),                                        \
     .unit = "",                                                                                   \
     .meaning = (meaning_),                                                                        \
     .schema = &bb_##schema_##_schema},
#define SCHEMA(name_, linkage_)                                                                    \
    linkage_ const struct bb_schema bb_##name_##_schema = {                                        \
        .name = #name_,                                                                            \
        .size = sizeof(struct bb_##name_),                                                         \
        .fields = name_##_fields,                                                                  \
        .field_count = sizeof name_##_fields / sizeof name_##_fields[0]};
#define REQUIRED false

#define OWNER bb_device
static const struct bb_field device_fields[] = {
#define BB_DEVICE_FIELDS
#include "proto/message/fields.def"
#undef BB_DEVICE_FIELDS
};
#undef OWNER
SCHEMA(device, static)

#define OWNER bb_cell
static const struct bb_field cell_fields[] = {
#define BB_CELL_FIELDS
#include "proto/message/fields.def"
#undef BB_CELL_FIELDS
};
#undef OWNER
SCHEMA(cell, static)

#define OWNER bb_history
static const struct bb_field history_fields[] = {
#define BB_HISTORY_FIELDS
#include "proto/message/fields.def"
#undef BB_HISTORY_FIELDS
};
#undef OWNER
SCHEMA(history, )

#define OWNER bb_protection
static const struct bb_field protection_fields[] = {
#define BB_PROTECTION_FIELDS
#include "proto/message/fields.def"
#undef BB_PROTECTION_FIELDS
};
#undef OWNER
SCHEMA(protection, )

#define OWNER bb_battery
static const struct bb_field battery_fields[] = {
#define BB_BATTERY_FIELDS
#include "proto/message/fields.def"
#undef BB_BATTERY_FIELDS
};
#undef OWNER
SCHEMA(battery, )

#define OWNER bb_member
static const struct bb_field member_fields[] = {
#define BB_MEMBER_FIELDS
#include "proto/message/fields.def"
#undef BB_MEMBER_FIELDS
};
#undef OWNER
SCHEMA(member, static)

#define OWNER bb_charge
static const struct bb_field charge_fields[] = {
#define BB_CHARGE_FIELDS
#include "proto/message/fields.def"
#undef BB_CHARGE_FIELDS
};
#undef OWNER
SCHEMA(charge, static)

#define OWNER bb_link
static const struct bb_field link_fields[] = {
#define BB_LINK_FIELDS
#include "proto/message/fields.def"
#undef BB_LINK_FIELDS
};
#undef OWNER
SCHEMA(link, static)

#define OWNER bb_health
static const struct bb_field health_fields[] = {
#define BB_HEALTH_FIELDS
#include "proto/message/fields.def"
#undef BB_HEALTH_FIELDS
};
#undef OWNER
SCHEMA(health, static)

#define OWNER bb_log_line
static const struct bb_field log_line_fields[] = {
#define BB_LOG_FIELDS
#include "proto/message/fields.def"
#undef BB_LOG_FIELDS
};
#undef OWNER
SCHEMA(log_line, static)

/* Whatever a head lacks, a message without it cannot be trusted; a command or reply without its
 * correlation and verb cannot be matched. */
#undef REQUIRED
#define REQUIRED true

#define OWNER bb_head
static const struct bb_field head_fields[] = {
#define BB_HEAD_FIELDS
#include "proto/message/fields.def"
#undef BB_HEAD_FIELDS
};
#undef OWNER
SCHEMA(head, )

#define OWNER bb_command
static const struct bb_field command_fields[] = {
#define BB_COMMAND_FIELDS
#include "proto/message/fields.def"
#undef BB_COMMAND_FIELDS
};
#undef OWNER
SCHEMA(command, static)

#undef REQUIRED
#define REQUIRED false

#define OWNER bb_reply
static const struct bb_field reply_fields[] = {
#define BB_REPLY_FIELDS
#include "proto/message/fields.def"
#undef BB_REPLY_FIELDS
};
#undef OWNER
SCHEMA(reply, static)

const struct bb_schema *bb_message_schema(enum bb_topic_class topic_class)
{
    static const struct bb_schema *const schemas[BB_TOPIC_CLASSES] = {
        [BB_TOPIC_BATTERY] = &bb_battery_schema, [BB_TOPIC_CHARGE] = &bb_charge_schema,
        [BB_TOPIC_LINK] = &bb_link_schema,       [BB_TOPIC_HEALTH] = &bb_health_schema,
        [BB_TOPIC_COMMAND] = &bb_command_schema, [BB_TOPIC_REPLY] = &bb_reply_schema,
        [BB_TOPIC_LOG] = &bb_log_line_schema,
    };
    return topic_class >= 0 && topic_class < BB_TOPIC_CLASSES ? schemas[topic_class] : NULL;
}

int bb_battery_check(const struct bb_battery *battery, struct bb_problem *problem)
{
    int error = bb_schema_check(&bb_battery_schema, battery, problem);
    if (error != BB_OK) {
        return error;
    }
    if (battery->cells_count > 0 && battery->cell_count.present &&
        battery->cells_count % battery->cell_count.value != 0) {
        return bb_fail(problem, BB_ERR_RANGE, "cells", "%d cells, but cell_count is %lld",
                       battery->cells_count, (long long)battery->cell_count.value);
    }
    return BB_OK;
}
