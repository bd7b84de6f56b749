#include "common/config_values.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX_BYTES 128

static const char *const yes_words[] = {"yes", "true", "on", "1"};
static const char *const no_words[] = {"no", "false", "off", "0"};

static bool is_one_of(const char *value, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(value, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool bb_value_switch(const char *value)
{
    return is_one_of(value, yes_words, sizeof yes_words / sizeof yes_words[0]);
}

static bool is_switch(const char *value)
{
    return bb_value_switch(value) ||
           is_one_of(value, no_words, sizeof no_words / sizeof no_words[0]);
}

static bool parse_real(const char *text, double *ret_value)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || !isfinite(value)) {
        return false;
    }
    *ret_value = value;
    return true;
}

static bool parse_integer(const char *text, int64_t *ret_value)
{
    const char *digits = text + (*text == '-' || *text == '+');
    bool hexadecimal = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, hexadecimal ? 16 : 10);
    if (end == text || *end != '\0' || errno != 0) {
        return false;
    }
    *ret_value = value;
    return true;
}

double bb_value_real(const char *value)
{
    double real = 0;
    (void)parse_real(value, &real);
    return real;
}

int64_t bb_value_integer(const char *value)
{
    int64_t integer = 0;
    (void)parse_integer(value, &integer);
    return integer;
}

bool bb_value_word(const char *value, size_t index, char *ret_word, size_t capacity)
{
    const char *start = value;
    for (;;) {
        const char *comma = strchr(start, ',');
        const char *end = comma ? comma : start + strlen(start);
        while (start < end && isspace((unsigned char)*start)) {
            start++;
        }
        while (end > start && isspace((unsigned char)end[-1])) {
            end--;
        }
        if (index == 0) {
            size_t size = (size_t)(end - start);
            if (size == 0 || size >= capacity) {
                return false;
            }
            memcpy(ret_word, start, size);
            ret_word[size] = '\0';
            return true;
        }
        if (!comma) {
            return false;
        }
        start = comma + 1;
        index--;
    }
}

size_t bb_value_reals(const char *value, double *ret_values, size_t capacity)
{
    char word[WORD_MAX_BYTES];
    size_t count = 0;
    while (bb_value_word(value, count, word, sizeof word)) {
        if (count < capacity) {
            ret_values[count] = bb_value_real(word);
        }
        count++;
    }
    return count;
}

size_t bb_value_integers(const char *value, int64_t *ret_values, size_t capacity)
{
    char word[WORD_MAX_BYTES];
    size_t count = 0;
    while (bb_value_word(value, count, word, sizeof word)) {
        if (count < capacity) {
            ret_values[count] = bb_value_integer(word);
        }
        count++;
    }
    return count;
}

static int check_number(const struct bb_option *option, const char *word, bool whole, char *what,
                        size_t capacity)
{
    double real = 0;
    int64_t integer = 0;
    bool parsed = whole ? parse_integer(word, &integer) : parse_real(word, &real);
    if (!parsed) {
        (void)snprintf(what, capacity, "'%s' is not %s", word,
                       whole ? "a whole number" : "a number");
        return BB_ERR_TYPE;
    }
    double value = whole ? (double)integer : real;
    if (value < option->min || value > option->max) {
        (void)snprintf(what, capacity, "%s is not within %g to %g%s%s", word, option->min,
                       option->max, option->unit ? " " : "", option->unit ? option->unit : "");
        return BB_ERR_RANGE;
    }
    return BB_OK;
}

static size_t count_words(const char *value)
{
    size_t count = 1;
    for (const char *p = value; *p != '\0'; p++) {
        count += *p == ',' ? 1 : 0;
    }
    return count;
}

static int check_list(const struct bb_option *option, const char *value, char *what,
                      size_t capacity)
{
    size_t count = count_words(value);
    for (size_t i = 0; i < count; i++) {
        char word[WORD_MAX_BYTES];
        if (!bb_value_word(value, i, word, sizeof word)) {
            (void)snprintf(what, capacity, "element %zu of the list is empty or too long", i + 1);
            return BB_ERR_MALFORMED;
        }
        int error = BB_OK;
        if (option->type != BB_OPTION_WORDS) {
            error = check_number(option, word, option->type == BB_OPTION_INTEGERS, what, capacity);
        }
        if (error != BB_OK) {
            return error;
        }
    }
    return BB_OK;
}

static int check_choice(const struct bb_option *option, const char *value, char *what,
                        size_t capacity)
{
    size_t size = strlen(value);
    const char *choice = option->choices;
    while (choice) {
        const char *bar = strchr(choice, '|');
        size_t choice_size = bar ? (size_t)(bar - choice) : strlen(choice);
        if (choice_size == size && memcmp(choice, value, size) == 0) {
            return BB_OK;
        }
        choice = bar ? bar + 1 : NULL;
    }
    (void)snprintf(what, capacity, "'%s' is none of %s", value, option->choices);
    return BB_ERR_RANGE;
}

int bb_value_check(const struct bb_option *option, const char *value, char *what, size_t capacity)
{
    if (*value == '\0') {
        if (*option->fallback == '\0') {
            return BB_OK; /* not set, as by default */
        }
        (void)snprintf(what, capacity, "has no value");
        return BB_ERR_MISSING;
    }
    switch (option->type) {
    case BB_OPTION_TEXT:
        return BB_OK;
    case BB_OPTION_INTEGER:
    case BB_OPTION_REAL:
        return check_number(option, value, option->type == BB_OPTION_INTEGER, what, capacity);
    case BB_OPTION_SWITCH:
        if (is_switch(value)) {
            return BB_OK;
        }
        (void)snprintf(what, capacity, "'%s' is neither yes nor no", value);
        return BB_ERR_TYPE;
    case BB_OPTION_CHOICE:
        return check_choice(option, value, what, capacity);
    case BB_OPTION_REALS:
    case BB_OPTION_INTEGERS:
    case BB_OPTION_WORDS:
        return check_list(option, value, what, capacity);
    }
    return BB_ERR_TYPE;
}
