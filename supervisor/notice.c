#include "supervisor/notice.h"

#include <string.h>

#include "proto/error.h"
#include "proto/message/schema.h"

struct span {
    const char *data;
    size_t size;
};

static bool is_word(struct span text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

/* Takes a decimal number off the front of text; false when there is none or it is too large. */
static bool take_number(struct span *text, int64_t *ret_value)
{
    enum { MOST_DIGITS = 18 };
    int64_t value = 0;
    size_t digits = 0;
    while (digits < text->size && text->data[digits] >= '0' && text->data[digits] <= '9') {
        if (digits == MOST_DIGITS) {
            return false;
        }
        value = value * 10 + (text->data[digits] - '0');
        digits++;
    }
    if (digits == 0) {
        return false;
    }
    text->data += digits;
    text->size -= digits;
    *ret_value = value;
    return true;
}

static bool read_messages(struct span text, struct bb_notice *notice)
{
    int64_t in;
    int64_t out;
    if (!take_number(&text, &in) || text.size == 0 || text.data[0] != ' ') {
        return false;
    }
    text.data++;
    text.size--;
    if (!take_number(&text, &out) || text.size != 0) {
        return false;
    }
    notice->has_messages = true;
    notice->messages_in = in;
    notice->messages_out = out;
    return true;
}

/* A status is shown on terminals: nothing but printable UTF-8 gets through. */
static bool read_status(struct span text, struct bb_notice *notice)
{
    size_t size = text.size < BB_STATUS_MAX - 1 ? text.size : BB_STATUS_MAX - 1;
    while (size > 0 && size < text.size && ((unsigned char)text.data[size] & 0xC0U) == 0x80U) {
        size--; /* not in the middle of a character */
    }
    if (!bb_text_is_utf8(text.data, size)) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char c = text.data[i];
        notice->status[i] = (unsigned char)c < ' ' || c == 0x7F ? ' ' : c;
    }
    notice->status[size] = '\0';
    notice->has_status = true;
    return true;
}

static bool read_line(struct span line, struct bb_notice *notice)
{
    const char *equals = memchr(line.data, '=', line.size);
    if (!equals) {
        return false;
    }
    struct span name = {line.data, (size_t)(equals - line.data)};
    struct span value = {equals + 1, line.size - name.size - 1};
    if (is_word(name, "STATUS")) {
        return read_status(value, notice);
    }
    if (is_word(name, "X_BUSBAR_MESSAGES")) {
        return read_messages(value, notice);
    }
    if (!is_word(value, "1")) {
        return false;
    }
    notice->ready = notice->ready || is_word(name, "READY");
    notice->watchdog = notice->watchdog || is_word(name, "WATCHDOG");
    return is_word(name, "READY") || is_word(name, "WATCHDOG");
}

int bb_notice_parse(const char *data, size_t size, struct bb_notice *ret_notice)
{
    if (size > BB_NOTICE_MAX) {
        return BB_ERR_OVERSIZE;
    }
    struct bb_notice notice = {0};
    int understood = 0;
    struct span rest = {data, size};
    while (rest.size > 0) {
        const char *end = memchr(rest.data, '\n', rest.size);
        struct span line = {rest.data, end ? (size_t)(end - rest.data) : rest.size};
        understood += read_line(line, &notice) ? 1 : 0;
        size_t used = line.size + (end ? 1 : 0);
        rest.data += used;
        rest.size -= used;
    }
    *ret_notice = notice;
    return understood;
}
