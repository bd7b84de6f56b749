/* Structs to MessagePack and back, by schema. Internal to proto/message. */
#ifndef BUSBAR_PROTO_MESSAGE_PACK_H
#define BUSBAR_PROTO_MESSAGE_PACK_H

#include <msgpack.h>

#include "proto/message/schema.h"

/* Number of present fields. */
uint32_t bb_pack_count(const struct bb_schema *schema, const void *object);

/* Appends every present field as key and value; the caller has opened the map. */
int bb_pack_fields(msgpack_packer *packer, const struct bb_schema *schema, const void *object);

/* Reads a map into object (zeroed by the caller). A key that is not declared is ignored. */
int bb_unpack_fields(const msgpack_object_map *map, const struct bb_schema *schema, void *object,
                     struct bb_problem *problem);

/* Walks one MessagePack value without building it and returns its size in bytes, or a negative
 * code: nesting deeper than 8, extension types, or more elements announced than the remaining
 * bytes could hold. After it, unpacking cannot be made to allocate more than size * 24 bytes. */
int bb_pack_measure(const uint8_t *data, size_t size);

#endif
