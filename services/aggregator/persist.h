/* What the aggregator remembers across restarts, as text.
 *
 * One line "busbar-aggregator <version> <crc32> <bytes>", then a JSON object. The text is
 * believed as a whole or not at all.
 */
#ifndef BUSBAR_SERVICES_AGGREGATOR_PERSIST_H
#define BUSBAR_SERVICES_AGGREGATOR_PERSIST_H

#include "services/aggregator/bank.h"

#define BB_BATTERIES_MAX 64
#define BB_CRASHES_MAX 4
#define BB_SAVED_BYTES_MAX 262144
#define BB_BOOT_ID_MAX 40

struct bb_saved {
    char boot_id[BB_BOOT_ID_MAX]; /* of the kernel: monotonic times count only within one boot */
    int64_t mono_ms, wall_ms;     /* when it was saved */
    bool clean;                   /* saved by an orderly stop */
    size_t crash_count;
    int64_t crashes[BB_CRASHES_MAX]; /* monotonic times of starts after a crash, oldest first */
    size_t battery_count;
    struct bb_decision_record batteries[BB_BATTERIES_MAX];
    size_t bank_count;
    struct bb_bank_record banks[BB_BANKS_MAX];
};

enum bb_saved_change {
    BB_SAVED_SAME,
    BB_SAVED_CHANGED,   /* worth saving within a minute */
    BB_SAVED_IMPORTANT, /* a restart must not undo it: save now */
};

/* The text, to be freed by the caller, and its size; NULL when out of memory. */
char *bb_saved_encode(const struct bb_saved *saved, size_t *ret_size);

/* BB_ERR_TRUNCATED, BB_ERR_VERSION, BB_ERR_MALFORMED (checksum, JSON), BB_ERR_TYPE, ... */
int bb_saved_decode(const char *text, size_t size, struct bb_saved *ret_saved,
                    struct bb_problem *problem);

/* True when saved is not provably older than BB_RECORD_MAX_AGE_MS: without a trustworthy clock
 * holds and latches go on. */
bool bb_saved_is_recent(const struct bb_saved *saved, const char *boot_id, int64_t mono_ms,
                        int64_t wall_ms);

/* Takes down a start after a crash at now_ms and forgets those older than ten minutes. Returns
 * true when there were too many: more than three in ten minutes. */
bool bb_saved_count_crash(struct bb_saved *saved, int64_t now_ms);

enum bb_saved_change bb_saved_compare(const struct bb_saved *before, const struct bb_saved *now);

#endif
