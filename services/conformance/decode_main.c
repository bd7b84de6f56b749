/* busbar decode: shows what a driver makes of a recorded exchange. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "services/conformance/player.h"

static const char usage[] =
    "usage: busbar decode --driver ID [--address N] [--transport serial|can|ble] FILE\n"
    "Plays FILE to a driver and prints the battery it decodes, as JSON. FILE is a vector (JSON)\n"
    "or text: one row of hex bytes per line, \"> \" before what was sent, \"< \" or nothing "
    "before\n"
    "what was received, # before a comment. Without sent lines every request is answered with\n"
    "all that was received.\n";

struct arguments {
    const char *driver, *address, *transport, *file;
};

static bool parse_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
    for (int i = 1; i < argc; i++) {
        const char **option = NULL;
        if (strcmp(argv[i], "--driver") == 0) {
            option = &ret_arguments->driver;
        } else if (strcmp(argv[i], "--address") == 0) {
            option = &ret_arguments->address;
        } else if (strcmp(argv[i], "--transport") == 0) {
            option = &ret_arguments->transport;
        } else if (argv[i][0] == '-' || ret_arguments->file) {
            return false;
        } else {
            ret_arguments->file = argv[i];
            continue;
        }
        if (++i == argc) {
            return false;
        }
        *option = argv[i];
    }
    return ret_arguments->file != NULL;
}

static int override(const struct arguments *arguments, struct bb_vector *vector,
                    struct bb_problem *problem)
{
    static const char *const media[] = {
        [BB_MEDIUM_SERIAL] = "serial", [BB_MEDIUM_CAN] = "can", [BB_MEDIUM_BLE] = "ble"};
    if (arguments->transport) {
        size_t i = 0;
        while (i < sizeof media / sizeof media[0] && strcmp(media[i], arguments->transport) != 0) {
            i++;
        }
        const struct bb_transport *transport =
            i < sizeof media / sizeof media[0]
                ? bb_driver_transport(vector->driver, (enum bb_medium)i)
                : NULL;
        if (!transport) {
            return bb_fail(problem, BB_ERR_UNSUPPORTED, "--transport", "driver %s has no %s",
                           vector->driver->id, arguments->transport);
        }
        vector->medium = transport->medium;
        vector->address = transport->address_default;
    }
    if (arguments->address) {
        char *end;
        unsigned long address = strtoul(arguments->address, &end, 0);
        if (end == arguments->address || *end != '\0' || address > UINT16_MAX) {
            return bb_fail(problem, BB_ERR_RANGE, "--address", "not a number within 0..0xffff");
        }
        vector->address = (uint16_t)address;
    }
    return BB_OK;
}

static int load(const struct arguments *arguments, struct bb_vector *ret_vector,
                struct bb_problem *problem)
{
    const struct bb_driver *driver = NULL;
    if (arguments->driver) {
        driver = bb_driver_find(arguments->driver);
        if (!driver) {
            (void)bb_fail(problem, BB_ERR_UNKNOWN, "--driver", "no driver \"%s\"",
                          arguments->driver);
            return BB_ERR_UNKNOWN;
        }
    }
    size_t size = strlen(arguments->file);
    if (size > 5 && strcmp(arguments->file + size - 5, ".json") == 0) {
        return bb_vector_load(arguments->file, driver, ret_vector, problem);
    }
    if (!driver) {
        (void)bb_fail(problem, BB_ERR_MISSING, "--driver", "needed for a text file");
        return BB_ERR_MISSING;
    }
    return bb_vector_load_hex(arguments->file, driver, ret_vector, problem);
}

static int decode(const struct bb_vector *vector, struct bb_problem *problem)
{
    struct bb_battery battery;
    struct bb_player_options options = {.vector = vector, .change.frame = BB_PLAYER_NO_FRAME};
    int states = bb_player_run(&options, &battery, problem);
    if (states <= 0) {
        return states < 0 ? states
                          : bb_fail(problem, BB_ERR_MISSING, vector->driver->id,
                                    "no complete state in it");
    }
    json_t *json = bb_json_from(&bb_battery_schema, &battery);
    if (!json) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, "output", "out of memory");
    }
    int failed = json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    json_decref(json);
    return failed == 0 && putchar('\n') != EOF ? BB_OK : BB_ERR_IO;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        return fputs(usage, stdout) == EOF ? EXIT_FAILURE : EXIT_SUCCESS;
    }
    if (!parse_arguments(argc, argv, &arguments)) {
        (void)fputs(usage, stderr);
        return EXIT_FAILURE;
    }
    struct bb_problem problem = {.what = ""};
    struct bb_vector vector = {0};
    int error = load(&arguments, &vector, &problem);
    if (error == BB_OK) {
        error = override(&arguments, &vector, &problem);
        error = error == BB_OK ? decode(&vector, &problem) : error;
        bb_vector_clear(&vector);
    }
    if (error != BB_OK) {
        (void)fprintf(stderr, "busbar decode: %s: %s: %s\n", arguments.file, problem.where,
                      problem.what);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
