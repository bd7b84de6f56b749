/* The table that "busbar status" prints. */
#ifndef BUSBAR_SUPERVISOR_TABLE_H
#define BUSBAR_SUPERVISOR_TABLE_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* Writes the status answer (status.h) as an aligned table; what is absent becomes "-". */
void bb_table_print(const json_t *status, FILE *file);

/* Writes a duration as people say it: "12 s", "4 min", "3.2 h", "12 d". */
void bb_table_duration(char *ret_text, size_t capacity, int64_t duration_ms);

#endif
