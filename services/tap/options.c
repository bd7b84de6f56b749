#include "services/tap/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus_paths.h"
#include "proto/message/topic.h"

#define COUNT_MAX 1000000000000
#define SECONDS_MAX 1e9
#define SPEED_MIN 0.001
#define SPEED_MAX 1000.0

enum option_code {
    OPTION_JSON = 256,
    OPTION_RAW,
    OPTION_STATS,
    OPTION_RECORD,
    OPTION_COUNT,
    OPTION_SECONDS,
    OPTION_ONCE,
    OPTION_RUN_DIR,
    OPTION_SPEED,
    OPTION_LOOP,
    OPTION_TOPIC,
    OPTION_COMMANDS
};

const char *bb_tap_usage(void)
{
    return "usage: busbar tap [options] [TOPIC...]\n"
           "Shows what passes on the bus. TOPIC is a prefix: battery/, charge/bank, health/bus.\n"
           "\n"
           "  --json          one JSON object per line\n"
           "  --raw           topic and body as hexadecimal digits\n"
           "  --stats         rate, size, losses and latency per topic\n"
           "  --record FILE   append every message to FILE (alone: shows nothing)\n"
           "  --once          show the newest message of every topic and end\n"
           "  --count N       end after N messages\n"
           "  --seconds N     end after N seconds\n"
           "  --run-dir DIR   run directory of the bus (default: $BUSBAR_RUN_DIR or "
           "" BB_DEFAULT_RUN_DIR ")\n"
           "  -h, --help      this text\n";
}

const char *bb_replay_usage(void)
{
    return "usage: busbar replay [options] FILE\n"
           "Puts the messages of a file made by busbar tap --record on a bus again, as if they\n"
           "happened now: ages are kept, silences last 10 s at most, commands and replies are "
           "left\n"
           "out.\n"
           "\n"
           "  --speed N       N times as fast as recorded (default 1)\n"
           "  --loop          start over at the end\n"
           "  --topic PREFIX  only topics that begin with PREFIX\n"
           "  --commands      also commands and replies: they act on what listens\n"
           "  --run-dir DIR   run directory of the bus (default: $BUSBAR_RUN_DIR or "
           "" BB_DEFAULT_RUN_DIR ")\n"
           "  -h, --help      this text\n";
}

static const char *default_run_dir(void)
{
    const char *run_dir = getenv(BB_RUN_DIR_ENV);
    return run_dir && *run_dir != '\0' ? run_dir : BB_DEFAULT_RUN_DIR;
}

/* A finite number within min..max that takes up the whole text. */
static int parse_number(const char *name, const char *text, double min, double max,
                        double *ret_value, struct bb_problem *problem)
{
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value) || value < min || value > max) {
        return bb_fail(problem, BB_ERR_CONFIG, name, "%.40s is not a number within %g..%g", text,
                       min, max);
    }
    *ret_value = value;
    return BB_OK;
}

static int parse_count(const char *name, const char *text, int64_t *ret_value,
                       struct bb_problem *problem)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < 1 || value > COUNT_MAX) {
        return bb_fail(problem, BB_ERR_CONFIG, name, "%.40s is not a count from 1", text);
    }
    *ret_value = value;
    return BB_OK;
}

/* getopt says nothing itself; what it refused is the element before optind. */
static int refused(int option, char **argv, struct bb_problem *problem)
{
    const char *what = option == ':' ? "needs a value" : "is not an option";
    return bb_fail(problem, BB_ERR_CONFIG, argv[optind - 1], "%s", what);
}

/* Parsing starts over, also when it ran before in this process. */
static void restart_getopt(void)
{
    optind = 0;
    opterr = 0;
}

static int set_mode(struct bb_tap_options *options, enum bb_tap_mode mode,
                    struct bb_problem *problem)
{
    if (options->mode != BB_TAP_LINES && options->mode != mode) {
        return bb_fail(problem, BB_ERR_CONFIG, "tap", "choose one of --json, --raw and --stats");
    }
    options->mode = mode;
    return BB_OK;
}

static int tap_option(int option, char **argv, struct bb_tap_options *options,
                      struct bb_problem *problem)
{
    double seconds = 0;
    int error = BB_OK;
    switch (option) {
    case OPTION_JSON:
        return set_mode(options, BB_TAP_JSON, problem);
    case OPTION_RAW:
        return set_mode(options, BB_TAP_RAW, problem);
    case OPTION_STATS:
        return set_mode(options, BB_TAP_STATS, problem);
    case OPTION_RECORD:
        options->record = optarg;
        return BB_OK;
    case OPTION_ONCE:
        options->once = true;
        return BB_OK;
    case OPTION_COUNT:
        return parse_count("--count", optarg, &options->count, problem);
    case OPTION_SECONDS:
        error = parse_number("--seconds", optarg, 0.001, SECONDS_MAX, &seconds, problem);
        options->end_ms = (int64_t)(seconds * 1000);
        return error;
    case OPTION_RUN_DIR:
        options->run_dir = optarg;
        return BB_OK;
    case 'h':
        return BB_OPTIONS_HELP;
    default:
        return refused(option, argv, problem);
    }
}

static int check_topics(const struct bb_tap_options *options, struct bb_problem *problem)
{
    for (size_t i = 0; i < options->topic_count; i++) {
        if (strlen(options->topics[i]) >= BB_TOPIC_MAX) {
            return bb_fail(problem, BB_ERR_CONFIG, "TOPIC", "longer than any topic: %.40s...",
                           options->topics[i]);
        }
    }
    return BB_OK;
}

int bb_tap_options_parse(int argc, char **argv, struct bb_tap_options *ret_options,
                         struct bb_problem *problem)
{
    static const struct option known[] = {{"json", no_argument, NULL, OPTION_JSON},
                                          {"raw", no_argument, NULL, OPTION_RAW},
                                          {"stats", no_argument, NULL, OPTION_STATS},
                                          {"record", required_argument, NULL, OPTION_RECORD},
                                          {"once", no_argument, NULL, OPTION_ONCE},
                                          {"count", required_argument, NULL, OPTION_COUNT},
                                          {"seconds", required_argument, NULL, OPTION_SECONDS},
                                          {"run-dir", required_argument, NULL, OPTION_RUN_DIR},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct bb_tap_options options = {.run_dir = default_run_dir()};
    restart_getopt();
    int option = 0;
    while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        int result = tap_option(option, argv, &options, problem);
        if (result != BB_OK) {
            return result;
        }
    }
    options.topics = argv + optind;
    options.topic_count = (size_t)(argc - optind);
    if (options.record && options.mode == BB_TAP_LINES && !options.once) {
        options.mode = BB_TAP_QUIET;
    }
    int error = check_topics(&options, problem);
    if (error == BB_OK) {
        *ret_options = options;
    }
    return error;
}

static int replay_option(int option, char **argv, struct bb_replay_options *options,
                         struct bb_problem *problem)
{
    switch (option) {
    case OPTION_SPEED:
        return parse_number("--speed", optarg, SPEED_MIN, SPEED_MAX, &options->speed, problem);
    case OPTION_LOOP:
        options->loop = true;
        return BB_OK;
    case OPTION_TOPIC:
        options->topic = optarg;
        return BB_OK;
    case OPTION_COMMANDS:
        options->commands = true;
        return BB_OK;
    case OPTION_RUN_DIR:
        options->run_dir = optarg;
        return BB_OK;
    case 'h':
        return BB_OPTIONS_HELP;
    default:
        return refused(option, argv, problem);
    }
}

int bb_replay_options_parse(int argc, char **argv, struct bb_replay_options *ret_options,
                            struct bb_problem *problem)
{
    static const struct option known[] = {{"speed", required_argument, NULL, OPTION_SPEED},
                                          {"loop", no_argument, NULL, OPTION_LOOP},
                                          {"topic", required_argument, NULL, OPTION_TOPIC},
                                          {"commands", no_argument, NULL, OPTION_COMMANDS},
                                          {"run-dir", required_argument, NULL, OPTION_RUN_DIR},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct bb_replay_options options = {.run_dir = default_run_dir(), .topic = "", .speed = 1};
    restart_getopt();
    int option = 0;
    while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        int result = replay_option(option, argv, &options, problem);
        if (result != BB_OK) {
            return result;
        }
    }
    if (argc - optind != 1) {
        return bb_fail(problem, BB_ERR_CONFIG, "replay", "name one file");
    }
    options.file = argv[optind];
    *ret_options = options;
    return BB_OK;
}
