#include "services/tap/tap.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/json.h"
#include "services/tap/bus_watch.h"
#include "services/tap/line.h"
#include "services/tap/record_file.h"
#include "services/tap/seen.h"
#include "services/tap/stats.h"
#include "services/tap/text.h"

#define BATCH_MESSAGES 256
#define SEEN_TOPICS 8192
#define TOPIC_WIDTH_MIN 20
#define TOPIC_WIDTH_MAX 44
#define REFRESH_MS 1000
#define PATIENCE_MS 500    /* the bus is not there when it has not answered by then */
#define FIRST_WAIT_MS 1000 /* --once: a connected bus that sends nothing has nothing */
#define LAST_WAIT_MS 300   /* --once: no new topic for this long: the picture is complete */
#define FOR_EVER INT64_MAX
#define JSON_FORMAT (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* Longest topic and body in hexadecimal. */
#define TEXT_MAX (3 * BB_RECORD_BODY_MAX + BB_LINE_MAX)

struct tap {
    const struct bb_tap_options *options;
    FILE *out, *remarks;
    bool terminal, connected, absence_said, done;
    bool failed;
    int64_t shown;
    int64_t end_at, quiet_at, refresh_at, patience_at; /* FOR_EVER: not set */
    struct bb_line_style style;
    struct bb_bus_watch *bus;
    struct bb_seen *seen;
    struct bb_stats *stats;
    struct bb_recorder *recorder;
    int64_t recorded, unrecorded;
    struct bb_message message;
    char text[TEXT_MAX];
};

static void remark(struct tap *tap, const char *what, const char *about)
{
    (void)fprintf(tap->remarks, "busbar tap: %s%s%s\n", what, *about != '\0' ? ": " : "", about);
    (void)fflush(tap->remarks);
}

static void fail(struct tap *tap, const struct bb_problem *problem)
{
    remark(tap, problem->where, problem->what);
    tap->failed = true;
    tap->done = true;
}

/* Whoever reads the output may leave: that is an end, not a failure. */
static void end_of_line(struct tap *tap)
{
    if (fputc('\n', tap->out) == EOF || fflush(tap->out) != 0) {
        tap->done = true;
    }
}

/* Wall time of an arrival, for people: local time to the millisecond. */
static void print_time(FILE *out, int64_t wall_ms)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    char text[16] = "";
    if (localtime_r(&seconds, &parts)) {
        (void)strftime(text, sizeof text, "%H:%M:%S", &parts);
    }
    (void)fprintf(out, "%s.%03d  ", text, (int)(wall_ms % 1000));
}

static void widen(struct tap *tap, size_t topic_size)
{
    int wanted = topic_size < TOPIC_WIDTH_MAX ? (int)topic_size : TOPIC_WIDTH_MAX;
    tap->style.topic_width = wanted > tap->style.topic_width ? wanted : tap->style.topic_width;
}

static void print_json(struct tap *tap, json_t *json)
{
    if (json) {
        (void)json_dumpf(json, tap->out, JSON_FORMAT);
        json_decref(json);
        end_of_line(tap);
    }
}

static json_t *json_from_refused(const struct bb_bus_frames *frames,
                                 const struct bb_problem *problem)
{
    char topic[4 * BB_TOPIC_MAX];
    struct bb_text text = bb_text_in(topic, sizeof topic);
    bb_text_add_foreign(&text, frames->topic, frames->topic_size);
    char error[sizeof problem->where + sizeof problem->what + 4];
    char safe[sizeof error];
    (void)snprintf(error, sizeof error, "%s: %s", problem->where, problem->what);
    text = bb_text_in(safe, sizeof safe);
    bb_text_add_foreign(&text, error, strlen(error));
    return json_pack("{s:s, s:s, s:I}", "topic", topic, "error", safe, "bytes",
                     (json_int_t)frames->body_size);
}

/* Shows one message; problem is NULL when it was decoded. */
static void show(struct tap *tap, const struct bb_bus_frames *frames, int64_t arrival_ms,
                 const struct bb_problem *problem)
{
    widen(tap, frames->topic_size);
    switch (tap->options->mode) {
    case BB_TAP_JSON:
        print_json(tap, problem ? json_from_refused(frames, problem)
                                : bb_json_from_message(&tap->message));
        return;
    case BB_TAP_RAW:
        bb_line_raw(frames->topic, frames->topic_size, frames->body, frames->body_size, &tap->style,
                    tap->text, sizeof tap->text);
        break;
    case BB_TAP_LINES:
        if (problem) {
            bb_line_refused(frames->topic, frames->topic_size, frames->body_size, problem,
                            &tap->style, tap->text, BB_LINE_MAX);
        } else {
            bb_line_message(&tap->message, arrival_ms - tap->message.head.mono_ms.value,
                            &tap->style, tap->text, BB_LINE_MAX);
        }
        break;
    case BB_TAP_STATS:
    case BB_TAP_QUIET:
        return;
    }
    print_time(tap->out, bb_clock_wall_ms());
    (void)fputs(tap->text, tap->out);
    end_of_line(tap);
}

static void record(struct tap *tap, const struct bb_bus_frames *frames, int64_t arrival_ms)
{
    struct bb_record entry = {.mono_ms = arrival_ms,
                              .wall_ms = bb_clock_wall_ms(),
                              .topic = frames->topic,
                              .topic_size = frames->topic_size,
                              .body = frames->body,
                              .body_size = frames->body_size};
    struct bb_problem problem;
    int error = bb_recorder_add(tap->recorder, &entry, &problem);
    if (error == BB_OK) {
        tap->recorded++;
    } else if (error == BB_ERR_OVERSIZE) {
        tap->unrecorded++;
    } else {
        fail(tap, &problem);
    }
}

static int decode(struct tap *tap, const struct bb_bus_frames *frames, struct bb_problem *problem)
{
    if (!frames->two) {
        return bb_fail(problem, BB_ERR_MALFORMED, "bus", "a message of other than two frames");
    }
    return bb_message_decode(frames->topic, frames->topic_size, frames->body, frames->body_size,
                             &tap->message, problem);
}

/* --once shows the first of every topic; otherwise what the bus repeats is left out. */
static bool is_wanted(struct tap *tap, enum bb_seen_as seen)
{
    return tap->options->once ? seen == BB_SEEN_FIRST : seen != BB_SEEN_REPEATED;
}

static void handle(struct tap *tap, const struct bb_bus_frames *frames)
{
    int64_t now = bb_clock_mono_ms();
    if (tap->recorder) {
        record(tap, frames, now);
    }
    struct bb_problem problem = {0};
    if (decode(tap, frames, &problem) != BB_OK) {
        if (tap->stats) {
            bb_stats_refused(tap->stats, frames->topic, frames->topic_size, frames->body_size, now);
        }
        show(tap, frames, now, &problem);
        tap->shown++;
        return;
    }
    if (tap->stats) {
        bb_stats_message(tap->stats, &tap->message, frames->body_size, now);
    }
    enum bb_seen_as seen = bb_seen_note(tap->seen, &tap->message);
    if (tap->options->once && seen == BB_SEEN_FIRST) {
        tap->quiet_at = now + LAST_WAIT_MS;
    }
    if (is_wanted(tap, seen)) {
        show(tap, frames, now, NULL);
        tap->shown++;
    }
}

static bool is_finished(const struct tap *tap)
{
    return tap->done || (tap->options->count > 0 && tap->shown >= tap->options->count);
}

static void take_messages(struct tap *tap)
{
    struct bb_bus_frames frames;
    for (int i = 0; i < BATCH_MESSAGES && !is_finished(tap); i++) {
        if (!bb_bus_watch_receive(tap->bus, &frames)) {
            return;
        }
        handle(tap, &frames);
    }
}

static void bus_came(struct tap *tap, int64_t now)
{
    if (tap->absence_said) {
        remark(tap, "the bus is there", "");
    }
    tap->connected = true;
    tap->absence_said = false;
    tap->patience_at = FOR_EVER;
    if (tap->options->once && tap->quiet_at == FOR_EVER) {
        tap->quiet_at = now + FIRST_WAIT_MS;
    }
}

static void refresh_stats(struct tap *tap)
{
    if (tap->terminal) {
        (void)fputs("\033[H\033[J", tap->out);
    }
    bb_stats_print(tap->stats, tap->out);
    if (fflush(tap->out) != 0) {
        tap->done = true;
    }
}

static void handle_time(struct tap *tap, int64_t now)
{
    if (now >= tap->end_at || now >= tap->quiet_at) {
        tap->done = true;
    }
    if (now >= tap->patience_at) {
        remark(tap, "waiting for the bus", tap->options->run_dir);
        tap->absence_said = true;
        tap->patience_at = FOR_EVER;
    }
    if (now >= tap->refresh_at && !tap->done) {
        refresh_stats(tap);
        tap->refresh_at = now + REFRESH_MS;
    }
}

static int64_t time_left(const struct tap *tap, int64_t now)
{
    const int64_t times[] = {tap->end_at, tap->quiet_at, tap->refresh_at, tap->patience_at};
    int64_t next = now + REFRESH_MS;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        next = times[i] < next ? times[i] : next;
    }
    return next > now ? next - now : 0;
}

static void loop(struct tap *tap)
{
    while (!is_finished(tap)) {
        switch (bb_bus_watch_wait(tap->bus, time_left(tap, bb_clock_mono_ms()))) {
        case BB_BUS_WATCH_MESSAGES:
            take_messages(tap);
            break;
        case BB_BUS_WATCH_CONNECTED:
            bus_came(tap, bb_clock_mono_ms());
            break;
        case BB_BUS_WATCH_GONE:
            tap->connected = false;
            tap->patience_at = bb_clock_mono_ms() + PATIENCE_MS;
            break;
        case BB_BUS_WATCH_INTERRUPTED:
            return;
        case BB_BUS_WATCH_NOTHING:
            break;
        }
        handle_time(tap, bb_clock_mono_ms());
    }
}

static int prepare(struct tap *tap, struct bb_problem *problem)
{
    const struct bb_tap_options *options = tap->options;
    int64_t now = bb_clock_mono_ms();
    tap->style = (struct bb_line_style){.topic_width = TOPIC_WIDTH_MIN,
                                        .colour = tap->terminal && !getenv("NO_COLOR")};
    tap->end_at = options->end_ms > 0 ? now + options->end_ms : FOR_EVER;
    tap->refresh_at = options->mode == BB_TAP_STATS && tap->terminal ? now + REFRESH_MS : FOR_EVER;
    tap->patience_at = now + PATIENCE_MS;
    tap->quiet_at = FOR_EVER;
    tap->seen = bb_seen_new(SEEN_TOPICS);
    tap->stats = options->mode == BB_TAP_STATS ? bb_stats_new() : NULL;
    if (!tap->seen || (options->mode == BB_TAP_STATS && !tap->stats)) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, "tap", "out of memory");
    }
    bool cut = false;
    int error =
        options->record ? bb_recorder_open(options->record, &tap->recorder, &cut, problem) : BB_OK;
    if (cut) {
        remark(tap, options->record, "its last record was cut and has been removed");
    }
    return error == BB_OK ? bb_bus_watch_new(options->run_dir, options->topics,
                                             options->topic_count, &tap->bus, problem)
                          : error;
}

static void sum_up(struct tap *tap)
{
    if (tap->stats) {
        refresh_stats(tap);
    }
    if (tap->recorder) {
        (void)fprintf(tap->remarks, "busbar tap: %lld messages recorded in %s\n",
                      (long long)tap->recorded, tap->options->record);
    }
    if (tap->unrecorded > 0) {
        (void)fprintf(tap->remarks, "busbar tap: %lld messages were too long to record\n",
                      (long long)tap->unrecorded);
    }
}

int bb_tap_run(const struct bb_tap_options *options, FILE *out, bool terminal, FILE *remarks)
{
    struct tap *tap = calloc(1, sizeof *tap);
    if (!tap) {
        return EXIT_FAILURE;
    }
    tap->options = options;
    tap->out = out;
    tap->remarks = remarks;
    tap->terminal = terminal;
    struct bb_problem problem = {0};
    if (prepare(tap, &problem) == BB_OK) {
        loop(tap);
        sum_up(tap);
    } else {
        fail(tap, &problem);
    }
    bool failed = tap->failed;
    bb_bus_watch_destroy(&tap->bus);
    bb_recorder_close(&tap->recorder);
    bb_stats_destroy(&tap->stats);
    bb_seen_destroy(&tap->seen);
    free(tap);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
