/* Any topic and body: refused, or a message that encodes again to an equal one. */
#include <stdlib.h>
#include <string.h>

#include "proto/message/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says how long the topic is; the rest is the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t topic_size = size > 0 ? data[0] : 0;
    if (size == 0 || topic_size > size - 1) {
        return 0;
    }
    static struct bb_message message;
    static struct bb_message again;
    struct bb_problem problem;
    if (bb_message_decode((const char *)data + 1, topic_size, data + 1 + topic_size,
                          size - 1 - topic_size, &message, &problem) != BB_OK) {
        return 0;
    }
    uint8_t body[BB_MESSAGE_MAX];
    int encoded = bb_message_encode(&message, body, sizeof body, &problem);
    if (encoded < 0 || bb_message_decode(message.topic, strlen(message.topic), body,
                                         (size_t)encoded, &again, &problem) != BB_OK) {
        abort();
    }
    if (!bb_schema_equal(bb_message_schema(message.topic_class), &message.body, &again.body)) {
        abort();
    }
    return 0;
}
