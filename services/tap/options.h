/* Command lines of busbar tap and busbar replay. */
#ifndef BUSBAR_TAP_OPTIONS_H
#define BUSBAR_TAP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

enum bb_tap_mode {
    BB_TAP_LINES,
    BB_TAP_JSON,
    BB_TAP_RAW,
    BB_TAP_STATS,
    BB_TAP_QUIET /* --record alone */
};

struct bb_tap_options {
    enum bb_tap_mode mode;
    const char *run_dir;
    const char *record; /* NULL: none */
    char *const *topics;
    size_t topic_count; /* 0: everything */
    int64_t count;      /* messages to show; 0: without end */
    int64_t end_ms;     /* run time; 0: without end */
    bool once;
};

struct bb_replay_options {
    const char *run_dir;
    const char *file;
    const char *topic; /* prefix, "" for everything */
    double speed;      /* > 0; 2: twice as fast as recorded */
    bool loop;
    bool commands; /* command/ and reply/ as well */
};

/* Result of a parse besides the negative codes: the user asked for the usage text. */
#define BB_OPTIONS_HELP 1

/* Reads argv into *ret_options, which points into argv and the environment. Returns BB_OK,
 * BB_OPTIONS_HELP, or BB_ERR_CONFIG with problem naming the argument. */
int bb_tap_options_parse(int argc, char **argv, struct bb_tap_options *ret_options,
                         struct bb_problem *problem);
int bb_replay_options_parse(int argc, char **argv, struct bb_replay_options *ret_options,
                            struct bb_problem *problem);

/* Usage texts, static storage. */
const char *bb_tap_usage(void);
const char *bb_replay_usage(void);

#endif
