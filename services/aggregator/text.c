#include "services/aggregator/text.h"

#include <stdbool.h>
#include <string.h>

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xC0U) == 0x80U;
}

void bb_text_append(char *text, size_t capacity, const char *part)
{
    if (part == NULL) {
        return;
    }
    size_t used = strlen(text);
    size_t room = capacity - used - 1;
    size_t size = strlen(part);
    if (size > room) {
        size = room;
        while (size > 0 && is_continuation(part[size])) {
            size--;
        }
    }
    memcpy(text + used, part, size);
    text[used + size] = '\0';
}

void bb_text_append_item(char *text, size_t capacity, const char *separator, const char *part)
{
    if (text[0] != '\0') {
        bb_text_append(text, capacity, separator);
    }
    bb_text_append(text, capacity, part);
}
