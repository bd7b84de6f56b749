/* Topics of the bus: "<class>/<rest>", at most BB_TOPIC_MAX bytes with the NUL, made of
 * [A-Za-z0-9_.:-] and '/'.
 *
 *   battery/<id>               a reader's state of one battery
 *   charge/<id>                the aggregator's decision; a bank has an id of its own
 *   link/<process>/<address>   one battery's place on a wire, with counters
 *   health/<process>           a process about itself, every second
 *   command/<id>  reply/<id>   acknowledged commands, never cached
 *   log/<process>              warnings and above, never cached
 */
#ifndef BUSBAR_PROTO_MESSAGE_TOPIC_H
#define BUSBAR_PROTO_MESSAGE_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

#define BB_TOPIC_MAX 128

enum bb_topic_class {
    BB_TOPIC_BATTERY,
    BB_TOPIC_CHARGE,
    BB_TOPIC_LINK,
    BB_TOPIC_HEALTH,
    BB_TOPIC_COMMAND,
    BB_TOPIC_REPLY,
    BB_TOPIC_LOG,
    BB_TOPIC_CLASSES
};

/* Name of a class with its slash, e.g. "battery/"; static storage. */
const char *bb_topic_prefix(enum bb_topic_class topic_class);

/* Parses topic (size bytes, no NUL needed). Returns the class, or a negative code of
 * proto/error.h when it is not a topic of the bus. */
int bb_topic_parse(const char *topic, size_t size);

/* What follows the class: "battery/rack-0x01" -> "rack-0x01". topic must be well formed. */
const char *bb_topic_rest(const char *topic);

/* True when the bus keeps the last message of that class for late joiners. */
bool bb_topic_is_cached(enum bb_topic_class topic_class);

/* Writes "<class>/<rest>" and returns 0, or BB_ERR_OVERSIZE / BB_ERR_MALFORMED. */
int bb_topic_make(char *ret_topic, size_t capacity, enum bb_topic_class topic_class,
                  const char *rest);

/* Copies text into a name usable as an id: lower case [a-z0-9_.-], anything else becomes '-',
 * cut to capacity. Returns false when nothing usable remains. */
bool bb_id_from_text(char *ret_id, size_t capacity, const char *text);

#endif
