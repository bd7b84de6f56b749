/* Text that grows in a buffer of the caller and is cut, never overrun, when it is full. */
#ifndef BUSBAR_TAP_TEXT_H
#define BUSBAR_TAP_TEXT_H

#include <stddef.h>

struct bb_text {
    char *buffer; /* always NUL-terminated */
    size_t capacity, used;
};

/* An empty text in buffer, which must have room for at least the NUL. */
struct bb_text bb_text_in(char *buffer, size_t capacity);

void bb_text_add(struct bb_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Appends size bytes of foreign text with every control character (C0, DEL, C1) and every byte
 * that is not UTF-8 as '?', so that nothing on the bus can steer the terminal. */
void bb_text_add_foreign(struct bb_text *text, const char *foreign, size_t size);

#endif
