/* Any record file: refused, or records that are written again byte for byte. */
#include <stdlib.h>
#include <string.h>

#include "services/tap/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[BB_RECORD_MAX];
    size_t at = bb_record_check_header(data, size, NULL) == BB_OK ? BB_RECORD_HEADER : 0;
    struct bb_record record;
    struct bb_problem problem;
    for (;;) {
        int taken = bb_record_get(data + at, size - at, &record, &problem);
        if (taken < 0) {
            break;
        }
        if (bb_record_put(&record, again, sizeof again) != taken ||
            memcmp(again + 12, data + at + 12, (size_t)taken - 12) != 0) {
            abort();
        }
        at += (size_t)taken;
    }
    /* The checksum stops nearly everything a fuzzer makes up; this gets behind it. */
    record = (struct bb_record){.mono_ms = (int64_t)size,
                                .topic = (const char *)data,
                                .topic_size = size / 2,
                                .body = data,
                                .body_size = size};
    int put = bb_record_put(&record, again, sizeof again);
    struct bb_record read;
    if (put > 0 && (bb_record_get(again, (size_t)put, &read, &problem) != put ||
                    read.body_size != size || read.mono_ms != (int64_t)size)) {
        abort();
    }
    return 0;
}
