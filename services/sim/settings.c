#include "services/sim/settings.h"

#include <string.h>

#define SECTION "sim"
#define WORD_MAX 64

struct loader {
    const struct bb_config *config;
    const char *name;
    struct bb_sim_bench *bench;
    struct bb_problem *problem;
};

static double real_of(const struct loader *loader, const char *option)
{
    return bb_config_real(loader->config, SECTION, loader->name, option);
}

static int64_t integer_of(const struct loader *loader, const char *option)
{
    return bb_config_integer(loader->config, SECTION, loader->name, option);
}

/* Puts section and option in front of what the helper below said. */
static int refuse(const struct loader *loader, const char *option)
{
    struct bb_problem inner = *loader->problem;
    return bb_fail(loader->problem, BB_ERR_CONFIG, option, "[sim %s] %s: %s", loader->name,
                   inner.where, inner.what);
}

static struct bb_sim_pack_setup pack_setup(const struct loader *loader)
{
    return (struct bb_sim_pack_setup){
        .cell_count = (unsigned)integer_of(loader, "cells"),
        .sensor_count = (unsigned)integer_of(loader, "sensors"),
        .capacity_ah = real_of(loader, "capacity"),
        .soc_percent = real_of(loader, "soc"),
        .deviation_percent = real_of(loader, "deviation"),
        .ambient_c = real_of(loader, "ambient_temperature"),
        .charge_limit_a = real_of(loader, "max_charge_current"),
        .discharge_limit_a = real_of(loader, "max_discharge_current"),
        .balance_a = real_of(loader, "balance_current"),
        .balancer = loader->bench->line.protocol->balancer,
    };
}

static int add_boards(const struct loader *loader)
{
    struct bb_sim_line *line = &loader->bench->line;
    struct bb_sim_pack_setup setup = pack_setup(loader);
    int64_t addresses[BB_SIM_PACKS_MAX];
    uint64_t seed = (uint64_t)integer_of(loader, "seed");
    size_t count = bb_config_integers(loader->config, SECTION, loader->name, "addresses", addresses,
                                      BB_SIM_PACKS_MAX);
    if (count == 0) {
        addresses[count++] = line->protocol->address_default;
    }
    if (count > BB_SIM_PACKS_MAX) {
        (void)bb_fail(loader->problem, BB_ERR_OVERSIZE, "addresses", "more than %d",
                      BB_SIM_PACKS_MAX);
        return refuse(loader, "addresses");
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t address = (uint16_t)addresses[i];
        if (bb_sim_line_add(line, loader->name, address, &setup, seed, loader->problem) == NULL) {
            return refuse(loader, "addresses");
        }
    }
    bb_sim_bench_connect(loader->bench);
    return BB_OK;
}

static int load_profile(const struct loader *loader)
{
    char word[WORD_MAX];
    struct bb_sim_plant *plant = &loader->bench->plant;
    for (size_t i = 0;
         bb_config_word(loader->config, SECTION, loader->name, "profile", i, word, sizeof(word));
         i++) {
        if (bb_sim_profile_add(&plant->profile, word, loader->problem) != BB_OK) {
            return refuse(loader, "profile");
        }
    }
    const char *start = bb_config_text(loader->config, SECTION, loader->name, "start");
    if (bb_sim_time_parse(start, &plant->time_s) != BB_OK) {
        (void)bb_fail(loader->problem, BB_ERR_MALFORMED, start, "expected HH:MM");
        return refuse(loader, "start");
    }
    return BB_OK;
}

static int load_faults(const struct loader *loader)
{
    char word[WORD_MAX];
    for (size_t i = 0;
         bb_config_word(loader->config, SECTION, loader->name, "faults", i, word, sizeof(word));
         i++) {
        if (bb_sim_bench_command_text(loader->bench, word, loader->problem) != BB_OK) {
            return refuse(loader, "faults");
        }
    }
    return BB_OK;
}

static int load_wire(const struct loader *loader, struct bb_sim_settings *settings)
{
    struct bb_sim_line *line = &loader->bench->line;
    int64_t turnaround_ms = integer_of(loader, "turnaround");
    int64_t baud = integer_of(loader, "baud");
    const char *bank = bb_config_text(loader->config, SECTION, loader->name, "bank");
    line->paced =
        !line->protocol->can && bb_config_switch(loader->config, SECTION, loader->name, "pace");
    line->echo = bb_config_switch(loader->config, SECTION, loader->name, "echo");
    line->turnaround_ms =
        turnaround_ms < 0 ? line->protocol->turnaround_ms : (uint32_t)turnaround_ms;
    line->bit_rate = baud == 0 ? line->protocol->bit_rate : (uint32_t)baud;
    settings->baud = line->bit_rate;
    settings->interface = bb_config_text(loader->config, SECTION, loader->name, "interface");
    settings->link = bb_config_text(loader->config, SECTION, loader->name, "link");
    settings->bank = strcmp(bank, "none") == 0 ? "" : bank;
    loader->bench->obeys_bank = settings->bank[0] != '\0';
    loader->bench->speed = real_of(loader, "speed");
    if (integer_of(loader, "cells") > line->protocol->cells_max) {
        (void)bb_fail(loader->problem, BB_ERR_RANGE, "cells", "%s has at most %u",
                      line->protocol->id, line->protocol->cells_max);
        return refuse(loader, "cells");
    }
    return BB_OK;
}

int bb_sim_settings_load(const struct bb_config *config, const char *name,
                         struct bb_sim_bench *bench, struct bb_sim_settings *ret_settings,
                         struct bb_problem *problem)
{
    struct bb_problem said;
    struct bb_sim_settings settings;
    struct loader loader = {config, name, bench, problem != NULL ? problem : &said};
    const char *driver = bb_config_text(config, SECTION, name, "driver");
    const struct bb_sim_protocol *protocol = bb_sim_protocol_find(driver);
    if (protocol == NULL) {
        return bb_fail(problem, BB_ERR_CONFIG, "driver", "[sim %s] %s is not simulated", name,
                       driver);
    }
    *bench = (struct bb_sim_bench){0};
    bb_sim_line_init(&bench->line, protocol);
    int error = load_wire(&loader, &settings);
    error = error == BB_OK ? add_boards(&loader) : error;
    error = error == BB_OK ? load_profile(&loader) : error;
    error = error == BB_OK ? load_faults(&loader) : error;
    if (error == BB_OK) {
        *ret_settings = settings;
    }
    return error;
}
