#include "common/options/options.h"

#include <string.h>

#include "proto/message/topic.h"

#define MEMBERS_MAX 32
#define ID_BYTES 48
#define BANKS_MAX 8

static const struct bb_option options[] = {
    {.name = "name",
     .type = BB_OPTION_TEXT,
     .fallback = "",
     .meaning = "Name for people; empty: the name of the section."},
    {.name = "members",
     .type = BB_OPTION_WORDS,
     .fallback = "",
     .meaning = "Battery ids. Empty: every battery seen; those are remembered, and one that is "
                "not heard any more counts as missing."},
    {.name = "ignore_members",
     .type = BB_OPTION_WORDS,
     .fallback = "",
     .meaning = "Battery ids that do not belong to the bank, though seen or remembered: a battery "
                "that left for good or is under maintenance."},
    {.name = "max_charge_current",
     .type = BB_OPTION_REAL,
     .fallback = "",
     .min = 0,
     .max = 100000,
     .unit = "A",
     .meaning = "Most the whole bank is charged with: cables, fuse, bus bar. Empty: what its "
                "batteries allow together."},
    {.name = "max_discharge_current",
     .type = BB_OPTION_REAL,
     .fallback = "",
     .min = 0,
     .max = 100000,
     .unit = "A",
     .meaning = "Most the whole bank is discharged with."},
    {.name = "missing_member",
     .type = BB_OPTION_CHOICE,
     .fallback = "keep",
     .choices = "keep|reduce",
     .meaning = "While a lost battery's last limits stay (block_on_disconnect in [charge]): keep "
                "lets them count in the bank, reduce limits the bank to the batteries still "
                "heard."},
};

static int check_ids(const struct bb_config *config, const char *name, const char *option,
                     struct bb_problem *problem)
{
    char ids[MEMBERS_MAX][ID_BYTES];
    char word[128];
    size_t count = 0;
    for (; bb_config_word(config, "bank", name, option, count, word, sizeof word); count++) {
        if (count == MEMBERS_MAX) {
            return bb_fail(problem, BB_ERR_OVERSIZE, option, "more than %d batteries", MEMBERS_MAX);
        }
        if (strlen(word) >= ID_BYTES) {
            return bb_fail(problem, BB_ERR_OVERSIZE, option, "'%s' is too long for a battery id",
                           word);
        }
        (void)strcpy(ids[count], word); /* NOLINT: its length was checked */
        for (size_t i = 0; i < count; i++) {
            if (strcmp(ids[i], word) == 0) {
                return bb_fail(problem, BB_ERR_DUPLICATE, option, "'%s' is listed twice", word);
            }
        }
    }
    return BB_OK;
}

static int check(const struct bb_config *config, const char *name, struct bb_problem *problem)
{
    char id[ID_BYTES];
    if (!bb_id_from_text(id, sizeof id, name) || strcmp(id, name) != 0) {
        return bb_fail(problem, BB_ERR_MALFORMED, "",
                       "the name of a bank is its id: at most %d of a-z 0-9 _ . -", ID_BYTES - 1);
    }
    if (bb_config_count(config, "bank") > BANKS_MAX) {
        return bb_fail(problem, BB_ERR_OVERSIZE, "", "more than %d banks", BANKS_MAX);
    }
    int error = check_ids(config, name, "members", problem);
    return error == BB_OK ? check_ids(config, name, "ignore_members", problem) : error;
}

const struct bb_section bb_section_bank = {
    .name = "bank",
    .named = true,
    .program = NULL,
    .always = false,
    .order = 0,
    .reads = NULL,
    .meaning = "Batteries in parallel that are published as one. Without such a section there is "
               "one bank with the id 'bank' over every battery.",
    .options = options,
    .option_count = BB_COUNT_OF(options),
    .check = check,
};
