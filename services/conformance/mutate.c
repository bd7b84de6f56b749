#include "services/conformance/mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/conformance/compare.h"
#include "services/conformance/player.h"

/* All 255 corruptions of a byte are tried in frames up to this long, some in longer ones. */
#define EXHAUSTIVE_SIZE 12

struct trial {
    const struct bb_vector *vector;
    const struct bb_battery *baseline;
    bb_mutate_report *report;
    void *arg;
    size_t tried, failures;
    bool wrong; /* a state held something else */
};

static void check_state(void *arg, const struct bb_battery *battery)
{
    struct trial *trial = arg;
    trial->wrong = trial->wrong || !bb_compare_is_part(battery, trial->baseline) ||
                   bb_battery_check(battery, NULL) != BB_OK;
}

static void try_change(struct trial *trial, const struct bb_player_change *change, bool glued,
                       const char *what)
{
    struct bb_player_options options = {.vector = trial->vector,
                                        .change = *change,
                                        .steady = true,
                                        .glued = glued,
                                        .state = check_state,
                                        .arg = trial};
    struct bb_battery battery;
    trial->wrong = false;
    trial->tried++;
    int states = bb_player_run(&options, &battery, NULL);
    if (states <= 0 || trial->wrong) {
        trial->failures++;
        trial->report(trial->arg, what, trial->wrong ? "a wrong state" : "no state any more");
    }
}

static void corrupt_byte(struct trial *trial, size_t index, uint8_t *damaged, size_t byte)
{
    static const uint8_t some[] = {0x01, 0x10, 0x80, 0xff};
    const struct bb_vector_frame *frame = &trial->vector->frames[index];
    bool all = frame->size <= EXHAUSTIVE_SIZE;
    size_t count = all ? UINT8_MAX : sizeof some;
    for (size_t i = 0; i < count; i++) {
        uint8_t change = all ? (uint8_t)(i + 1) : some[i];
        damaged[byte] = (uint8_t)(frame->data[byte] ^ change);
        char what[64];
        (void)snprintf(what, sizeof what, "frame %zu byte %zu ^ 0x%02x", index, byte, change);
        try_change(trial,
                   &(struct bb_player_change){.frame = index, .data = damaged, .size = frame->size},
                   false, what);
    }
    damaged[byte] = frame->data[byte];
}

static void corrupt(struct trial *trial, size_t index)
{
    const struct bb_vector_frame *frame = &trial->vector->frames[index];
    uint8_t *damaged = malloc(frame->size + 1);
    if (!damaged) {
        return;
    }
    memcpy(damaged, frame->data, frame->size);
    for (size_t byte = 0; byte < frame->size; byte++) {
        corrupt_byte(trial, index, damaged, byte);
    }
    free(damaged);
}

static void split(struct trial *trial, size_t index)
{
    for (size_t at = 1; at < trial->vector->frames[index].size; at++) {
        char what[64];
        (void)snprintf(what, sizeof what, "frame %zu cut in two at %zu", index, at);
        try_change(trial, &(struct bb_player_change){.frame = index, .split = at}, false, what);
    }
}

static void prefix(struct trial *trial, size_t index)
{
    /* Idle and broken bytes, and the starts of the frames there are. */
    static const uint8_t garbage[][4] = {{0x00, 0x00, 0x00, 0x00}, {0xff, 0xff, 0xff, 0xff},
                                         {0x0f, 0x3e, 0xdd, 0x77}, {0xa5, 0x01, 0x90, 0x08},
                                         {0x55, 0xaa, 0xeb, 0x90}, {0x7e, 0x7e, 0x0d, 0x7e},
                                         {0x4e, 0x57, 0x00, 0x13}, {0xdd, 0x03, 0x00, 0x1d}};
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        char what[64];
        (void)snprintf(what, sizeof what, "frame %zu after %02x %02x %02x %02x", index,
                       garbage[i][0], garbage[i][1], garbage[i][2], garbage[i][3]);
        try_change(trial,
                   &(struct bb_player_change){
                       .frame = index, .before = garbage[i], .before_size = sizeof garbage[i]},
                   false, what);
    }
}

size_t bb_mutate(const struct bb_vector *vector, bb_mutate_report *report, void *arg,
                 size_t *ret_tried)
{
    struct bb_battery baseline;
    struct bb_player_options options = {
        .vector = vector, .change.frame = BB_PLAYER_NO_FRAME, .steady = true};
    struct trial trial = {.vector = vector, .baseline = &baseline, .report = report, .arg = arg};
    if (bb_player_run(&options, &baseline, NULL) <= 0) {
        report(arg, "undamaged", "no state");
        trial.failures++;
    }
    for (size_t i = 0; trial.failures == 0 && i < vector->frame_count; i++) {
        /* A CAN controller checks its frames by a CRC of its own and hands on good ones only. */
        if (vector->frames[i].sent || vector->frames[i].size == 0 ||
            vector->medium == BB_MEDIUM_CAN) {
            continue;
        }
        corrupt(&trial, i);
        split(&trial, i);
        prefix(&trial, i);
    }
    if (trial.failures == 0 && vector->medium != BB_MEDIUM_CAN) {
        const struct bb_player_change none = {.frame = BB_PLAYER_NO_FRAME};
        try_change(&trial, &none, true, "all frames of an answer in one piece");
    }
    if (ret_tried) {
        *ret_tried = trial.tried;
    }
    return trial.failures;
}
