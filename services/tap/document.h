/* docs/messages.md: every field of every message, from the tables that encode and decode them. */
#ifndef BUSBAR_TAP_DOCUMENT_H
#define BUSBAR_TAP_DOCUMENT_H

#include <stdio.h>

/* Writes the whole document as Markdown. */
void bb_document_write(FILE *file);

#endif
