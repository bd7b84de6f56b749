/* The command people type. It answers what it can and executes a program for the rest. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <czmq.h>

#include "common/actor.h"
#include "common/bus_paths.h"
#include "common/clock.h"
#include "supervisor/client.h"
#include "supervisor/command.h"
#include "supervisor/instance.h"
#include "supervisor/programs.h"
#include "supervisor/table.h"
#include "supervisor/verbs.h"

#define PROGRAMS "/../libexec/busbar"

/* --- Options shared by verbs --- */

struct verb_options {
    const char *run_dir;
    bool json;
};

/* Reads --run-dir and, where allowed, --json; the rest starts at argv[optind]. False after a
 * mistake, which getopt has said. */
static bool read_options(int argc, char **argv, struct verb_options *ret_options)
{
    static const struct option long_options[] = {
        {"run-dir", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    const char *run_dir = getenv(BB_RUN_DIR_ENV);
    struct verb_options options = {.run_dir = run_dir ? run_dir : BB_DEFAULT_RUN_DIR};
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case 'r':
            options.run_dir = optarg;
            break;
        case 'j':
            options.json = true;
            break;
        default:
            return false;
        }
    }
    *ret_options = options;
    return true;
}

static int misused(const char *usage)
{
    (void)fprintf(stderr, "usage: busbar %s\n", usage);
    return EX_USAGE;
}

static int fail(const char *what)
{
    (void)fprintf(stderr, "busbar: %s\n", what);
    return EXIT_FAILURE;
}

/* --- The supervisor's verbs --- */

static void print_json(const json_t *object)
{
    (void)json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    (void)putchar('\n');
}

static int print_refusal(const json_t *answer)
{
    const char *error = json_string_value(json_object_get(answer, "error"));
    const json_t *problems = json_object_get(answer, "problems");
    for (size_t i = 0; i < json_array_size(problems); i++) {
        const char *problem = json_string_value(json_array_get(problems, i));
        (void)fprintf(stderr, "%s\n", problem ? problem : "");
    }
    return fail(error ? error : "refused");
}

static int ask(const struct bb_request *request, const struct verb_options *options)
{
    struct bb_problem problem;
    json_t *answer = NULL;
    if (bb_client_ask(options->run_dir, request, &answer, &problem) != BB_OK) {
        return fail(problem.what);
    }
    int code = EXIT_SUCCESS;
    const char *text = json_string_value(json_object_get(answer, "text"));
    if (options->json) {
        print_json(answer);
        code = json_is_true(json_object_get(answer, "ok")) ? EXIT_SUCCESS : EXIT_FAILURE;
    } else if (!json_is_true(json_object_get(answer, "ok"))) {
        code = print_refusal(answer);
    } else if (request->verb == BB_VERB_STATUS) {
        bb_table_print(answer, stdout);
    } else {
        (void)puts(text ? text : "done");
    }
    json_decref(answer);
    return code;
}

static int run_plain(int argc, char **argv, enum bb_verb verb, const char *usage)
{
    struct verb_options options;
    if (!read_options(argc, argv, &options) || optind != argc) {
        return misused(usage);
    }
    return ask(&(struct bb_request){.verb = verb}, &options);
}

static int run_named(int argc, char **argv, enum bb_verb verb, const char *usage)
{
    struct verb_options options;
    if (!read_options(argc, argv, &options) || optind + 1 != argc) {
        return misused(usage);
    }
    struct bb_request request = {.verb = verb};
    int size = snprintf(request.name, sizeof request.name, "%s", argv[optind]);
    if (size <= 0 || (size_t)size >= sizeof request.name) {
        return fail("no process has a name like that");
    }
    return ask(&request, &options);
}

static int run_status(int argc, char **argv)
{
    return run_plain(argc, argv, BB_VERB_STATUS, "status [--json] [--run-dir DIR]");
}

static int run_reload(int argc, char **argv)
{
    return run_plain(argc, argv, BB_VERB_RELOAD, "reload [--run-dir DIR]");
}

static int run_start(int argc, char **argv)
{
    return run_named(argc, argv, BB_VERB_START, "start NAME [--run-dir DIR]");
}

static int run_stop(int argc, char **argv)
{
    return run_named(argc, argv, BB_VERB_STOP, "stop NAME [--run-dir DIR]");
}

static int run_restart(int argc, char **argv)
{
    return run_named(argc, argv, BB_VERB_RESTART, "restart NAME [--run-dir DIR]");
}

/* --- Configuration --- */

static void print_problem(const struct bb_problem *problem, void *arg)
{
    (void)arg;
    (void)fprintf(stderr, "%s: %s\n", problem->where, problem->what);
}

static int run_check_config(int argc, char **argv)
{
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        return misused("check-config [FILE]");
    }
    const char *path = argc == 2 ? argv[1] : BB_DEFAULT_CONFIG;
    struct bb_config *config = NULL;
    if (bb_config_load(path, print_problem, NULL, &config) != BB_OK) {
        return BB_EXIT_CONFIG;
    }
    struct bb_instance *instances = calloc(BB_PROCESSES_MAX, sizeof *instances);
    struct bb_problem problem = {.where = "check-config", .what = "out of memory"};
    int count = instances ? bb_instances(config, instances, &problem) : BB_ERR_NO_MEMORY;
    bb_config_destroy(&config);
    free(instances);
    if (count < 0) {
        print_problem(&problem, NULL);
        return BB_EXIT_CONFIG;
    }
    (void)printf("%s: good, %d processes\n", path, count);
    return EXIT_SUCCESS;
}

static int run_options(int argc, char **argv)
{
    (void)argv;
    if (argc != 1) {
        return misused("options");
    }
    bb_config_write_defaults(stdout);
    return EXIT_SUCCESS;
}

/* --- Commands to a battery --- */

static int run_command(int argc, char **argv)
{
    struct verb_options options;
    /* Options come first: a negative value is not one of them. */
    (void)setenv("POSIXLY_CORRECT", "1", 1);
    bool good = read_options(argc, argv, &options);
    int given = argc - optind;
    if (!good || given < 2 || given > 3) {
        return misused("command [--run-dir DIR] BATTERY VERB [VALUE]");
    }
    (void)setenv("ZSYS_SIGHANDLER", "false", 1); /* Ctrl-C ends it as any other command */
    const char *battery = argv[optind];
    const char *verb = argv[optind + 1];
    char correlation[40];
    (void)snprintf(correlation, sizeof correlation, "%ld-%lld", (long)getpid(),
                   (long long)bb_clock_mono_ms());
    struct bb_message message;
    struct bb_problem problem;
    if (bb_command_make(battery, verb, given == 3 ? argv[optind + 2] : NULL, correlation, &message,
                        &problem) != BB_OK) {
        (void)fail(problem.what);
        return EX_USAGE;
    }
    struct bb_reply reply;
    int result = bb_command_send(options.run_dir, &message, &reply, &problem);
    zsys_shutdown();
    if (result < 0) {
        return fail(problem.what);
    }
    (void)fprintf(result == 1 ? stdout : stderr, "%s: %s %s%s%s\n", battery, verb,
                  result == 1 ? "done" : "not done", reply.reason[0] ? ": " : "", reply.reason);
    return result == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- The front --- */

static int run_version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    (void)printf("busbar %s\n", BUSBAR_VERSION);
    return EXIT_SUCCESS;
}

static int run_help(int argc, char **argv);

/* Executes program; returns only when that failed. */
static int execute(const char *program, char **argv)
{
    char folder[PATH_MAX];
    char path[PATH_MAX];
    if (bb_programs_folder(PROGRAMS, folder, sizeof folder) != BB_OK) {
        return fail("cannot find its programs: /proc is not there");
    }
    int size = snprintf(path, sizeof path, "%s/%s", folder, program);
    if (size < 0 || (size_t)size >= sizeof path) {
        return fail("path of its programs is too long");
    }
    (void)execv(path, argv);
    (void)fprintf(stderr, "busbar: cannot run %s: %s\n", path, strerror(errno));
    return EXIT_FAILURE;
}

static int run_run(int argc, char **argv)
{
    (void)argc;
    return execute("busbard", argv);
}

static const struct bb_command_verb verbs[] = {
    {"run", "[--config FILE] [--run-dir DIR] [--state-dir DIR]", "run everything configured",
     run_run},
    {"status", "[--json]", "how the processes are", run_status},
    {"start", "NAME", "start a process that was stopped", run_start},
    {"stop", "NAME", "stop a process until it is started again", run_stop},
    {"restart", "NAME", "stop and start a process", run_restart},
    {"reload", "", "read the configuration again, restart only what changed", run_reload},
    {"check-config", "[FILE]", "find the mistakes in a configuration", run_check_config},
    {"options", "", "print a commented configuration with all defaults", run_options},
    {"command", "BATTERY VERB [VALUE]", "ask a battery for a change and wait for the reply",
     run_command},
    {"tap", "[TOPIC ...]", "watch the messages of the bus, record them", NULL},
    {"replay", "FILE", "publish what was recorded", NULL},
    {"messages", "", "describe every message and field", NULL},
    {"decode", "", "decode frames of a BMS from a hex dump", NULL},
    {"sim", "", "simulate batteries without hardware", NULL},
    {"conformance", "", "check the drivers against recorded exchanges", NULL},
    {"version", "", "print the version", run_version},
    {"help", "", "print this", run_help},
};

static const size_t verb_count = sizeof verbs / sizeof verbs[0];

static int run_help(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    bb_verbs_help(verbs, verb_count, stdout);
    return EXIT_SUCCESS;
}

static bool program_exists(const char *program)
{
    char folder[PATH_MAX];
    char path[PATH_MAX];
    if (bb_programs_folder(PROGRAMS, folder, sizeof folder) != BB_OK) {
        return false;
    }
    int size = snprintf(path, sizeof path, "%s/%s", folder, program);
    return size > 0 && (size_t)size < sizeof path && access(path, X_OK) == 0;
}

static int complain_unknown(const char *name)
{
    char nearest[128];
    bb_verbs_nearest(verbs, verb_count, name, nearest, sizeof nearest);
    (void)fprintf(stderr, "busbar: unknown verb '%s'%s%s%s\n", name,
                  nearest[0] ? "; did you mean " : "; see busbar help", nearest,
                  nearest[0] ? "?" : "");
    return EX_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        bb_verbs_help(verbs, verb_count, stderr);
        return EX_USAGE;
    }
    const char *name = argv[1];
    name = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 ? "help" : name;
    name = strcmp(name, "--version") == 0 ? "version" : name;
    const struct bb_command_verb *verb = bb_verbs_find(verbs, verb_count, name);
    if (verb && verb->run) {
        return verb->run(argc - 1, argv + 1);
    }
    char program[64];
    int size = snprintf(program, sizeof program, "busbar-%s", name);
    if (bb_verbs_is_name(name) && size > 0 && (size_t)size < sizeof program &&
        program_exists(program)) {
        return execute(program, argv + 1);
    }
    if (verb) {
        (void)fprintf(stderr, "busbar: %s is not part of this installation\n", program);
        return EXIT_FAILURE;
    }
    return complain_unknown(name);
}
