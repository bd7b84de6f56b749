#include "services/aggregator/persist.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/deadlines.h"
#include "services/aggregator/persist_json.h"

#define MAGIC "busbar-aggregator"
#define VERSION 1
#define HEAD_MAX 64
#define CRASHES_TOLERATED 3

static uint32_t crc32_of(const char *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint8_t)data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
        }
    }
    return ~crc;
}

static int print_head(char *head, unsigned long version, uint32_t crc, size_t body_size)
{
    return snprintf(head, HEAD_MAX, "%s %lu %08" PRIx32 " %zu\n", MAGIC, version, crc, body_size);
}

char *bb_saved_encode(const struct bb_saved *saved, size_t *ret_size)
{
    json_t *object = bb_saved_to_json(saved);
    char *body = object ? json_dumps(object, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
    json_decref(object);
    if (!body) {
        return NULL;
    }
    size_t body_size = strlen(body);
    char *text = malloc(HEAD_MAX + body_size + 1);
    if (text) {
        int head = print_head(text, VERSION, crc32_of(body, body_size), body_size);
        memcpy(text + head, body, body_size + 1);
        *ret_size = (size_t)head + body_size;
    }
    free(body);
    return text;
}

/* Reads the first line; returns its length, or a negative code. */
static int check_head(const char *text, size_t size, uint32_t *ret_crc, size_t *ret_body_size,
                      struct bb_problem *problem)
{
    const char *end = memchr(text, '\n', size < HEAD_MAX ? size : HEAD_MAX - 1);
    if (!end) {
        return bb_fail(problem, BB_ERR_TRUNCATED, "line 1", "is not complete");
    }
    char head[HEAD_MAX] = "";
    memcpy(head, text, (size_t)(end - text));
    char *next = head + strlen(MAGIC);
    unsigned long version = strncmp(head, MAGIC, strlen(MAGIC)) == 0 ? strtoul(next, &next, 10) : 0;
    uint32_t crc = (uint32_t)strtoul(next, &next, 16);
    size_t body_size = strtoul(next, &next, 10);
    char same[HEAD_MAX];
    (void)print_head(same, version, crc, body_size);
    if (version == 0 || strncmp(same, text, (size_t)(end - text) + 1) != 0) {
        return bb_fail(problem, BB_ERR_MALFORMED, "line 1", "is not one of a state file");
    }
    if (version != VERSION) {
        return bb_fail(problem, BB_ERR_VERSION, "line 1", "version %lu; this program knows %d",
                       version, VERSION);
    }
    *ret_crc = crc;
    *ret_body_size = body_size;
    return (int)(end - text) + 1;
}

int bb_saved_decode(const char *text, size_t size, struct bb_saved *ret_saved,
                    struct bb_problem *problem)
{
    uint32_t crc = 0;
    size_t body_size = 0;
    int head = check_head(text, size, &crc, &body_size, problem);
    if (head < 0) {
        return head;
    }
    const char *body = text + head;
    if (size - (size_t)head != body_size) {
        return bb_fail(problem, BB_ERR_TRUNCATED, "body", "%zu bytes instead of %zu",
                       size - (size_t)head, body_size);
    }
    if (crc32_of(body, body_size) != crc) {
        return bb_fail(problem, BB_ERR_MALFORMED, "body", "the checksum is wrong");
    }
    json_error_t error;
    json_t *object = json_loadb(body, body_size, JSON_REJECT_DUPLICATES, &error);
    if (!object) {
        return bb_fail(problem, BB_ERR_MALFORMED, "body", "line %d: %s", error.line, error.text);
    }
    struct bb_saved *saved = calloc(1, sizeof *saved);
    int result = BB_ERR_NO_MEMORY;
    if (saved) {
        result = bb_saved_from_json(object, saved, problem);
        if (result == BB_OK) {
            *ret_saved = *saved;
        }
    }
    free(saved);
    json_decref(object);
    return result;
}

bool bb_saved_is_recent(const struct bb_saved *saved, const char *boot_id, int64_t mono_ms,
                        int64_t wall_ms)
{
    bool same_boot = boot_id[0] != '\0' && strcmp(saved->boot_id, boot_id) == 0;
    int64_t age_ms = same_boot ? mono_ms - saved->mono_ms : wall_ms - saved->wall_ms;
    return age_ms <= BB_RECORD_MAX_AGE_MS;
}

bool bb_saved_count_crash(struct bb_saved *saved, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < saved->crash_count; i++) {
        int64_t age_ms = now_ms - saved->crashes[i];
        if (age_ms >= 0 && age_ms <= BB_RECORD_MAX_AGE_MS) {
            saved->crashes[kept++] = saved->crashes[i];
        }
    }
    if (kept == BB_CRASHES_MAX) {
        memmove(saved->crashes, saved->crashes + 1, (kept - 1) * sizeof saved->crashes[0]);
        kept--;
    }
    saved->crashes[kept++] = now_ms;
    saved->crash_count = kept;
    return kept > CRASHES_TOLERATED;
}
