/* JSON form of a message struct, derived from its schema (proto/message/schema.h): the same
 * names, absent fields left out, numbers rounded to the field's decimals. */
#ifndef BUSBAR_COMMON_JSON_H
#define BUSBAR_COMMON_JSON_H

#include <jansson.h>

#include "proto/message/message.h"

/* Object with every present field; the caller owns the reference. NULL when out of memory. */
json_t *bb_json_from(const struct bb_schema *schema, const void *object);

/* Head and body of a message: {"topic": ..., <head fields>, "data": {...}}. */
json_t *bb_json_from_message(const struct bb_message *message);

/* Reads object (a JSON object) into ret_object, which must hold schema->size bytes. Unknown
 * keys are ignored; a wrong type, a value out of range, too many elements refuse it whole and
 * leave ret_object untouched. Numbers must be JSON numbers, switches JSON booleans. */
int bb_json_to(const struct bb_schema *schema, const json_t *object, void *ret_object,
               struct bb_problem *problem);

#endif
