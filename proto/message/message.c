#include "proto/message/message.h"

#include <string.h>

#include "proto/message/pack.h"

#define DATA_KEY "data"

/* msgpack-c writes through a callback: a bounded buffer that never grows. */
struct sink {
    uint8_t *buffer;
    size_t capacity, used;
};

static int sink_write(void *arg, const char *data, size_t size)
{
    struct sink *sink = arg;
    if (size > sink->capacity - sink->used) {
        return -1;
    }
    memcpy(sink->buffer + sink->used, data, size);
    sink->used += size;
    return 0;
}

const char *bb_message_id(const struct bb_message *message)
{
    return bb_topic_rest(message->topic);
}

/* What holds for the body beyond its table. */
static int check_body(const struct bb_message *message, struct bb_problem *problem)
{
    const struct bb_schema *schema = bb_message_schema(message->topic_class);
    if (!schema) {
        return bb_fail(problem, BB_ERR_UNKNOWN, "topic", "unknown class");
    }
    if (message->topic_class == BB_TOPIC_BATTERY) {
        return bb_battery_check(&message->body.battery, problem);
    }
    return bb_schema_check(schema, &message->body, problem);
}

int bb_message_encode(const struct bb_message *message, uint8_t *buffer, size_t capacity,
                      struct bb_problem *problem)
{
    int error = bb_schema_check(&bb_head_schema, &message->head, problem);
    error = error == BB_OK ? check_body(message, problem) : error;
    if (error != BB_OK) {
        return error;
    }
    const struct bb_schema *schema = bb_message_schema(message->topic_class);
    struct sink sink = {.buffer = buffer, .capacity = capacity};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &sink, sink_write);
    int failed = msgpack_pack_map(&packer, bb_pack_count(&bb_head_schema, &message->head) + 1);
    failed = failed ? failed : bb_pack_fields(&packer, &bb_head_schema, &message->head);
    failed = failed ? failed : msgpack_pack_str(&packer, strlen(DATA_KEY));
    failed = failed ? failed : msgpack_pack_str_body(&packer, DATA_KEY, strlen(DATA_KEY));
    failed = failed ? failed : msgpack_pack_map(&packer, bb_pack_count(schema, &message->body));
    failed = failed ? failed : bb_pack_fields(&packer, schema, &message->body);
    if (failed) {
        return bb_fail(problem, BB_ERR_OVERSIZE, message->topic, "body exceeds %zu bytes",
                       capacity);
    }
    return (int)sink.used;
}

static const msgpack_object *find_data(const msgpack_object_map *map)
{
    for (uint32_t i = 0; i < map->size; i++) {
        const msgpack_object *key = &map->ptr[i].key;
        if (key->type == MSGPACK_OBJECT_STR && key->via.str.size == strlen(DATA_KEY) &&
            memcmp(key->via.str.ptr, DATA_KEY, strlen(DATA_KEY)) == 0) {
            return &map->ptr[i].val;
        }
    }
    return NULL;
}

static int unpack_message(const msgpack_object *root, struct bb_message *message,
                          struct bb_problem *problem)
{
    if (root->type != MSGPACK_OBJECT_MAP) {
        return bb_fail(problem, BB_ERR_TYPE, "body", "expected a map");
    }
    int error = bb_unpack_fields(&root->via.map, &bb_head_schema, &message->head, problem);
    error = error == BB_OK ? bb_schema_check(&bb_head_schema, &message->head, problem) : error;
    if (error != BB_OK) {
        return error;
    }
    if (message->head.version.value != BB_MESSAGE_VERSION) {
        return bb_fail(problem, BB_ERR_VERSION, "version", "%lld, but %d is understood",
                       (long long)message->head.version.value, BB_MESSAGE_VERSION);
    }
    const msgpack_object *data = find_data(&root->via.map);
    if (!data || data->type != MSGPACK_OBJECT_MAP) {
        return bb_fail(problem, BB_ERR_MISSING, DATA_KEY, "expected a map");
    }
    error = bb_unpack_fields(&data->via.map, bb_message_schema(message->topic_class),
                             &message->body, problem);
    return error == BB_OK ? check_body(message, problem) : error;
}

/* Refuses what the unpacker must not even see. */
static int check_frame(const uint8_t *data, size_t size, struct bb_problem *problem)
{
    if (size > BB_MESSAGE_MAX) {
        return bb_fail(problem, BB_ERR_OVERSIZE, "body", "%zu bytes, at most %d", size,
                       BB_MESSAGE_MAX);
    }
    int measured = bb_pack_measure(data, size);
    if (measured < 0) {
        return bb_fail(problem, measured, "body", "%s MessagePack", bb_error_text(measured));
    }
    if ((size_t)measured != size) {
        return bb_fail(problem, BB_ERR_OVERSIZE, "body", "%zu bytes after the map",
                       size - (size_t)measured);
    }
    return BB_OK;
}

int bb_message_decode(const char *topic, size_t topic_size, const uint8_t *data, size_t size,
                      struct bb_message *ret_message, struct bb_problem *problem)
{
    int topic_class = bb_topic_parse(topic, topic_size);
    if (topic_class < 0) {
        return bb_fail(problem, topic_class, "topic", "not a topic of the bus");
    }
    int error = check_frame(data, size, problem);
    if (error != BB_OK) {
        return error;
    }
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    if (msgpack_unpack_next(&unpacked, (const char *)data, size, &offset) !=
        MSGPACK_UNPACK_SUCCESS) {
        msgpack_unpacked_destroy(&unpacked);
        return bb_fail(problem, BB_ERR_MALFORMED, "body", "not MessagePack");
    }
    struct bb_message message = {.topic_class = (enum bb_topic_class)topic_class};
    memcpy(message.topic, topic, topic_size);
    error = unpack_message(&unpacked.data, &message, problem);
    msgpack_unpacked_destroy(&unpacked);
    if (error == BB_OK) {
        *ret_message = message;
    }
    return error;
}
