/* Which messages were seen before: the bus repeats its cache whenever somebody joins. */
#ifndef BUSBAR_TAP_SEEN_H
#define BUSBAR_TAP_SEEN_H

#include "proto/message/message.h"

enum bb_seen_as {
    BB_SEEN_FIRST,   /* first of its topic and sender */
    BB_SEEN_NEWER,   /* follows what was seen */
    BB_SEEN_REPEATED /* the same again, or older */
};

struct bb_seen;

/* Remembers at most limit topics; when there are more it forgets all and starts anew. */
struct bb_seen *bb_seen_new(size_t limit);
void bb_seen_destroy(struct bb_seen **seen);

enum bb_seen_as bb_seen_note(struct bb_seen *seen, const struct bb_message *message);

#endif
