#include "services/tap/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/message/schema.h"

struct bb_text bb_text_in(char *buffer, size_t capacity)
{
    buffer[0] = '\0';
    return (struct bb_text){.buffer = buffer, .capacity = capacity};
}

void bb_text_add(struct bb_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int added = vsnprintf(text->buffer + text->used, text->capacity - text->used, format, args);
    va_end(args);
    if (added > 0) {
        size_t room = text->capacity - text->used - 1;
        text->used += (size_t)added < room ? (size_t)added : room;
    }
}

static size_t sequence_size(unsigned char lead)
{
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xe0) {
        return 2;
    }
    return lead < 0xf0 ? 3 : 4;
}

/* Bytes of the character at the start of foreign, or 0 when it must not reach a terminal. */
static size_t printable_size(const char *foreign, size_t size)
{
    unsigned char lead = (unsigned char)foreign[0];
    size_t wanted = sequence_size(lead);
    if (lead < 0x20 || lead == 0x7f || wanted > size || !bb_text_is_utf8(foreign, wanted)) {
        return 0;
    }
    /* U+0080..U+009F are the C1 controls: a terminal may take U+009B for ESC [. */
    bool is_c1 = lead == 0xc2 && (unsigned char)foreign[1] < 0xa0;
    return is_c1 ? 0 : wanted;
}

void bb_text_add_foreign(struct bb_text *text, const char *foreign, size_t size)
{
    size_t i = 0;
    while (i < size) {
        size_t wanted = printable_size(foreign + i, size - i);
        const char *source = wanted > 0 ? foreign + i : "?";
        size_t length = wanted > 0 ? wanted : 1;
        if (length >= text->capacity - text->used) {
            return;
        }
        memcpy(text->buffer + text->used, source, length);
        text->used += length;
        text->buffer[text->used] = '\0';
        i += length;
    }
}
