#include <string.h>

#include "common/options/options.h"

#define MOST_ADDRESSES 32
#define NAME_BYTES 48 /* of fields.def, device.name */

static const struct bb_option options[] = {
    {.name = "device",
     .type = BB_OPTION_TEXT,
     .fallback = "",
     .meaning = "Port, best by its stable name /dev/serial/by-id/usb-...; a relative path starts "
                "at the run directory. Required."},
    {.name = "driver",
     .type = BB_OPTION_CHOICE,
     .fallback = "",
     .choices = "jbd|daly|jk-pb",
     .meaning = "Protocol the BMS speaks. Required."},
    {.name = "addresses",
     .type = BB_OPTION_INTEGERS,
     .fallback = "",
     .min = 0,
     .max = 255,
     .meaning = "Addresses of the batteries on this wire, e.g. 0x01, 0x02: 0x40 to 0x4f for daly "
                "(board 1 is 0x40), 0x01 to 0x0f for jk-pb. Empty: one battery at the protocol's "
                "usual address."},
    {.name = "names",
     .type = BB_OPTION_WORDS,
     .fallback = "",
     .meaning = "Names for people, in the order of the addresses."},
    {.name = "baud",
     .type = BB_OPTION_INTEGER,
     .fallback = "",
     .min = 1200,
     .max = 4000000,
     .unit = "bit/s",
     .meaning = "Bit rate, for a BMS that was set to another one. Empty: the protocol's."},
    {.name = "poll_interval",
     .type = BB_OPTION_INTEGER,
     .fallback = "",
     .min = 0,
     .max = 10000,
     .unit = "ms",
     .meaning = "Time between two readings of a battery. 0: as fast as the wire allows. Empty: the "
                "protocol's, usually one second."},
    {.name = "read_limits",
     .type = BB_OPTION_SWITCH,
     .fallback = "",
     .meaning = "jbd: also read the current limits from the BMS's settings, for which it enters "
                "its configuration mode for a moment at every start. Empty: yes."},
    {.name = "invert_current",
     .type = BB_OPTION_CHOICE,
     .fallback = "",
     .choices = "auto|no|yes",
     .meaning = "daly: yes for units that count discharging as positive; auto tells by the state "
                "the BMS says it is in. Empty: auto."},
    {.name = "controls",
     .type = BB_OPTION_WORDS,
     .fallback = "",
     .meaning = "What may be switched in these batteries from the bus: charge_fet, discharge_fet, "
                "balance_fet, soc. Empty: nothing."},
    {.name = "raw_log",
     .type = BB_OPTION_CHOICE,
     .fallback = "fault",
     .choices = "never|fault|always",
     .meaning = "When to log the bytes on the wire: never, the last ones before a battery fell "
                "silent, or always."},
};

/* The addresses a protocol knows, as its driver declares them (proto/bms). last 0: none. */
static const struct {
    const char *driver;
    int64_t first, last;
} ranges[] = {
    {"jbd", 0, 0},
    {"daly", 0x40, 0x4f},
    {"jk-pb", 0x01, 0x0f},
};

static const char *const verbs[] = {"charge_fet", "discharge_fet", "balance_fet", "soc"};

static int check_address(const char *driver, int64_t address, struct bb_problem *problem)
{
    for (size_t i = 0; i < BB_COUNT_OF(ranges); i++) {
        if (strcmp(ranges[i].driver, driver) != 0) {
            continue;
        }
        if (ranges[i].last == 0) {
            return bb_fail(problem, BB_ERR_CONFIG, "addresses",
                           "%s has no addresses: one battery on each port", driver);
        }
        if (address < ranges[i].first || address > ranges[i].last) {
            return bb_fail(problem, BB_ERR_CONFIG, "addresses",
                           "0x%02x is none of %s: 0x%02x to 0x%02x", (unsigned)address, driver,
                           (unsigned)ranges[i].first, (unsigned)ranges[i].last);
        }
    }
    return BB_OK;
}

static int check_addresses(const struct bb_config *config, const char *name, const char *driver,
                           struct bb_problem *problem)
{
    int64_t addresses[MOST_ADDRESSES];
    size_t count =
        bb_config_integers(config, "serial", name, "addresses", addresses, MOST_ADDRESSES);
    if (count > MOST_ADDRESSES) {
        return bb_fail(problem, BB_ERR_CONFIG, "addresses", "more than %d", MOST_ADDRESSES);
    }
    for (size_t i = 0; i < count; i++) {
        int error = check_address(driver, addresses[i], problem);
        if (error != BB_OK) {
            return error;
        }
        for (size_t k = 0; k < i; k++) {
            if (addresses[k] == addresses[i]) {
                return bb_fail(problem, BB_ERR_CONFIG, "addresses", "0x%02x is given twice",
                               (unsigned)addresses[i]);
            }
        }
    }
    return BB_OK;
}

static int check_names(const struct bb_config *config, const char *name, struct bb_problem *problem)
{
    char word[128];
    size_t count = bb_config_integers(config, "serial", name, "addresses", NULL, 0);
    for (size_t i = 0; bb_config_word(config, "serial", name, "names", i, word, sizeof word); i++) {
        if (strlen(word) >= NAME_BYTES) {
            return bb_fail(problem, BB_ERR_CONFIG, "names", "'%s' is longer than %d bytes", word,
                           NAME_BYTES - 1);
        }
        if (i >= (count > 0 ? count : 1)) {
            return bb_fail(problem, BB_ERR_CONFIG, "names", "there is no battery for '%s'", word);
        }
    }
    return BB_OK;
}

static int check_controls(const struct bb_config *config, const char *name,
                          struct bb_problem *problem)
{
    char word[128];
    for (size_t i = 0; bb_config_word(config, "serial", name, "controls", i, word, sizeof word);
         i++) {
        size_t k = 0;
        while (k < BB_COUNT_OF(verbs) && strcmp(verbs[k], word) != 0) {
            k++;
        }
        if (k == BB_COUNT_OF(verbs)) {
            return bb_fail(problem, BB_ERR_CONFIG, "controls",
                           "'%s' is none of charge_fet, discharge_fet, balance_fet, soc", word);
        }
    }
    return BB_OK;
}

static int check(const struct bb_config *config, const char *name, struct bb_problem *problem)
{
    if (!bb_config_is_set(config, "serial", name, "device")) {
        return bb_fail(problem, BB_ERR_CONFIG, "device",
                       "is not set: which port? ls /dev/serial/by-id/ shows them");
    }
    if (!bb_config_is_set(config, "serial", name, "driver")) {
        return bb_fail(problem, BB_ERR_CONFIG, "driver", "is not set: jbd, daly or jk-pb");
    }
    const char *driver = bb_config_text(config, "serial", name, "driver");
    int error = check_addresses(config, name, driver, problem);
    error = error == BB_OK ? check_names(config, name, problem) : error;
    return error == BB_OK ? check_controls(config, name, problem) : error;
}

const struct bb_section bb_section_serial = {
    .name = "serial",
    .named = true,
    .program = "serial",
    .always = false,
    .order = 30,
    .reads = "busbar",
    .meaning = "One serial port or RS485 adapter with one or more batteries.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
    .check = check,
};
