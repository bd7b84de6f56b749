/* One readable line per message: topic, age, then the values that matter of its class. */
#ifndef BUSBAR_TAP_LINE_H
#define BUSBAR_TAP_LINE_H

#include <stdbool.h>

#include "proto/message/message.h"

#define BB_LINE_MAX 2048 /* room for the longest line; a longer one is cut */

struct bb_line_style {
    int topic_width; /* columns of the topic */
    bool colour;     /* ANSI colours: warnings yellow, alarms and lost links red */
};

/* Writes the line without its end into buffer. age_ms is the age of the fact on arrival; a
 * negative one (the sender's clock is another machine's) is shown as "ahead". */
void bb_line_message(const struct bb_message *message, int64_t age_ms,
                     const struct bb_line_style *style, char *buffer, size_t capacity);

/* The same for what could not be decoded, with the reason. */
void bb_line_refused(const char *topic, size_t topic_size, size_t body_size,
                     const struct bb_problem *problem, const struct bb_line_style *style,
                     char *buffer, size_t capacity);

/* Topic and body as hexadecimal digits, for what nothing else shows. */
void bb_line_raw(const char *topic, size_t topic_size, const uint8_t *body, size_t body_size,
                 const struct bb_line_style *style, char *buffer, size_t capacity);

#endif
