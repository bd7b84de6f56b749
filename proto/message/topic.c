#include "proto/message/topic.h"

#include <stdio.h>
#include <string.h>

#include "proto/error.h"

static const struct {
    const char *prefix;
    bool cached;
} classes[BB_TOPIC_CLASSES] = {
    [BB_TOPIC_BATTERY] = {"battery/", true},  [BB_TOPIC_CHARGE] = {"charge/", true},
    [BB_TOPIC_LINK] = {"link/", true},        [BB_TOPIC_HEALTH] = {"health/", true},
    [BB_TOPIC_COMMAND] = {"command/", false}, [BB_TOPIC_REPLY] = {"reply/", false},
    [BB_TOPIC_LOG] = {"log/", false},
};

const char *bb_topic_prefix(enum bb_topic_class topic_class)
{
    return classes[topic_class].prefix;
}

bool bb_topic_is_cached(enum bb_topic_class topic_class)
{
    return classes[topic_class].cached;
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_topic_char(char c)
{
    return is_lower_or_digit(c) || is_upper(c) || (c != '\0' && strchr("_.:-/", c) != NULL);
}

int bb_topic_parse(const char *topic, size_t size)
{
    if (size >= BB_TOPIC_MAX) {
        return BB_ERR_OVERSIZE;
    }
    for (size_t i = 0; i < size; i++) {
        if (!is_topic_char(topic[i])) {
            return BB_ERR_MALFORMED;
        }
    }
    for (int i = 0; i < BB_TOPIC_CLASSES; i++) {
        size_t length = strlen(classes[i].prefix);
        if (size > length && memcmp(topic, classes[i].prefix, length) == 0) {
            return i;
        }
    }
    return BB_ERR_UNKNOWN;
}

const char *bb_topic_rest(const char *topic)
{
    const char *slash = strchr(topic, '/');
    return slash ? slash + 1 : topic;
}

int bb_topic_make(char *ret_topic, size_t capacity, enum bb_topic_class topic_class,
                  const char *rest)
{
    char topic[BB_TOPIC_MAX];
    int size = snprintf(topic, sizeof topic, "%s%s", classes[topic_class].prefix, rest);
    if (size < 0 || (size_t)size >= sizeof topic || (size_t)size >= capacity) {
        return BB_ERR_OVERSIZE;
    }
    int parsed = bb_topic_parse(topic, (size_t)size);
    if (parsed < 0) {
        return parsed;
    }
    memcpy(ret_topic, topic, (size_t)size + 1);
    return BB_OK;
}

bool bb_id_from_text(char *ret_id, size_t capacity, const char *text)
{
    size_t used = 0;
    for (; *text != '\0' && used + 1 < capacity; text++) {
        char c = is_upper(*text) ? (char)(*text - 'A' + 'a') : *text;
        bool usable = is_lower_or_digit(c) || c == '_' || c == '.' || c == '-';
        if (!usable && (used == 0 || ret_id[used - 1] == '-')) {
            continue;
        }
        ret_id[used++] = usable ? c : '-';
    }
    while (used > 0 && ret_id[used - 1] == '-') {
        used--;
    }
    if (capacity > 0) {
        ret_id[used] = '\0';
    }
    return used > 0;
}
