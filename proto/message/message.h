/* A message of the bus in memory, and its MessagePack form.
 *
 * On the bus a message is two frames: the topic (topic.h) and one MessagePack map. The map holds
 * the head's fields and, under "data", the body's, both as declared in fields.def. Unknown keys
 * are ignored, so that a newer sender can add some. Everything else that does not fit its
 * declaration (truncated, wrong type, out of range, too many, not UTF-8, a key twice) refuses
 * the whole message.
 */
#ifndef BUSBAR_PROTO_MESSAGE_MESSAGE_H
#define BUSBAR_PROTO_MESSAGE_MESSAGE_H

#include "proto/message/battery.h"
#include "proto/message/topic.h"

#define BB_MESSAGE_VERSION 1
#define BB_MESSAGE_MAX 16384 /* largest body in bytes; a full battery takes about 3 kB */

struct bb_head {
#define BB_HEAD_FIELDS
#include "proto/message/members.h"
#undef BB_HEAD_FIELDS
};

struct bb_member {
#define BB_MEMBER_FIELDS
#include "proto/message/members.h"
#undef BB_MEMBER_FIELDS
};

struct bb_charge {
#define BB_CHARGE_FIELDS
#include "proto/message/members.h"
#undef BB_CHARGE_FIELDS
};

struct bb_link {
#define BB_LINK_FIELDS
#include "proto/message/members.h"
#undef BB_LINK_FIELDS
};

struct bb_health {
#define BB_HEALTH_FIELDS
#include "proto/message/members.h"
#undef BB_HEALTH_FIELDS
};

struct bb_command {
#define BB_COMMAND_FIELDS
#include "proto/message/members.h"
#undef BB_COMMAND_FIELDS
};

struct bb_reply {
#define BB_REPLY_FIELDS
#include "proto/message/members.h"
#undef BB_REPLY_FIELDS
};

struct bb_log_line {
#define BB_LOG_FIELDS
#include "proto/message/members.h"
#undef BB_LOG_FIELDS
};

struct bb_message {
    enum bb_topic_class topic_class;
    char topic[BB_TOPIC_MAX];
    struct bb_head head;
    union {
        struct bb_battery battery;
        struct bb_charge charge;
        struct bb_link link;
        struct bb_health health;
        struct bb_command command;
        struct bb_reply reply;
        struct bb_log_line log;
    } body;
};

extern const struct bb_schema bb_head_schema;

/* The schema of a class's body. */
const struct bb_schema *bb_message_schema(enum bb_topic_class topic_class);

/* The id of the battery, process or link a message is about: its topic without the class. */
const char *bb_message_id(const struct bb_message *message);

/* Writes the body as MessagePack. message->topic, topic_class and head must be filled in.
 * Returns the number of bytes, or a negative code: what is refused when decoding is refused
 * when encoding, so that no program can put on the bus what the others cannot read. */
int bb_message_encode(const struct bb_message *message, uint8_t *buffer, size_t capacity,
                      struct bb_problem *problem);

/* Reads topic and body as they came from the bus. ret_message is complete or untouched. */
int bb_message_decode(const char *topic, size_t topic_size, const uint8_t *data, size_t size,
                      struct bb_message *ret_message, struct bb_problem *problem);

#endif
