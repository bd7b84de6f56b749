/* The configuration in force.
 *
 * It is checked as a whole and then copied into the run directory; the processes read the copy.
 * So a process that restarts while somebody edits the file, or after a faulty edit, still gets
 * what was last found good.
 */
#ifndef BUSBAR_SUPERVISOR_SETTINGS_H
#define BUSBAR_SUPERVISOR_SETTINGS_H

#include <limits.h>

#include "common/log.h"
#include "supervisor/instance.h"

struct bb_settings {
    const char *asked;     /* --config, the caller's text, or NULL: the default file if any */
    const char *run_dir;   /* the caller's */
    bool from_file;        /* false: built-in defaults */
    char source[PATH_MAX]; /* the owner's file, "" for the built-in defaults */
    char copy[PATH_MAX];   /* what the processes read, "" for the built-in defaults */
    struct bb_instance instances[BB_PROCESSES_MAX];
    size_t count;
    enum bb_log_level log_level;
};

/* Reads, checks and copies. On failure every error has been reported, settings is as it was, and
 * BB_ERR_CONFIG or BB_ERR_IO is returned. A file once used and gone is an error, not a return to
 * the defaults: these would stop every battery. */
int bb_settings_load(struct bb_settings *settings, bb_config_report_fn *report, void *arg);

#endif
