/* Parsing of single option values. Internal to common/config. */
#ifndef BUSBAR_COMMON_CONFIG_VALUES_H
#define BUSBAR_COMMON_CONFIG_VALUES_H

#include "common/config.h"

/* BB_OK when value is valid for option; else fills what (problem->where is left to the caller). */
int bb_value_check(const struct bb_option *option, const char *value, char *what, size_t capacity);

/* Parsers of checked values. The list ones return how many elements there are. */
bool bb_value_switch(const char *value);
double bb_value_real(const char *value);
int64_t bb_value_integer(const char *value);
size_t bb_value_reals(const char *value, double *ret_values, size_t capacity);
size_t bb_value_integers(const char *value, int64_t *ret_values, size_t capacity);
bool bb_value_word(const char *value, size_t index, char *ret_word, size_t capacity);

#endif
