#include "services/aggregator/link_state.h"

#include "proto/deadlines.h"

static enum bb_link_state classify(int64_t age_ms, int64_t interval_ms)
{
    if (age_ms >= bb_lost_after_ms(interval_ms)) {
        return BB_LINK_LOST;
    }
    return age_ms >= bb_stale_after_ms(interval_ms) ? BB_LINK_STALE : BB_LINK_ONLINE;
}

static bool inside_window(const struct bb_charge_config *config, struct bb_cell_range cells)
{
    return cells.known && cells.min_v > config->window_min_v && cells.max_v < config->window_max_v;
}

struct bb_link_view bb_link_view_at(const struct bb_charge_config *config, bool seen,
                                    int64_t last_good_ms, int64_t interval_ms,
                                    struct bb_cell_range cells, int64_t now_ms)
{
    struct bb_link_view view = {.state = BB_LINK_NEVER_SEEN, .blocked = true};
    if (!seen) {
        return view;
    }
    view.age_ms = now_ms > last_good_ms ? now_ms - last_good_ms : 0;
    view.state = classify(view.age_ms, interval_ms);
    view.blocked = false;
    if (view.state != BB_LINK_LOST) {
        return view;
    }
    bool timed_out = view.age_ms >= config->block_timeout_ms;
    bool silent_for_a_minute = view.age_ms > BB_CABLE_ALARM_MS;
    view.blocked = config->block_on_disconnect || timed_out || !inside_window(config, cells);
    view.gave_up = timed_out || (view.blocked && silent_for_a_minute);
    if (config->cable_alarm && silent_for_a_minute) {
        view.bms_cable = view.gave_up ? 2 : 1;
    }
    return view;
}

const char *bb_link_state_text(enum bb_link_state state)
{
    switch (state) {
    case BB_LINK_NEVER_SEEN:
        return "never_seen";
    case BB_LINK_ONLINE:
        return "online";
    case BB_LINK_STALE:
        return "stale";
    case BB_LINK_LOST:
        return "lost";
    }
    return "lost";
}
