#include "common/options/options.h"

static const struct bb_option options[] = {
    {.name = "bus",
     .type = BB_OPTION_TEXT,
     .fallback = "auto",
     .meaning = "Where to publish: system, session, a D-Bus address such as "
                "unix:path=/run/dbus/system_bus_socket, or auto: the session bus when "
                "DBUS_SESSION_BUS_ADDRESS is set, else the system bus, as Victron's programs do."},
    {.name = "publish_limits",
     .type = BB_OPTION_CHOICE,
     .fallback = "bank",
     .choices = "bank|all",
     .meaning = "Which services carry a charge voltage limit and so can control the system. bank: "
                "the banks alone; the batteries are shown beside them. all: every battery too; "
                "with more than one Victron raises an alarm and lets the lowest device instance "
                "control."},
    {.name = "first_bank_instance",
     .type = BB_OPTION_INTEGER,
     .fallback = "1",
     .min = 0,
     .max = 255,
     .meaning = "First device instance tried for a new bank. Below that of the batteries: where "
                "nothing else is chosen, Victron takes the lowest one as battery monitor."},
    {.name = "first_instance",
     .type = BB_OPTION_INTEGER,
     .fallback = "10",
     .min = 0,
     .max = 255,
     .meaning = "First device instance tried for a new battery. One that was given stays with its "
                "battery for ever."},
    {.name = "ask_settings",
     .type = BB_OPTION_SWITCH,
     .fallback = "yes",
     .meaning = "Ask com.victronenergy.settings for device instances where it is running, so that "
                "they are unique over all programs."},
    {.name = "product_id",
     .type = BB_OPTION_INTEGER,
     .fallback = "0",
     .min = 0,
     .max = 65535,
     .meaning = "Product id shown to Victron's programs. 0: none. Ids for which the system makes "
                "exceptions are refused."},
    {.name = "midpoint",
     .type = BB_OPTION_SWITCH,
     .fallback = "no",
     .meaning = "Publish the midpoint voltage of each battery and how far its halves differ."},
    {.name = "interval",
     .type = BB_OPTION_INTEGER,
     .fallback = "250",
     .min = 0,
     .max = 2000,
     .unit = "ms",
     .meaning = "Shortest time between two change signals of one battery. What lowers a limit or "
                "raises an alarm never waits."},
};

/* Product ids that switch on exceptions in Victron's system calculator (Victron D-Bus contract of
 * a battery, section 3.1). */
static bool is_exceptional(int64_t product_id)
{
    static const int64_t exceptional[] = {0xB004, 0xB009, 0xB00A, 0xB015, 0xB019, 0xB029,
                                          0xA3E3, 0xA3E4, 0xA3E5, 0xA3E6, 0xA3E7};
    for (size_t i = 0; i < BB_COUNT_OF(exceptional); i++) {
        if (exceptional[i] == product_id) {
            return true;
        }
    }
    return false;
}

static int check(const struct bb_config *config, const char *name, struct bb_problem *problem)
{
    int64_t product_id = bb_config_integer(config, "dbus", name, "product_id");
    if (is_exceptional(product_id)) {
        return bb_fail(problem, BB_ERR_RANGE, "product_id",
                       "the system makes exceptions for product id 0x%X", (unsigned)product_id);
    }
    return BB_OK;
}

const struct bb_section bb_section_dbus = {
    .name = "dbus",
    .named = false,
    .program = "dbus",
    .always = false,
    .order = 15,
    .reads = "busbar",
    .meaning = "Batteries on Victron's D-Bus.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
    .check = check,
};
