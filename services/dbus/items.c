#include "services/dbus/items.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/error.h"
#include "proto/message/schema.h"

/* More leaves than any battery has: 64 cells take 128, the table about 130. */
#define ITEMS_MAX 512

struct bb_items {
    struct bb_item *item[ITEMS_MAX]; /* in the order of adding */
    size_t sorted[ITEMS_MAX];        /* indices in the order of paths */
    size_t count;
    bool changed; /* at least one item is */
};

struct bb_items *bb_items_new(void)
{
    return calloc(1, sizeof(struct bb_items));
}

void bb_items_destroy(struct bb_items **items)
{
    if (!items || !*items) {
        return;
    }
    for (size_t i = 0; i < (*items)->count; i++) {
        free((*items)->item[i]->text);
        free((*items)->item[i]);
    }
    free(*items);
    *items = NULL;
}

static bool is_element_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* An absolute path of non-empty elements, other than "/". */
static bool is_leaf_path(const char *path)
{
    if (path[0] != '/') {
        return false;
    }
    for (const char *p = path; *p; p++) {
        bool fits = *p == '/' ? is_element_char(p[1]) : is_element_char(*p);
        if (!fits) {
            return false;
        }
    }
    return true;
}

/* Position of the first leaf whose path is not less than path. Every character of an element is
 * greater than '/', so that the leaves below a node follow each other. */
static size_t lower_bound(const struct bb_items *items, const char *path)
{
    size_t low = 0;
    size_t high = items->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(items->item[items->sorted[middle]]->path, path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct bb_item *new_item(const char *path, const struct bb_item_spec *spec)
{
    struct bb_item *item = calloc(1, sizeof *item);
    if (!item) {
        return NULL;
    }
    if (spec->type == BB_ITEM_TEXT) {
        item->text = calloc(1, BB_ITEM_TEXT_MAX);
        if (!item->text) {
            free(item);
            return NULL;
        }
    }
    item->spec = spec;
    item->valid = spec->required;
    memcpy(item->path, path, strlen(path) + 1);
    return item;
}

int bb_items_add(struct bb_items *items, const char *path, const struct bb_item_spec *spec)
{
    if (strlen(path) >= BB_ITEM_PATH_MAX || items->count == ITEMS_MAX) {
        return BB_ERR_OVERSIZE;
    }
    if (!is_leaf_path(path)) {
        return BB_ERR_MALFORMED;
    }
    size_t position = lower_bound(items, path);
    if (position < items->count && strcmp(bb_items_sorted(items, position)->path, path) == 0) {
        return BB_ERR_DUPLICATE;
    }
    struct bb_item *item = new_item(path, spec);
    if (!item) {
        return BB_ERR_NO_MEMORY;
    }
    memmove(&items->sorted[position + 1], &items->sorted[position],
            (items->count - position) * sizeof items->sorted[0]);
    items->sorted[position] = items->count;
    items->item[items->count] = item;
    return (int)items->count++;
}

/* The nearest number with that many decimals, which is what a reader of the text would take it
 * for; multiplying and dividing by a power of ten is off by one digit near the middle. */
static double rounded(double value, unsigned decimals)
{
    char digits[BB_ITEM_TEXT_MAX];
    int size = snprintf(digits, sizeof digits, "%.*f", (int)decimals, value);
    if (size < 0 || (size_t)size >= sizeof digits) {
        return value;
    }
    return strtod(digits, NULL) + 0.0; /* a negative zero becomes a plain one */
}

static double cut_to_int32(double value)
{
    double whole = trunc(value);
    if (whole > INT32_MAX) {
        return INT32_MAX;
    }
    return whole < INT32_MIN ? INT32_MIN : whole + 0.0;
}

/* Length of the longest part of text that fits a leaf and ends between two characters. */
static size_t fitting_length(const char *text)
{
    size_t length = strnlen(text, BB_ITEM_TEXT_MAX);
    if (length < BB_ITEM_TEXT_MAX) {
        return length;
    }
    length = BB_ITEM_TEXT_MAX - 1;
    while (length > 0 && ((unsigned char)text[length] & 0xC0U) == 0x80U) {
        length--;
    }
    return length;
}

static bool set_text(struct bb_item *item, const char *text, bool valid)
{
    size_t length = fitting_length(text);
    if (item->valid == valid && strlen(item->text) == length &&
        memcmp(item->text, text, length) == 0) {
        return false;
    }
    memcpy(item->text, text, length);
    item->text[length] = '\0';
    item->valid = valid;
    return true;
}

static bool set_number(struct bb_item *item, double number, bool valid)
{
    if (item->valid == valid && item->given == number) {
        return false;
    }
    double stored = item->spec->type == BB_ITEM_REAL ? rounded(number, item->spec->decimals)
                                                     : cut_to_int32(number);
    item->given = number;
    if (item->valid == valid && (!valid || item->number == stored)) {
        return false;
    }
    item->number = stored;
    item->valid = valid;
    return true;
}

bool bb_items_set(struct bb_items *items, size_t index, struct bb_value value)
{
    struct bb_item *item = items->item[index];
    bool known = value.valid;
    bool changed;
    if (item->spec->type == BB_ITEM_TEXT) {
        known = known && value.text && bb_text_is_utf8(value.text, fitting_length(value.text));
        changed = set_text(item, known ? value.text : "", known || item->spec->required);
    } else {
        known = known && isfinite(value.number);
        changed = set_number(item, known ? value.number : 0, known || item->spec->required);
    }
    item->changed = item->changed || changed;
    items->changed = items->changed || changed;
    return changed;
}

void bb_items_settle(struct bb_items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        items->item[i]->changed = false;
    }
    items->changed = false;
}

size_t bb_items_count(const struct bb_items *items)
{
    return items->count;
}

bool bb_items_changed(const struct bb_items *items)
{
    return items->changed;
}

const struct bb_item *bb_items_get(const struct bb_items *items, size_t index)
{
    return items->item[index];
}

const struct bb_item *bb_items_sorted(const struct bb_items *items, size_t position)
{
    return items->item[items->sorted[position]];
}

const struct bb_item *bb_items_find(const struct bb_items *items, const char *path,
                                    size_t *ret_index)
{
    size_t position = lower_bound(items, path);
    if (position == items->count || strcmp(bb_items_sorted(items, position)->path, path) != 0) {
        return NULL;
    }
    if (ret_index) {
        *ret_index = items->sorted[position];
    }
    return bb_items_sorted(items, position);
}

size_t bb_items_below(const struct bb_items *items, const char *node, size_t *ret_first)
{
    char prefix[BB_ITEM_PATH_MAX + 1];
    int length = snprintf(prefix, sizeof prefix, "%s/", strcmp(node, "/") == 0 ? "" : node);
    if (length < 0 || (size_t)length >= sizeof prefix) {
        return 0;
    }
    size_t first = lower_bound(items, prefix);
    size_t end = first;
    while (end < items->count &&
           strncmp(bb_items_sorted(items, end)->path, prefix, (size_t)length) == 0) {
        end++;
    }
    if (end > first) {
        *ret_first = first;
    }
    return end - first;
}

/* Removes zeros at the end, but leaves one digit behind the point. */
static void strip_zeros(char *text)
{
    const char *point = strchr(text, '.');
    if (!point) {
        return;
    }
    char *end = text + strlen(text);
    while (end > point + 2 && end[-1] == '0') {
        *--end = '\0';
    }
}

/* Prints a real without a sign in front of what is shown as zero. */
static void print_real(char *buffer, double value, int decimals, const char *unit)
{
    (void)snprintf(buffer, BB_ITEM_TEXT_MAX, "%.*f%s", decimals, value, unit);
    if (buffer[0] == '-' && !strpbrk(buffer, "123456789")) {
        memmove(buffer, buffer + 1, strlen(buffer));
    }
}

const char *bb_item_text(const struct bb_item *item, char *buffer)
{
    const struct bb_item_spec *spec = item->spec;
    if (!item->valid) {
        return BB_ITEM_INVALID_TEXT;
    }
    if (spec->type == BB_ITEM_TEXT) {
        return item->text;
    }
    if (spec->type == BB_ITEM_INTEGER) {
        if (spec->format == BB_FORMAT_HEX) {
            (void)snprintf(buffer, BB_ITEM_TEXT_MAX, "0x%X", (unsigned)item->number);
        } else {
            (void)snprintf(buffer, BB_ITEM_TEXT_MAX, "%d", (int)item->number);
        }
        return buffer;
    }
    if (spec->format == BB_FORMAT_FIXED) {
        print_real(buffer, item->number, spec->text_decimals, spec->unit);
        return buffer;
    }
    print_real(buffer, item->number, spec->decimals > 0 ? spec->decimals : 1, "");
    strip_zeros(buffer);
    return buffer;
}
