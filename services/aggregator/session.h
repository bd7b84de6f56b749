/* The aggregator without its process: batteries, banks, what is remembered. Messages and the
 * time are handed in; decisions, lines for the log and things to save come out. */
#ifndef BUSBAR_SERVICES_AGGREGATOR_SESSION_H
#define BUSBAR_SERVICES_AGGREGATOR_SESSION_H

#include "common/log.h"
#include "services/aggregator/roster.h"

/* How often decisions are saved: at once when a restart must not undo them (what has fallen and
 * was saved takes a hold to rise, so this is seldom), once a minute when anything changed, and
 * often enough to stay recent. */
#define BB_SAVE_CHANGED_MS 60000
#define BB_SAVE_ANYWAY_MS 300000

typedef void bb_session_log_fn(void *arg, enum bb_log_level level, const char *line);
/* charge is what charge/<id> should say now; changed: it differs from the last time. */
typedef void bb_session_charge_fn(void *arg, const char *id, const struct bb_charge *charge,
                                  bool changed);

struct bb_session_output {
    bb_session_log_fn *log;
    bb_session_charge_fn *charge;
    void *arg;
};

struct bb_session;

/* config must outlive the session. saved (may be NULL) is what an earlier process remembered;
 * recent as of bb_saved_is_recent; quarantine: too many restarts, so no current before a minute
 * of valid data. NULL when out of memory. The caller destroys it. */
struct bb_session *bb_session_new(const struct bb_config *config, const struct bb_saved *saved,
                                  bool recent, bool quarantine, struct bb_session_output output);
void bb_session_destroy(struct bb_session **session);

/* A battery/<id> message. Returns true when something new was learnt from it. */
bool bb_session_take(struct bb_session *session, const char *id, const struct bb_head *head,
                     const struct bb_battery *battery, int64_t now_ms);

/* Decides about every battery and bank and hands all of them to output.charge. */
void bb_session_evaluate(struct bb_session *session, int64_t now_ms);

/* What is to be remembered; only batteries and banks are filled in. */
void bb_session_save(const struct bb_session *session, struct bb_saved *ret_saved);

/* For the status line: batteries known and heard, limits of the first bank. */
struct bb_session_summary {
    size_t batteries, heard;
    double ccl, dcl;
};
struct bb_session_summary bb_session_summary(const struct bb_session *session);

/* True when what is on disk (saved_ms ago) has to be replaced by now. */
bool bb_session_save_due(const struct bb_saved *on_disk, const struct bb_saved *now,
                         int64_t saved_ms);

#endif
