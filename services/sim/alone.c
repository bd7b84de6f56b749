#include "services/sim/alone.h"

#include <getopt.h>
#include <string.h>

#include "services/sim/protocol.h"

/* Lists that several arguments make up. */
#define LIST_MAX 512
#define SETTINGS_MAX 64

struct command_line {
    const char *name, *driver, *link, *folder;
    char addresses[LIST_MAX], faults[LIST_MAX];
    const char *settings[SETTINGS_MAX];
    size_t setting_count;
    bool bank_set;
    struct bb_sim_alone *alone;
};

static const struct option long_options[] = {
    {"driver", required_argument, NULL, 'd'},  {"address", required_argument, NULL, 'a'},
    {"link", required_argument, NULL, 'l'},    {"set", required_argument, NULL, 's'},
    {"fault", required_argument, NULL, 'f'},   {"name", required_argument, NULL, 'n'},
    {"run-dir", required_argument, NULL, 'r'}, {"state-dir", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
};

bool bb_sim_alone_is_service(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--config", 8) == 0 || strncmp(argv[i], "--section", 9) == 0) {
            return true;
        }
    }
    return false;
}

void bb_sim_alone_help(FILE *file)
{
    (void)fprintf(file, "usage: busbar sim [--driver PROTOCOL] [--address N]... [--link PATH]\n"
                        "                  [--set OPTION=VALUE]... [--fault FAULT]... "
                        "[--name NAME]\n"
                        "                  [--run-dir DIR]\n"
                        "Plays batteries on a simulated serial port and prints the port to open.\n"
                        "  --driver   one of:");
    for (size_t i = 0; bb_sim_protocol_at(i) != NULL; i++) {
        (void)fprintf(file, " %s", bb_sim_protocol_at(i)->id);
    }
    (void)fprintf(
        file, " (default jbd)\n"
              "  --address  of a battery; once per battery on the wire\n"
              "  --link     where to make a symbolic link to the port\n"
              "  --set      any option of a [sim] section, e.g. soc=80, cells=8, pace=yes;\n"
              "             bank=ID obeys a bank's limits, without it the batteries' own rule\n"
              "  --fault    [ADDRESS:]FAULT[=VALUE], e.g. loss=10, 0x02:silence, delay=300\n"
              "  --name     of the simulator on the bus (command/sim-NAME), default the driver\n"
              "  --run-dir  of the Busbar whose bus it joins, if that runs\n");
}

static int refuse(const char *argument, const char *why)
{
    (void)fprintf(stderr, "busbar-sim: %s: %s\n", argument, why);
    return BB_ERR_CONFIG;
}

static int append(char *list, const char *word)
{
    size_t used = strlen(list);
    int size = snprintf(list + used, LIST_MAX - used, "%s%s", used > 0 ? ", " : "", word);
    if (size < 0 || (size_t)size >= LIST_MAX - used) {
        return refuse(word, "too many of these");
    }
    return BB_OK;
}

static int take_setting(struct command_line *line, const char *argument)
{
    if (strchr(argument, '=') == NULL) {
        return refuse(argument, "expected OPTION=VALUE");
    }
    if (line->setting_count == SETTINGS_MAX) {
        return refuse(argument, "too many of these");
    }
    line->bank_set = line->bank_set || strncmp(argument, "bank=", 5) == 0;
    line->settings[line->setting_count++] = argument;
    return BB_OK;
}

static int take_argument(struct command_line *line, int option, char *argument)
{
    switch (option) {
    case 'd':
        line->driver = argument;
        return BB_OK;
    case 'a':
        return append(line->addresses, argument);
    case 'l':
        line->link = argument;
        return BB_OK;
    case 's':
        return take_setting(line, argument);
    case 'f':
        return append(line->faults, argument);
    case 'n':
        line->name = argument;
        return BB_OK;
    case 'r':
        line->alone->run_dir = argument;
        return BB_OK;
    case 't':
        line->alone->state_dir = argument;
        return BB_OK;
    case 'h':
        line->alone->help = true;
        return BB_OK;
    default: /* getopt has said what is wrong */
        return BB_ERR_CONFIG;
    }
}

static int choose_name(struct command_line *line)
{
    struct bb_sim_alone *alone = line->alone;
    const char *name = line->name != NULL ? line->name : line->driver;
    int size = snprintf(alone->section, sizeof(alone->section), "%s", name);
    if (size < 1 || (size_t)size >= sizeof(alone->section)) {
        return refuse(name, "not a usable name");
    }
    return BB_OK;
}

static void write_section(const struct command_line *line, FILE *file)
{
    (void)fprintf(file, "[sim %s]\ndriver = %s\n", line->alone->section, line->driver);
    for (size_t i = 0; i < line->setting_count; i++) {
        (void)fprintf(file, "%s\n", line->settings[i]);
    }
    if (line->addresses[0] != '\0') {
        (void)fprintf(file, "addresses = %s\n", line->addresses);
    }
    if (line->faults[0] != '\0') {
        (void)fprintf(file, "faults = %s\n", line->faults);
    }
    if (!line->bank_set) {
        (void)fprintf(file, "bank = none\n");
    }
    if (line->link == NULL) {
        (void)fprintf(file, "link = none\n");
    } else {
        bool absolute = line->link[0] == '/';
        (void)fprintf(file, "link = %s%s%s\n", absolute ? "" : line->folder, absolute ? "" : "/",
                      line->link);
    }
}

int bb_sim_alone_parse(int argc, char **argv, const char *folder, FILE *file,
                       struct bb_sim_alone *ret_alone)
{
    struct bb_sim_alone alone = {0};
    struct command_line line = {.driver = "jbd", .folder = folder, .alone = &alone};
    int option = 0;
    for (int i = 1; i < argc; i++) {
        if (strpbrk(argv[i], "\r\n") != NULL) {
            return refuse(argv[i], "must be one line");
        }
    }
    optind = 1;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        int error = take_argument(&line, option, optarg);
        if (error != BB_OK) {
            return error;
        }
    }
    if (optind < argc) {
        return refuse(argv[optind], "not understood");
    }
    optind = 1; /* the runtime reads a command line of its own */
    int error = choose_name(&line);
    if (error == BB_OK) {
        write_section(&line, file);
        *ret_alone = alone;
    }
    return error;
}
