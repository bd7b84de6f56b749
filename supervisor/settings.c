#include "supervisor/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/bus_paths.h"
#include "supervisor/place.h"

#define COPY_NAME "busbar.conf"
#define COPY_MODE 0600 /* may hold passwords */

struct report {
    bb_config_report_fn *fn;
    void *arg;
};

static int complain(const struct report *report, int error, const char *where, const char *what)
{
    struct bb_problem problem;
    (void)bb_fail(&problem, error, where, "%s", what);
    report->fn(&problem, report->arg);
    return error;
}

static int copy_bytes(int from, int to)
{
    char buffer[4096];
    ssize_t size;
    while ((size = read(from, buffer, sizeof buffer)) > 0) {
        ssize_t written = write(to, buffer, (size_t)size);
        if (written != size) {
            errno = written < 0 ? errno : ENOSPC;
            return BB_ERR_IO;
        }
    }
    return size == 0 ? BB_OK : BB_ERR_IO;
}

/* On failure errno tells why. */
static int copy_file(const char *from_path, const char *to_path)
{
    int from = open(from_path, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        return BB_ERR_IO;
    }
    int to = open(to_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, COPY_MODE);
    int error = to >= 0 ? copy_bytes(from, to) : BB_ERR_IO;
    int saved = errno;
    (void)close(from);
    if (to >= 0 && close(to) != 0 && error == BB_OK) {
        saved = errno;
        error = BB_ERR_IO;
    }
    errno = saved;
    return error;
}

/* The file to read: the one asked for, the one used before, or the default one if it exists.
 * NULL: built-in defaults. */
static const char *choose_source(const struct bb_settings *settings)
{
    if (settings->asked) {
        return settings->asked;
    }
    bool default_exists = access(BB_DEFAULT_CONFIG, F_OK) == 0;
    return settings->from_file || default_exists ? BB_DEFAULT_CONFIG : NULL;
}

static int fill(struct bb_settings *settings, const struct bb_config *config,
                const struct report *report)
{
    struct bb_problem problem;
    int count = bb_instances(config, settings->instances, &problem);
    if (count < 0) {
        report->fn(&problem, report->arg);
        return BB_ERR_CONFIG;
    }
    settings->count = (size_t)count;
    int level = bb_log_level_parse(bb_config_text(config, "busbar", "", "log_level"));
    settings->log_level = level >= 0 ? (enum bb_log_level)level : BB_LOG_INFO;
    return BB_OK;
}

/* The copy is what counts, so it is what gets checked; the owner's file is read before it only
 * to name its lines in the errors. */
static int load_copy(struct bb_settings *settings, const char *fresh, const struct report *report)
{
    if (copy_file(settings->source, fresh) != BB_OK) {
        return complain(report, BB_ERR_IO, fresh, strerror(errno));
    }
    struct bb_config *config = NULL;
    if (bb_config_load(fresh, NULL, NULL, &config) != BB_OK) {
        return complain(report, BB_ERR_CONFIG, settings->source, "changed while it was read");
    }
    int error = fill(settings, config, report);
    bb_config_destroy(&config);
    if (error == BB_OK && rename(fresh, settings->copy) != 0) {
        return complain(report, BB_ERR_IO, settings->copy, strerror(errno));
    }
    return error;
}

static int load(struct bb_settings *settings, const struct report *report)
{
    const char *source = choose_source(settings);
    struct bb_config *config = NULL;
    int error = bb_config_load(source, report->fn, report->arg, &config);
    if (error != BB_OK) {
        return error;
    }
    if (!source) {
        settings->from_file = false;
        error = fill(settings, config, report);
        bb_config_destroy(&config);
        return error;
    }
    bb_config_destroy(&config);
    char fresh[PATH_MAX];
    if (bb_place_path(fresh, sizeof fresh, settings->run_dir, COPY_NAME ".new") != BB_OK ||
        bb_place_path(settings->copy, sizeof settings->copy, settings->run_dir, COPY_NAME) !=
            BB_OK ||
        strlen(source) >= sizeof settings->source) {
        return complain(report, BB_ERR_OVERSIZE, source, "path too long");
    }
    settings->from_file = true;
    (void)snprintf(settings->source, sizeof settings->source, "%s", source);
    error = load_copy(settings, fresh, report);
    if (error != BB_OK) {
        (void)unlink(fresh);
    }
    return error;
}

int bb_settings_load(struct bb_settings *settings, bb_config_report_fn *report, void *arg)
{
    struct bb_settings fresh = *settings;
    int error = load(&fresh, &(struct report){.fn = report, .arg = arg});
    if (error == BB_OK) {
        *settings = fresh;
    }
    return error;
}
