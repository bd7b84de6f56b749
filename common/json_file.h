/* Small JSON files that must survive a power cut: whole, or as they were before. */
#ifndef BUSBAR_COMMON_JSON_FILE_H
#define BUSBAR_COMMON_JSON_FILE_H

#include <jansson.h>

#include "proto/error.h"

/* Largest file that is read. */
#define BB_JSON_FILE_MAX 1048576

/* Writes value as JSON beside path, makes it durable and renames it into place. Returns BB_OK,
 * BB_ERR_IO (errno tells why) or BB_ERR_NO_MEMORY; the old file is intact then. */
int bb_json_file_write(const char *path, const json_t *value);

/* Reads a JSON object. The caller owns *ret_value. Returns BB_OK, BB_ERR_MISSING when there is
 * no such file, BB_ERR_IO, BB_ERR_OVERSIZE, or BB_ERR_MALFORMED with the place in problem. */
int bb_json_file_read(const char *path, json_t **ret_value, struct bb_problem *problem);

#endif
