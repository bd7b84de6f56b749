/* A recorded exchange with a BMS and the state a driver must make of it (tests/conformance).
 *
 * A file is JSON: driver, transport (serial, can, ble), address (number, text or null), frames
 * {dir tx|rx, hex, id, ext}, expect, and optionally tolerance and config.
 */
#ifndef BUSBAR_SERVICES_CONFORMANCE_VECTOR_H
#define BUSBAR_SERVICES_CONFORMANCE_VECTOR_H

#include <jansson.h>

#include "proto/bms/driver.h"

#define BB_VECTOR_FRAMES_MAX 4096
#define BB_VECTOR_FRAME_MAX 4096 /* bytes */
#define BB_VECTOR_SETTINGS_MAX 8
#define BB_VECTOR_SETTING_TEXT 64

struct bb_vector_frame {
    bool sent; /* by us */
    uint8_t *data;
    size_t size;
    uint32_t id;
    bool extended;
};

struct bb_vector_setting {
    char name[BB_VECTOR_SETTING_TEXT], value[BB_VECTOR_SETTING_TEXT];
};

struct bb_vector {
    const struct bb_driver *driver;
    enum bb_medium medium;
    uint16_t address;
    bool any_request; /* there are no requests: what was received answers all of them */
    struct bb_vector_frame *frames;
    size_t frame_count;
    struct bb_vector_setting settings[BB_VECTOR_SETTINGS_MAX];
    size_t setting_count;
    json_t *expect;    /* borrowed from root; NULL: nothing */
    json_t *tolerance; /* borrowed from root; NULL: none */
    json_t *root;      /* NULL when read from a text file */
};

/* Reads a JSON vector. driver (may be NULL: the file names it) is what it is played to.
 * BB_ERR_UNKNOWN when the file's driver is not registered. The caller clears *ret_vector. */
int bb_vector_load(const char *path, const struct bb_driver *driver, struct bb_vector *ret_vector,
                   struct bb_problem *problem);

/* Reads a text file of hex lines: "> .." sent, "< .." or ".." received, "#" comment. */
int bb_vector_load_hex(const char *path, const struct bb_driver *driver,
                       struct bb_vector *ret_vector, struct bb_problem *problem);

/* Frees what the vector holds. */
void bb_vector_clear(struct bb_vector *vector);

/* Adds a frame (copied). */
int bb_vector_add(struct bb_vector *vector, bool sent, const uint8_t *data, size_t size);

/* Reads hex digits, blanks between bytes allowed. Returns the number of bytes or a negative code.
 */
int bb_hex_parse(const char *text, size_t text_size, uint8_t *ret_data, size_t capacity);

#endif
