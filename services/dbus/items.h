/* The items of one D-Bus service: leaves with a path and a value (Victron's BusItem).
 *
 * A leaf has one type for ever and a value that may be invalid (unknown). The text for people
 * derives from the value. Inner nodes ("/Dc", "/Dc/0") are not stored: a node exists when a leaf
 * lies below it. Source: Victron D-Bus contract of a battery, section 2.
 */
#ifndef BUSBAR_SERVICES_DBUS_ITEMS_H
#define BUSBAR_SERVICES_DBUS_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BB_ITEM_PATH_MAX 64  /* bytes of a path, with its NUL */
#define BB_ITEM_TEXT_MAX 192 /* bytes of a text value, with its NUL */
#define BB_ITEM_INVALID_TEXT "---"

/* The D-Bus signature of a valid value. */
enum bb_item_type { BB_ITEM_REAL = 'd', BB_ITEM_INTEGER = 'i', BB_ITEM_TEXT = 's' };

/* How a number is shown. */
enum bb_item_format {
    BB_FORMAT_SHORTEST, /* as few digits as the value needs: "45.87", "100.0"; integers "9" */
    BB_FORMAT_FIXED,    /* text_decimals digits after the point, then the unit: "53.12V" */
    BB_FORMAT_HEX       /* 0x and upper-case hexadecimal: "0xBA77" */
};

/* What never changes about a leaf; constant tables of these describe a service. */
struct bb_item_spec {
    const char *path;
    enum bb_item_type type;
    enum bb_item_format format;
    uint8_t decimals;      /* a real is rounded to this many digits, which is its dead band */
    uint8_t text_decimals; /* BB_FORMAT_FIXED */
    const char *unit;      /* BB_FORMAT_FIXED */
    bool required;         /* never invalid: unknown becomes 0 or the empty text */
    bool writable;         /* another process may set it */
};

/* A value on its way into a leaf. Text is borrowed. */
struct bb_value {
    bool valid;
    double number; /* also of integers */
    const char *text;
};

struct bb_item {
    const struct bb_item_spec *spec;
    char path[BB_ITEM_PATH_MAX];
    bool valid;
    bool changed; /* since the last bb_items_settle */
    double number;
    double given; /* number before it was rounded: equal values need no second look */
    char *text;   /* BB_ITEM_TEXT_MAX bytes of a text leaf, else NULL */
};

struct bb_items;

static inline struct bb_value bb_value_number(double number)
{
    return (struct bb_value){.valid = true, .number = number};
}

static inline struct bb_value bb_value_text(const char *text)
{
    return (struct bb_value){.valid = text != NULL, .text = text};
}

static inline struct bb_value bb_value_invalid(void)
{
    return (struct bb_value){.valid = false};
}

/* An empty set; the caller destroys it. NULL when out of memory. */
struct bb_items *bb_items_new(void);
void bb_items_destroy(struct bb_items **items);

/* Adds a leaf at path (copied), invalid or, when required, empty. spec must outlive items. Returns
 * the leaf's index, which stays the same, or BB_ERR_NO_MEMORY, BB_ERR_OVERSIZE, BB_ERR_DUPLICATE,
 * BB_ERR_MALFORMED when path is not an absolute D-Bus path of letters, digits and '_'. */
int bb_items_add(struct bb_items *items, const char *path, const struct bb_item_spec *spec);

/* Sets a leaf. Reals are rounded, integers cut to 32 bits, texts cut to their size between two
 * characters. What is not finite or not UTF-8 becomes invalid. Marks the leaf as changed when
 * another value results. Returns true then. */
bool bb_items_set(struct bb_items *items, size_t index, struct bb_value value);

/* Marks every leaf as unchanged; called once the changes were announced. */
void bb_items_settle(struct bb_items *items);

size_t bb_items_count(const struct bb_items *items);
bool bb_items_changed(const struct bb_items *items);

/* The leaf of an index bb_items_add returned. */
const struct bb_item *bb_items_get(const struct bb_items *items, size_t index);

/* The leaf at a position in the order of paths; all leaves below a node are neighbours. */
const struct bb_item *bb_items_sorted(const struct bb_items *items, size_t position);

/* The leaf at path, with its index in ret_index (may be NULL), or NULL. */
const struct bb_item *bb_items_find(const struct bb_items *items, const char *path,
                                    size_t *ret_index);

/* Number of leaves below node ("/" or an inner node), and the position of the first; 0 when
 * node has none, which means that it does not exist. */
size_t bb_items_below(const struct bb_items *items, const char *node, size_t *ret_first);

/* The leaf's text, in buffer (BB_ITEM_TEXT_MAX bytes) or in the leaf itself. */
const char *bb_item_text(const struct bb_item *item, char *buffer);

#endif
