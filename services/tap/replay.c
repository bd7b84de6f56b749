#include "services/tap/replay.h"

#include <czmq.h>

#include "common/bus_client.h"
#include "common/clock.h"
#include "services/tap/record_file.h"
#include "services/tap/restamp.h"
#include "services/tap/seen.h"

#define BUS_HEALTH "health/bus" /* the bus that is played to speaks for itself */
#define PATIENCE_MS 500         /* the bus is not there when it has not answered by then */
#define LOOP_PAUSE_MS 1000      /* between the end of the recording and its beginning */
#define SILENCE_MAX_MS 10000    /* a longer one lies between two recordings in one file */
#define FULL_WAIT_MS 10         /* before a full queue is tried again */
#define LINGER_MS 2000          /* the last messages get this long to reach the bus */
#define WAIT_MAX_MS 1000

struct replay {
    const struct bb_replay_options *options;
    FILE *remarks;
    struct bb_record_reader *reader;
    struct bb_restamp *restamp;
    struct bb_seen *seen; /* NULL: within this round nothing yet */
    zsock_t *publisher;
    zpoller_t *poller;
    bool bus_there, stopped;
    /* The recorded time anchor_record_ms is played at anchor_ms. */
    bool anchored;
    int64_t anchor_record_ms, anchor_ms, last_record_ms;
    int64_t pause_ms; /* before the first record of this round */
    int64_t sent, sent_this_round, refused;
    struct bb_message message;
    uint8_t body[BB_MESSAGE_MAX];
};

static void remark(struct replay *replay, const char *where, const char *what)
{
    (void)fprintf(replay->remarks, "busbar replay: %s%s%s\n", where, *what != '\0' ? ": " : "",
                  what);
}

/* The bus's subscription says that it is there, its end that it has gone. */
static void take_subscriptions(struct replay *replay)
{
    char notice[BB_TOPIC_MAX];
    int size = 0;
    while ((size = zmq_recv(zsock_resolve(replay->publisher), notice, sizeof notice,
                            ZMQ_DONTWAIT)) >= 0) {
        if (size > 0) {
            replay->bus_there = notice[0] == 1;
        }
    }
}

/* Waits at most timeout_ms, less when the bus comes or goes or a signal ends the replay. */
static void wait_ms(struct replay *replay, int64_t timeout_ms)
{
    int timeout = (int)(timeout_ms < WAIT_MAX_MS ? timeout_ms : WAIT_MAX_MS);
    if (zpoller_wait(replay->poller, timeout)) {
        take_subscriptions(replay);
    } else if (zpoller_terminated(replay->poller)) {
        replay->stopped = true;
    }
}

/* While the bus is away nothing is played: the recording goes on when it is back. */
static void wait_for_bus(struct replay *replay)
{
    int64_t said_at = bb_clock_mono_ms() + PATIENCE_MS;
    bool waited = false;
    bool said = false;
    while (!replay->bus_there && !replay->stopped) {
        waited = true;
        wait_ms(replay, PATIENCE_MS);
        if (!said && !replay->bus_there && bb_clock_mono_ms() >= said_at) {
            remark(replay, "waiting for the bus", replay->options->run_dir);
            said = true;
        }
    }
    if (waited) {
        replay->anchored = false;
    }
}

/* When record is to be played. Recorded time that runs backwards is another boot of the machine
 * that recorded: it goes on at once. */
static int64_t due_at(struct replay *replay, const struct bb_record *record)
{
    if (!replay->anchored || record->mono_ms < replay->last_record_ms) {
        replay->anchor_record_ms = record->mono_ms;
        replay->anchor_ms = bb_clock_mono_ms() + replay->pause_ms;
        replay->anchored = true;
        replay->pause_ms = 0;
        replay->last_record_ms = record->mono_ms;
    }
    int64_t silence_ms = record->mono_ms - replay->last_record_ms;
    if (silence_ms > SILENCE_MAX_MS) {
        replay->anchor_record_ms += silence_ms - SILENCE_MAX_MS;
    }
    replay->last_record_ms = record->mono_ms;
    double recorded_ms = (double)(record->mono_ms - replay->anchor_record_ms);
    return replay->anchor_ms + (int64_t)(recorded_ms / replay->options->speed);
}

static void wait_until_due(struct replay *replay, const struct bb_record *record)
{
    while (!replay->stopped) {
        if (!replay->bus_there) {
            wait_for_bus(replay);
        }
        int64_t left = due_at(replay, record) - bb_clock_mono_ms();
        if (left <= 0) {
            return;
        }
        wait_ms(replay, left);
    }
}

static void send_frames(struct replay *replay, size_t size)
{
    void *socket = zsock_resolve(replay->publisher);
    const char *topic = replay->message.topic;
    while (zmq_send(socket, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        if (zmq_errno() != EAGAIN || replay->stopped || !replay->bus_there) {
            return;
        }
        wait_ms(replay, FULL_WAIT_MS);
    }
    (void)zmq_send(socket, replay->body, size, ZMQ_DONTWAIT);
    replay->sent++;
    replay->sent_this_round++;
}

static bool is_wanted(const struct replay *replay, const struct bb_record *record)
{
    size_t size = strlen(replay->options->topic);
    if (record->topic_size < size || memcmp(record->topic, replay->options->topic, size) != 0) {
        return false;
    }
    if (record->topic_size == strlen(BUS_HEALTH) &&
        memcmp(record->topic, BUS_HEALTH, record->topic_size) == 0) {
        return false;
    }
    int topic_class = bb_topic_parse(record->topic, record->topic_size);
    bool acts = topic_class == BB_TOPIC_COMMAND || topic_class == BB_TOPIC_REPLY;
    return !acts || replay->options->commands;
}

static void play(struct replay *replay, const struct bb_record *record)
{
    if (!is_wanted(replay, record)) {
        return;
    }
    struct bb_problem problem;
    if (bb_message_decode(record->topic, record->topic_size, record->body, record->body_size,
                          &replay->message, &problem) != BB_OK) {
        replay->refused++;
        return;
    }
    if (bb_seen_note(replay->seen, &replay->message) == BB_SEEN_REPEATED) {
        return;
    }
    wait_until_due(replay, record);
    if (replay->stopped) {
        return;
    }
    int64_t now = bb_clock_mono_ms();
    int size = bb_restamp_message(replay->restamp, &replay->message, record->mono_ms, now,
                                  bb_clock_wall_ms());
    size = size == BB_OK
               ? bb_message_encode(&replay->message, replay->body, sizeof replay->body, &problem)
               : size;
    if (size < 0) {
        replay->refused++;
        return;
    }
    send_frames(replay, (size_t)size);
}

/* Plays the file once. Returns BB_OK or why it cannot be read on. */
static int play_round(struct replay *replay, struct bb_problem *problem)
{
    replay->sent_this_round = 0;
    replay->anchored = false;
    bb_seen_destroy(&replay->seen);
    replay->seen = bb_seen_new(BB_RESTAMP_TOPICS_MAX);
    if (!replay->seen) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, "replay", "out of memory");
    }
    struct bb_record record;
    int result = 1;
    while (!replay->stopped && result > 0) {
        result = bb_record_reader_next(replay->reader, &record, problem);
        if (result > 0) {
            play(replay, &record);
        }
    }
    return result < 0 ? result : BB_OK;
}

static int play_all(struct replay *replay, struct bb_problem *problem)
{
    wait_for_bus(replay);
    bool again = true;
    while (again && !replay->stopped) {
        int error = play_round(replay, problem);
        if (error != BB_OK) {
            return error;
        }
        if (replay->sent_this_round == 0 && !replay->stopped) {
            return bb_fail(problem, BB_ERR_MISSING, replay->options->file, "nothing to replay");
        }
        again = replay->options->loop;
        replay->pause_ms = LOOP_PAUSE_MS;
        error = again ? bb_record_reader_rewind(replay->reader, problem) : BB_OK;
        if (error != BB_OK) {
            return error;
        }
    }
    return BB_OK;
}

static int prepare(struct replay *replay, struct bb_problem *problem)
{
    const struct bb_replay_options *options = replay->options;
    int error = bb_record_reader_open(options->file, &replay->reader, problem);
    if (error != BB_OK) {
        return error;
    }
    replay->restamp = bb_restamp_new(bb_clock_mono_ms());
    replay->publisher = bb_bus_publisher(options->run_dir);
    replay->poller = replay->publisher ? zpoller_new(replay->publisher, NULL) : NULL;
    if (!replay->poller || !replay->restamp) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, options->run_dir, "no socket");
    }
    /* A full queue waits instead of losing messages: a replay may be faster than the bus. */
    zsock_set_xpub_nodrop(replay->publisher, 1);
    zsock_set_linger(replay->publisher, LINGER_MS);
    return BB_OK;
}

static void sum_up(struct replay *replay)
{
    (void)fprintf(replay->remarks, "busbar replay: %lld messages replayed",
                  (long long)replay->sent);
    if (replay->refused > 0) {
        (void)fprintf(replay->remarks, ", %lld not readable", (long long)replay->refused);
    }
    (void)fprintf(replay->remarks, "\n");
    if (bb_record_reader_was_cut(replay->reader)) {
        remark(replay, replay->options->file, "its last record is cut and was left out");
    }
}

int bb_replay_run(const struct bb_replay_options *options, FILE *remarks)
{
    struct replay *replay = calloc(1, sizeof *replay);
    if (!replay) {
        return EXIT_FAILURE;
    }
    replay->options = options;
    replay->remarks = remarks;
    struct bb_problem problem = {0};
    int error = prepare(replay, &problem);
    if (error == BB_OK) {
        error = play_all(replay, &problem);
        sum_up(replay);
    }
    if (error != BB_OK) {
        remark(replay, problem.where, problem.what);
    }
    zpoller_destroy(&replay->poller);
    zsock_destroy(&replay->publisher);
    bb_seen_destroy(&replay->seen);
    bb_restamp_destroy(&replay->restamp);
    bb_record_reader_close(&replay->reader);
    free(replay);
    return error == BB_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
