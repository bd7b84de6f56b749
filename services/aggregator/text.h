/* Texts of limited length built from parts: reasons, ids with names. */
#ifndef BUSBAR_SERVICES_AGGREGATOR_TEXT_H
#define BUSBAR_SERVICES_AGGREGATOR_TEXT_H

#include <stddef.h>

/* Appends part to the NUL-terminated text of capacity bytes, cut at a UTF-8 character boundary
 * where it does not fit. part may be NULL. */
void bb_text_append(char *text, size_t capacity, const char *part);

/* Appends part, preceded by separator when text is not empty. */
void bb_text_append_item(char *text, size_t capacity, const char *separator, const char *part);

#endif
