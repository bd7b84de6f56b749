/* Any state file of the aggregator: refused whole, or read, written and read again the same, and
 * good enough for a session to start from without allowing any current. The first line's
 * checksum is put right now and then, or nothing behind it would ever be looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/aggregator/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_line(void *arg, enum bb_log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static void check_charge(void *arg, const char *id, const struct bb_charge *charge, bool changed)
{
    (void)arg;
    (void)id;
    (void)changed;
    if (charge->ccl.value != 0.0 || charge->dcl.value != 0.0 || !charge->cvl.present) {
        abort();
    }
}

static void start_from(const struct bb_saved *saved)
{
    static const struct bb_session_output output = {.log = ignore_line, .charge = check_charge};
    struct bb_config *config = NULL;
    if (bb_config_load(NULL, NULL, NULL, &config) != BB_OK) {
        abort();
    }
    struct bb_session *session = bb_session_new(config, saved, true, false, output);
    if (!session) {
        abort();
    }
    for (int64_t now_ms = 0; now_ms < 100000; now_ms += 10000) {
        bb_session_evaluate(session, now_ms);
    }
    bb_session_destroy(&session);
    bb_config_destroy(&config);
}

static void decode(const char *text, size_t size)
{
    static struct bb_saved saved;
    static struct bb_saved again;
    struct bb_problem problem = {0};
    if (bb_saved_decode(text, size, &saved, &problem) != BB_OK) {
        if (problem.what[0] == '\0') {
            abort();
        }
        return;
    }
    size_t written = 0;
    char *copy = bb_saved_encode(&saved, &written);
    if (!copy || bb_saved_decode(copy, written, &again, NULL) != BB_OK ||
        bb_saved_compare(&saved, &again) != BB_SAVED_SAME) {
        abort();
    }
    free(copy);
    start_from(&saved);
}

static uint32_t checksum(const uint8_t *data, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
        }
    }
    return ~crc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 64);
    if (!text) {
        abort();
    }
    memcpy(text, data, size);
    decode(text, size);
    int head = snprintf(text, 64, "busbar-aggregator 1 %08x %zu\n", checksum(data, size), size);
    memcpy(text + head, data, size);
    decode(text, (size_t)head + size);
    free(text);
    return 0;
}
