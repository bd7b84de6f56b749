/* What is remembered of a wire's batteries:
 *   {"version": 1, "driver": "jk-pb",
 *    "batteries": [{"address": 1, "id": "jk-pb-2102...", "serial": "2102..."}, ...]}
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "common/json_file.h"
#include "common/reader/identity.h"

#define FILE_VERSION 1

json_t *bb_identity_to_json(const struct bb_identity_book *book)
{
    json_t *batteries = json_array();
    for (size_t i = 0; i < book->count; i++) {
        const struct bb_identity *station = &book->stations[i];
        if (!*station->id) {
            continue;
        }
        json_t *battery = json_pack("{s:i, s:s, s:s}", "address", (int)station->address, "id",
                                    station->id, "serial", station->serial);
        if (json_array_append_new(batteries, battery) != 0) {
            json_decref(batteries);
            return NULL;
        }
    }
    return json_pack("{s:i, s:s, s:o}", "version", FILE_VERSION, "driver", book->driver,
                     "batteries", batteries);
}

/* True for what bb_id_from_text can have made. */
static bool is_id(const char *text)
{
    char id[BB_ID_MAX];
    return strlen(text) < sizeof id && bb_id_from_text(id, sizeof id, text) &&
           strcmp(id, text) == 0;
}

static bool remembers(const struct bb_identity_book *book, const char *id)
{
    for (size_t i = 0; i < book->count; i++) {
        if (strcmp(book->stations[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static int take_battery(struct bb_identity_book *book, const json_t *battery,
                        struct bb_problem *problem)
{
    json_int_t address = json_integer_value(json_object_get(battery, "address"));
    const char *id = json_string_value(json_object_get(battery, "id"));
    const char *serial = json_string_value(json_object_get(battery, "serial"));
    if (!json_is_integer(json_object_get(battery, "address")) || !id || !serial || !is_id(id) ||
        strlen(serial) >= BB_SERIAL_MAX) {
        return bb_fail(problem, BB_ERR_MALFORMED, "batteries",
                       "an entry without address, id and serial");
    }
    if (remembers(book, id)) {
        return bb_fail(problem, BB_ERR_DUPLICATE, "batteries", "%s is there twice", id);
    }
    for (size_t i = 0; i < book->count; i++) {
        struct bb_identity *station = &book->stations[i];
        if (station->address == address) {
            (void)snprintf(station->id, sizeof station->id, "%s", id);
            (void)snprintf(station->serial, sizeof station->serial, "%s", serial);
        }
    }
    return BB_OK;
}

int bb_identity_from_json(struct bb_identity_book *book, const json_t *json,
                          struct bb_problem *problem)
{
    const json_t *version = json_object_get(json, "version");
    const char *driver = json_string_value(json_object_get(json, "driver"));
    const json_t *batteries = json_object_get(json, "batteries");
    if (!json_is_integer(version) || json_integer_value(version) != FILE_VERSION) {
        return bb_fail(problem, BB_ERR_VERSION, "version", "is not %d", FILE_VERSION);
    }
    if (!driver || !json_is_array(batteries)) {
        return bb_fail(problem, BB_ERR_MALFORMED, "driver, batteries", "missing");
    }
    if (strcmp(driver, book->driver) != 0) {
        return BB_OK; /* the section was given to other batteries */
    }
    struct bb_identity_book read = *book;
    for (size_t i = 0; i < json_array_size(batteries); i++) {
        int error = take_battery(&read, json_array_get(batteries, i), problem);
        if (error != BB_OK) {
            return error;
        }
    }
    *book = read;
    return BB_OK;
}

static int make_path(const struct bb_identity_book *book, const char *state_dir, char *ret_path,
                     struct bb_problem *problem)
{
    int size =
        snprintf(ret_path, PATH_MAX, "%s/%s-%s.json", state_dir, book->program, book->section);
    if (size < 0 || size >= PATH_MAX) {
        return bb_fail(problem, BB_ERR_OVERSIZE, state_dir, "path too long");
    }
    return BB_OK;
}

static int set_aside(const char *path, int error, struct bb_problem *problem)
{
    char aside[PATH_MAX + 16];
    char why[sizeof problem->what];
    (void)snprintf(why, sizeof why, "%s", problem->what);
    (void)snprintf(aside, sizeof aside, "%s.damaged", path);
    if (rename(path, aside) != 0) {
        return bb_fail(problem, BB_ERR_IO, path, "damaged (%.80s) and cannot be renamed: %s", why,
                       strerror(errno));
    }
    return bb_fail(problem, error, path, "damaged (%.80s); kept as .damaged", why);
}

int bb_identity_load(struct bb_identity_book *book, const char *state_dir,
                     struct bb_problem *problem)
{
    char path[PATH_MAX];
    json_t *json = NULL;
    struct bb_problem cause = {0};
    int error = make_path(book, state_dir, path, problem);
    if (error != BB_OK) {
        return error;
    }
    error = bb_json_file_read(path, &json, &cause);
    if (error == BB_OK) {
        error = bb_identity_from_json(book, json, &cause);
        json_decref(json);
    }
    if (error == BB_OK || error == BB_ERR_MISSING) {
        return BB_OK;
    }
    if (problem) {
        *problem = cause;
    }
    return error == BB_ERR_IO ? error : set_aside(path, error, problem ? problem : &cause);
}

int bb_identity_save(struct bb_identity_book *book, const char *state_dir,
                     struct bb_problem *problem)
{
    char path[PATH_MAX];
    int error = make_path(book, state_dir, path, problem);
    if (error != BB_OK) {
        return error;
    }
    json_t *json = bb_identity_to_json(book);
    error = json ? bb_json_file_write(path, json) : BB_ERR_NO_MEMORY;
    json_decref(json);
    if (error != BB_OK) {
        return bb_fail(problem, error, path, "cannot be written: %s",
                       error == BB_ERR_IO ? strerror(errno) : bb_error_text(error));
    }
    book->changed = false;
    return BB_OK;
}
