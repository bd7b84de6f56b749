#include "services/conformance/player.h"

#include <stdlib.h>
#include <string.h>

enum {
    START_MS = 1000,
    ANSWER_MS = 20,       /* until the first byte of an answer */
    FRAME_MS = 5,         /* until the next frame of it */
    PATIENCE_MS = 60000,  /* the driver had nothing new for so long: the vector is through */
    STEADY_MS = 6000,     /* a steady battery is read for so long after its first state */
    LONGEST_MS = 1200000, /* never longer */
    STEADY_PERIOD_MS = 1000,
    BURST_MAX = 16384
};

struct player {
    const struct bb_player_options *options;
    const struct bb_vector *vector;
    const struct bb_driver_ops *ops;
    void *self;
    int64_t now_ms;
    int64_t heard_ms; /* something was delivered last */
    int64_t first_ms; /* the first state, -1 */
    int states;
    bool *used; /* per frame: a request that was made, or a received frame that was delivered */
    bool changed;
    struct bb_battery battery;
};

static void take_events(struct player *player)
{
    for (enum bb_event event; (event = player->ops->event(player->self)) != BB_EVENT_NONE;) {
        if (event != BB_EVENT_STATE) {
            continue;
        }
        int64_t time_ms;
        player->ops->battery(player->self, &player->battery, &time_ms);
        player->states++;
        player->first_ms = player->first_ms < 0 ? player->now_ms : player->first_ms;
        if (player->options->state) {
            player->options->state(player->options->arg, &player->battery);
        }
    }
}

/* Lets the clock run, with every wake-up the driver asks for. */
static void pass(struct player *player, int64_t until_ms)
{
    while (player->now_ms < until_ms) {
        int64_t wake_ms = player->ops->wake_ms(player->self);
        if (wake_ms <= player->now_ms) {
            wake_ms = player->now_ms + 1;
        }
        player->now_ms = wake_ms < until_ms ? wake_ms : until_ms;
        player->ops->tick(player->self, player->now_ms);
        take_events(player);
    }
}

static void hand_over(struct player *player, const struct bb_vector_frame *frame,
                      const uint8_t *data, size_t size)
{
    if (size == 0 && player->vector->medium != BB_MEDIUM_CAN) {
        return;
    }
    struct bb_packet packet = {
        .data = data, .size = size, .id = frame->id, .extended = frame->extended};
    player->ops->receive(player->self, &packet, player->now_ms);
    take_events(player);
}

/* The frame arrives, changed if it is the one to be changed. */
static void deliver(struct player *player, size_t index)
{
    const struct bb_player_change *change = &player->options->change;
    const struct bb_vector_frame *frame = &player->vector->frames[index];
    const uint8_t *data = frame->data;
    size_t size = frame->size;
    size_t split = 0;
    player->heard_ms = player->used[index] ? player->heard_ms : player->now_ms;
    player->used[index] = true;
    if (index == change->frame && !player->changed) {
        player->changed = true;
        data = change->data ? change->data : data;
        size = change->data ? change->size : size;
        split = change->split < size ? change->split : 0;
        hand_over(player, frame, change->before, change->before_size);
    }
    if (split > 0) {
        hand_over(player, frame, data, split);
        pass(player, player->now_ms + 1);
    }
    hand_over(player, frame, data + split, size - split);
}

static bool is_same_request(const struct player *player, const struct bb_vector_frame *frame,
                            const struct bb_request *request)
{
    enum { DALY_SIGNIFICANT = 4 };
    bool fill_is_free = strncmp(player->vector->driver->id, "daly", 4) == 0;
    if (!frame->sent || frame->id != request->id || frame->extended != request->extended) {
        return false;
    }
    if (fill_is_free && player->vector->medium == BB_MEDIUM_CAN) {
        return true;
    }
    size_t size = frame->size;
    if (size != request->size) {
        return false;
    }
    if (fill_is_free && size > DALY_SIGNIFICANT && frame->data[0] == 0xa5) {
        size = DALY_SIGNIFICANT;
    }
    return memcmp(frame->data, request->data, size) == 0;
}

/* The request in the vector this one is, or BB_PLAYER_NO_FRAME. */
static size_t find_request(struct player *player, const struct bb_request *request)
{
    size_t last = BB_PLAYER_NO_FRAME;
    for (size_t i = 0; i < player->vector->frame_count; i++) {
        if (is_same_request(player, &player->vector->frames[i], request)) {
            if (!player->used[i]) {
                player->used[i] = true;
                return i;
            }
            last = i;
        }
    }
    return player->options->steady ? last : BB_PLAYER_NO_FRAME;
}

static void deliver_glued(struct player *player, size_t first, size_t end)
{
    uint8_t burst[BURST_MAX];
    size_t size = 0;
    for (size_t i = first; i < end; i++) {
        const struct bb_vector_frame *frame = &player->vector->frames[i];
        if (size + frame->size <= sizeof burst) {
            memcpy(burst + size, frame->data, frame->size);
            size += frame->size;
        }
        player->used[i] = true;
    }
    player->heard_ms = player->now_ms;
    hand_over(player, &player->vector->frames[first], burst, size);
}

static void answer(struct player *player, const struct bb_request *request)
{
    const struct bb_vector *vector = player->vector;
    if (vector->any_request && vector->medium == BB_MEDIUM_CAN) {
        return; /* a keep-alive: what the battery sends, it sends unasked */
    }
    size_t first = vector->any_request ? 0 : find_request(player, request);
    if (first == BB_PLAYER_NO_FRAME) {
        return;
    }
    first += vector->any_request ? 0 : 1;
    size_t end = first;
    while (end < vector->frame_count && !vector->frames[end].sent) {
        end++;
    }
    if (first == end) {
        return;
    }
    pass(player, player->now_ms + ANSWER_MS);
    if (player->options->glued && vector->medium != BB_MEDIUM_CAN) {
        deliver_glued(player, first, end);
        return;
    }
    for (size_t i = first; i < end; i++) {
        deliver(player, i);
        if (!vector->any_request) {
            pass(player, player->now_ms + FRAME_MS);
        }
    }
}

/* True when the driver had something to send. */
static bool ask(struct player *player)
{
    struct bb_request request = {0};
    bool asks = player->ops->next(player->self, player->now_ms, &request);
    take_events(player);
    if (!asks) {
        return false;
    }
    player->ops->sent(player->self, player->now_ms);
    take_events(player);
    answer(player, &request);
    return true;
}

static bool is_through(const struct player *player)
{
    if (player->now_ms > LONGEST_MS) {
        return true;
    }
    if (player->options->steady) {
        return player->first_ms >= 0 && player->now_ms - player->first_ms > STEADY_MS;
    }
    return player->now_ms - player->heard_ms > PATIENCE_MS;
}

static void converse(struct player *player)
{
    while (!is_through(player)) {
        if (!ask(player)) {
            int64_t wake_ms = player->ops->wake_ms(player->self);
            int64_t most_ms = player->now_ms + START_MS;
            pass(player, wake_ms > player->now_ms && wake_ms < most_ms ? wake_ms : most_ms);
        }
    }
}

/* What comes unasked: up to the first request, or everything left on a broadcasting bus. */
static void feed_unasked(struct player *player, bool all)
{
    const struct bb_vector *vector = player->vector;
    for (size_t i = 0; i < vector->frame_count; i++) {
        if (vector->frames[i].sent && !all) {
            return;
        }
        if (!vector->frames[i].sent && !player->used[i]) {
            deliver(player, i);
            pass(player, player->now_ms + FRAME_MS);
        }
    }
}

static int run(struct player *player, struct bb_problem *problem)
{
    const struct bb_vector *vector = player->vector;
    struct bb_driver_setting settings[BB_VECTOR_SETTINGS_MAX];
    for (size_t i = 0; i < vector->setting_count; i++) {
        settings[i] = (struct bb_driver_setting){.name = vector->settings[i].name,
                                                 .value = vector->settings[i].value};
    }
    struct bb_driver_config config = {
        .medium = vector->medium,
        .address = vector->address,
        .period_ms = player->options->steady ? STEADY_PERIOD_MS : 0,
        .settings = settings,
        .setting_count = vector->setting_count,
    };
    int error = player->ops->open(vector->driver, player->self, &config, problem);
    if (error != BB_OK) {
        return error;
    }
    player->ops->link(player->self, true, player->now_ms);
    if (!vector->any_request || vector->medium == BB_MEDIUM_CAN) {
        feed_unasked(player, false);
    }
    converse(player);
    if (vector->medium == BB_MEDIUM_CAN) {
        feed_unasked(player, true);
        pass(player, player->now_ms + START_MS);
    }
    return player->states;
}

int bb_player_run(const struct bb_player_options *options, struct bb_battery *ret_battery,
                  struct bb_problem *problem)
{
    struct player player = {
        .options = options,
        .vector = options->vector,
        .ops = options->vector->driver->ops,
        .self = calloc(1, options->vector->driver->state_size),
        .used = calloc(options->vector->frame_count + 1, sizeof(bool)),
        .now_ms = START_MS,
        .heard_ms = START_MS,
        .first_ms = -1,
    };
    int result = BB_ERR_NO_MEMORY;
    if (player.self && player.used) {
        result = run(&player, problem);
        if (result >= 0) {
            *ret_battery = player.battery;
        }
    }
    free(player.self);
    free(player.used);
    return result;
}
