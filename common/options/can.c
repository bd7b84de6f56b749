#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/options/options.h"

#define MOST_BATTERIES 32
#define NAME_BYTES 48      /* of fields.def, device.name */
#define INTERFACE_BYTES 16 /* of the kernel, with the NUL */
#define DRIVERS "daly-can, jbd-can, jk-can, pylontech-can, rv-c-can or valence-can"

static const struct bb_option options[] = {
    {.name = "interface",
     .type = BB_OPTION_TEXT,
     .fallback = "",
     .meaning = "CAN interface, e.g. can0. Its bit rate is set by the system "
                "(ip link set can0 up type can bitrate 250000). Empty: the section's name."},
    {.name = "driver",
     .type = BB_OPTION_WORDS,
     .fallback = "auto",
     .meaning = "Protocols of the batteries on this interface: " DRIVERS ". auto listens, and "
                "reads what it recognises; it sends nothing before (and so cannot find daly-can, "
                "which only answers)."},
    {.name = "addresses",
     .type = BB_OPTION_WORDS,
     .fallback = "",
     .meaning = "Addresses of the batteries, e.g. 0x01, 0x02: board numbers 0x01 to 0x10 for "
                "daly-can, 0x00 to 0x0f for jk-can, the source address for rv-c-can. With several "
                "protocols that have addresses: daly-can:0x01, jk-can:0x00. Empty: one battery of "
                "each protocol at its usual address."},
    {.name = "names",
     .type = BB_OPTION_WORDS,
     .fallback = "",
     .meaning = "Names for people, in the order of the batteries: protocol by protocol, address "
                "by address."},
    {.name = "poll_interval",
     .type = BB_OPTION_INTEGER,
     .fallback = "",
     .min = 0,
     .max = 10000,
     .unit = "ms",
     .meaning = "Time between two readings of a battery. Empty: the protocol's, one second."},
    {.name = "bit_rate",
     .type = BB_OPTION_INTEGER,
     .fallback = "",
     .min = 10000,
     .max = 1000000,
     .unit = "bit/s",
     .meaning = "What the interface's bit rate is checked against, for batteries that were set to "
                "another one. Empty: the protocol's."},
    {.name = "listen_only",
     .type = BB_OPTION_SWITCH,
     .fallback = "no",
     .meaning = "Never sends a frame, not even a keep-alive."},
    {.name = "keep_alive",
     .type = BB_OPTION_SWITCH,
     .fallback = "",
     .meaning = "jbd-can, pylontech-can: send the inverter's frame 0x305 every second, without "
                "which some batteries stop. Empty: yes."},
    {.name = "invert_current",
     .type = BB_OPTION_CHOICE,
     .fallback = "",
     .choices = "auto|no|yes",
     .meaning = "Turns the sign of the current; auto is for daly-can only. Empty: the protocol's."},
    {.name = "instance",
     .type = BB_OPTION_INTEGER,
     .fallback = "",
     .min = 0,
     .max = 250,
     .meaning = "rv-c-can: the DC source instance to read. Empty: 1, the main house bank."},
    {.name = "modules_series",
     .type = BB_OPTION_INTEGER,
     .fallback = "",
     .min = 1,
     .max = 11,
     .meaning = "valence-can: modules in series. Required for it."},
    {.name = "modules_parallel",
     .type = BB_OPTION_INTEGER,
     .fallback = "",
     .min = 1,
     .max = 11,
     .meaning = "valence-can: strings in parallel. Empty: as many as speak."},
    {.name = "mode",
     .type = BB_OPTION_CHOICE,
     .fallback = "",
     .choices = "none|charge|drive",
     .meaning = "valence-can: mode command sent every second; without one the battery opens its "
                "contactor after 20 s. Empty: drive."},
    {.name = "controls",
     .type = BB_OPTION_WORDS,
     .fallback = "",
     .meaning = "daly-can: what may be switched in these batteries from the bus: charge_fet, "
                "discharge_fet, soc. Empty: nothing."},
};

/* The addresses a protocol knows, as its driver declares them (proto/bms). last 0: none. */
static const struct protocol {
    const char *driver;
    long first, last;
} protocols[] = {
    {"daly-can", 0x01, 0x10}, {"jbd-can", 0, 0},        {"jk-can", 0x00, 0x0f},
    {"pylontech-can", 0, 0},  {"rv-c-can", 0x00, 0xfd}, {"valence-can", 0, 0},
};

static const struct protocol *find(const char *driver)
{
    for (size_t i = 0; i < BB_COUNT_OF(protocols); i++) {
        if (strcmp(protocols[i].driver, driver) == 0) {
            return &protocols[i];
        }
    }
    return NULL;
}

static bool has_driver(const struct bb_config *config, const char *name, const char *driver)
{
    char word[32];
    for (size_t i = 0; bb_config_word(config, "can", name, "driver", i, word, sizeof word); i++) {
        if (strcmp(word, driver) == 0) {
            return true;
        }
    }
    return false;
}

static int check_drivers(const struct bb_config *config, const char *name,
                         struct bb_problem *problem)
{
    char word[32];
    size_t count = 0;
    for (; bb_config_word(config, "can", name, "driver", count, word, sizeof word); count++) {
        if (!find(word) && strcmp(word, "auto") != 0) {
            return bb_fail(problem, BB_ERR_CONFIG, "driver", "'%s' is none of auto, " DRIVERS,
                           word);
        }
    }
    if (count > 1 && has_driver(config, name, "auto")) {
        return bb_fail(problem, BB_ERR_CONFIG, "driver", "auto stands alone");
    }
    if (count > 1 && has_driver(config, name, "jbd-can") + has_driver(config, name, "valence-can") +
                             has_driver(config, name, "pylontech-can") >
                         1) {
        return bb_fail(problem, BB_ERR_CONFIG, "driver",
                       "jbd-can, pylontech-can and valence-can use the same identifiers: one of "
                       "them on each interface");
    }
    if (has_driver(config, name, "valence-can") &&
        !bb_config_is_set(config, "can", name, "modules_series")) {
        return bb_fail(
            problem, BB_ERR_CONFIG, "modules_series",
            "is not set: how many modules are in series? The pack voltage depends on it");
    }
    return BB_OK;
}

/* The only protocol of the section that has addresses, or NULL. */
static const struct protocol *only_addressed(const struct bb_config *config, const char *name)
{
    const struct protocol *only = NULL;
    for (size_t i = 0; i < BB_COUNT_OF(protocols); i++) {
        if (protocols[i].last > 0 && has_driver(config, name, protocols[i].driver)) {
            if (only) {
                return NULL;
            }
            only = &protocols[i];
        }
    }
    return only;
}

static int check_address(const struct bb_config *config, const char *name, const char *word,
                         struct bb_problem *problem)
{
    const char *colon = strchr(word, ':');
    const struct protocol *protocol = only_addressed(config, name);
    if (colon) {
        char driver[32];
        (void)snprintf(driver, sizeof driver, "%.*s", (int)(colon - word), word);
        protocol = has_driver(config, name, driver) ? find(driver) : NULL;
        if (!protocol || protocol->last == 0) {
            return bb_fail(problem, BB_ERR_CONFIG, "addresses",
                           "'%s' is no protocol with addresses of this section", driver);
        }
    } else if (!protocol) {
        return bb_fail(problem, BB_ERR_CONFIG, "addresses",
                       "'%s': of which protocol? Write e.g. daly-can:%s", word, word);
    }
    char *end;
    const char *digits = colon ? colon + 1 : word;
    long address = strtol(digits, &end, 0);
    if (end == digits || *end != '\0' || address < protocol->first || address > protocol->last) {
        return bb_fail(problem, BB_ERR_CONFIG, "addresses",
                       "'%s' is none of %s: 0x%02lx to 0x%02lx", word, protocol->driver,
                       (unsigned long)protocol->first, (unsigned long)protocol->last);
    }
    return BB_OK;
}

static int check_addresses(const struct bb_config *config, const char *name,
                           struct bb_problem *problem)
{
    char word[64];
    char other[64];
    size_t i = 0;
    for (; bb_config_word(config, "can", name, "addresses", i, word, sizeof word); i++) {
        if (i >= MOST_BATTERIES) {
            return bb_fail(problem, BB_ERR_CONFIG, "addresses", "more than %d", MOST_BATTERIES);
        }
        int error = check_address(config, name, word, problem);
        if (error != BB_OK) {
            return error;
        }
        for (size_t k = 0; k < i; k++) {
            (void)bb_config_word(config, "can", name, "addresses", k, other, sizeof other);
            if (strcmp(word, other) == 0) {
                return bb_fail(problem, BB_ERR_CONFIG, "addresses", "%s is given twice", word);
            }
        }
    }
    return BB_OK;
}

static int check(const struct bb_config *config, const char *name, struct bb_problem *problem)
{
    static const char *const verbs[] = {"charge_fet", "discharge_fet", "soc"};
    char word[128];
    const char *interface = bb_config_text(config, "can", name, "interface");
    if (strlen(*interface ? interface : name) >= INTERFACE_BYTES) {
        return bb_fail(problem, BB_ERR_CONFIG, "interface", "longer than %d characters",
                       INTERFACE_BYTES - 1);
    }
    for (size_t i = 0; bb_config_word(config, "can", name, "names", i, word, sizeof word); i++) {
        if (strlen(word) >= NAME_BYTES) {
            return bb_fail(problem, BB_ERR_CONFIG, "names", "'%s' is longer than %d bytes", word,
                           NAME_BYTES - 1);
        }
    }
    for (size_t i = 0; bb_config_word(config, "can", name, "controls", i, word, sizeof word); i++) {
        size_t k = 0;
        while (k < BB_COUNT_OF(verbs) && strcmp(verbs[k], word) != 0) {
            k++;
        }
        if (k == BB_COUNT_OF(verbs)) {
            return bb_fail(problem, BB_ERR_CONFIG, "controls",
                           "'%s' is none of charge_fet, discharge_fet, soc", word);
        }
    }
    int error = check_drivers(config, name, problem);
    return error == BB_OK ? check_addresses(config, name, problem) : error;
}

const struct bb_section bb_section_can = {
    .name = "can",
    .named = true,
    .program = "can",
    .always = false,
    .order = 30,
    .reads = "busbar",
    .meaning = "One CAN interface with one or more batteries, of one or more protocols.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
    .check = check,
};
