/* driver = auto: who talks here. Nothing is sent before that is known. */
#include <string.h>

#include "services/can/service.h"

#define EMPTY_WINDOWS_MAX 3 /* in a row, before people are told */

void bb_can_detect_frame(struct bb_can *can, const struct bb_can_frame *frame)
{
    struct bb_packet packet = {
        .data = frame->data, .size = frame->size, .id = frame->id, .extended = frame->extended};
    if (can->detection.begun_ms == 0) {
        can->detection.begun_ms = frame->time_ms;
    }
    bb_survey_take(&can->detection.survey, &packet);
}

static bool same_as_before(const struct bb_can_detection *detection,
                           const struct bb_survey_finding *findings, size_t count)
{
    bool same = count > 0 && count == detection->count;
    for (size_t i = 0; same && i < count; i++) {
        same = findings[i].driver == detection->before[i].driver &&
               findings[i].address == detection->before[i].address;
    }
    return same;
}

static void adopt(struct bb_can *can, const struct bb_survey_finding *findings, size_t count)
{
    const struct bb_config *config = bb_actor_config(can->actor);
    struct bb_problem problem = {0};
    int error = BB_OK;
    for (size_t i = 0; error == BB_OK && i < count; i++) {
        error = bb_can_settings_add(config, &can->settings, findings[i].driver, findings[i].address,
                                    &problem);
        if (error == BB_OK) {
            char address[16];
            bb_can_settings_address(&can->settings, i, address, sizeof address);
            bb_actor_log(can->actor, BB_LOG_NOTICE, "%s: %s %s talks here", can->settings.interface,
                         findings[i].driver->id, address);
        }
    }
    error = error == BB_OK ? bb_can_add_batteries(can, &problem) : error;
    if (error != BB_OK) {
        bb_actor_log(can->actor, BB_LOG_ERROR, "%s: %s: %s", can->settings.interface, problem.where,
                     problem.what);
        bb_actor_exit(can->actor, BB_EXIT_FAILED);
        return;
    }
    bb_can_line_reopen(can);
}

/* A Valence battery's voltage cannot be told without knowing how its modules are connected. */
static size_t without_unusable(struct bb_can *can, struct bb_survey_finding *findings, size_t count)
{
    const struct bb_config *config = bb_actor_config(can->actor);
    bool is_set = bb_config_is_set(config, "can", can->settings.section, "modules_series");
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_set && strcmp(findings[i].driver->id, "valence-can") == 0) {
            bb_actor_log(can->actor, BB_LOG_WARNING,
                         "%s: a valence-can battery talks here, but modules_series is not set",
                         can->settings.interface);
        } else {
            findings[kept++] = findings[i];
        }
    }
    return kept;
}

static void tell_that_nothing_is_found(struct bb_can *can, uint64_t frames)
{
    struct bb_can_detection *detection = &can->detection;
    bb_actor_status(can->actor, "%s: listening, no battery recognised", can->settings.interface);
    if (++detection->empty >= EMPTY_WINDOWS_MAX && !detection->complained) {
        detection->complained = true;
        bb_actor_log(can->actor, BB_LOG_WARNING,
                     frames > 0 ? "%s: nothing that talks here is a battery known; name the driver "
                                  "if there is one"
                                : "%s: nobody talks here: check bit rate and wiring; a daly-can "
                                  "battery only answers and has to be named",
                     can->settings.interface);
    }
}

void bb_can_detect_tick(struct bb_can *can)
{
    struct bb_can_detection *detection = &can->detection;
    int64_t now_ms = bb_actor_now(can->actor);
    if (!can->settings.automatic || can->settings.count > 0 || !bb_can_line_is_up(can)) {
        return;
    }
    if (detection->begun_ms == 0) {
        detection->begun_ms = now_ms;
    }
    if (now_ms - detection->begun_ms < BB_SURVEY_WINDOW_MS) {
        return;
    }
    struct bb_survey_finding findings[BB_SURVEY_MAX];
    size_t count = bb_survey_findings(&detection->survey, findings);
    count = without_unusable(can, findings, count);
    uint64_t frames = detection->survey.frames;
    bool adopted = same_as_before(detection, findings, count);
    memset(&detection->survey, 0, sizeof detection->survey);
    memcpy(detection->before, findings, count * sizeof findings[0]);
    detection->count = count;
    detection->begun_ms = now_ms;
    if (adopted) {
        adopt(can, findings, count);
    } else if (count == 0) {
        tell_that_nothing_is_found(can, frames);
    }
}
