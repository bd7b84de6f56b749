#include "common/actor_args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/bus_paths.h"

static void usage(const char *program)
{
    (void)fprintf(stderr,
                  "usage: busbar-%s [--config FILE] [--section NAME] [--run-dir DIR] "
                  "[--state-dir DIR]\n",
                  program);
}

int bb_actor_args_parse(const char *program, int argc, char **argv, struct bb_actor_args *ret_args)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},  {"section", required_argument, NULL, 's'},
        {"run-dir", required_argument, NULL, 'r'}, {"state-dir", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    const char *run_dir = getenv(BB_RUN_DIR_ENV);
    struct bb_actor_args args = {.section = "", .run_dir = run_dir ? run_dir : BB_DEFAULT_RUN_DIR};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            args.config = optarg;
            break;
        case 's':
            args.section = optarg;
            break;
        case 'r':
            args.run_dir = optarg;
            break;
        case 't':
            args.state_dir = optarg;
            break;
        default:
            usage(program);
            return BB_ERR_CONFIG;
        }
    }
    if (optind < argc) {
        usage(program);
        return BB_ERR_CONFIG;
    }
    int size = snprintf(args.name, sizeof args.name, "%s%s%s", program, args.section[0] ? "-" : "",
                        args.section);
    if (size < 0 || (size_t)size >= sizeof args.name) {
        (void)fprintf(stderr, "busbar-%s: name of section too long\n", program);
        return BB_ERR_CONFIG;
    }
    *ret_args = args;
    return BB_OK;
}
