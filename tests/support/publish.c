/* Publishes messages on a running bus, for tests: one JSON object per line of standard input.
 *
 *   busbar-publish RUN_DIR [SOURCE]
 *   {"topic": "battery/x", "interval_ms": 1000, "age_ms": 0, "data": {...}}
 *
 * data is the body as in docs/messages.md; interval_ms (default 1000) and age_ms (default 0, how
 * long ago the fact was) may be left out. First prints "connected" once the bus listens, then
 * for every line "sent" or "refused: <where>: <what>". Ends at the end of the input, or with 1
 * when no bus listens within ten seconds.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/bus_client.h"
#include "common/clock.h"
#include "common/json.h"

#define CONNECT_MS 10000
#define LINE_MAX_BYTES 65536

struct feeder {
    struct bb_bus_client *bus;
    char line[LINE_MAX_BYTES];
    size_t size;
};

static int64_t member(const json_t *object, const char *name, int64_t fallback)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static int fill_message(const json_t *object, struct bb_message *message,
                        struct bb_problem *problem)
{
    const char *topic = json_string_value(json_object_get(object, "topic"));
    int topic_class = topic ? bb_topic_parse(topic, strlen(topic)) : BB_ERR_MISSING;
    if (topic_class < 0) {
        return bb_fail(problem, topic_class, "topic", "%s", bb_error_text(topic_class));
    }
    message->topic_class = (enum bb_topic_class)topic_class;
    (void)snprintf(message->topic, sizeof message->topic, "%s", topic);
    message->head.mono_ms = bb_integer(bb_clock_mono_ms() - member(object, "age_ms", 0));
    return bb_json_to(bb_message_schema(message->topic_class), json_object_get(object, "data"),
                      &message->body, problem);
}

static void publish_line(struct feeder *feeder, const char *line, size_t size)
{
    static const struct bb_message empty;
    struct bb_message message = empty;
    struct bb_problem problem;
    json_error_t error;
    json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    int result = object ? fill_message(object, &message, &problem)
                        : bb_fail(&problem, BB_ERR_MALFORMED, "line", "%s", error.text);
    if (result == BB_OK) {
        result = bb_bus_client_publish(feeder->bus, &message, member(object, "interval_ms", 1000),
                                       &problem);
    }
    if (result == BB_OK) {
        (void)puts("sent");
    } else {
        (void)printf("refused: %s: %s\n", problem.where, problem.what);
    }
    (void)fflush(stdout);
    json_decref(object);
}

/* Publishes every complete line; false at the end of the input. */
static bool read_input(struct feeder *feeder)
{
    ssize_t got =
        read(STDIN_FILENO, feeder->line + feeder->size, sizeof feeder->line - feeder->size);
    if (got <= 0) {
        return false;
    }
    feeder->size += (size_t)got;
    const char *end = memchr(feeder->line, '\n', feeder->size);
    while (end) {
        size_t line_size = (size_t)(end - feeder->line);
        publish_line(feeder, feeder->line, line_size);
        feeder->size -= line_size + 1;
        memmove(feeder->line, end + 1, feeder->size);
        end = memchr(feeder->line, '\n', feeder->size);
    }
    return feeder->size < sizeof feeder->line;
}

static void feed(struct feeder *feeder)
{
    zmq_pollitem_t items[] = {
        {.socket = zsock_resolve(bb_bus_client_publish_socket(feeder->bus)), .events = ZMQ_POLLIN},
        {.fd = STDIN_FILENO, .events = ZMQ_POLLIN}};
    bool more = true;
    while (more && zmq_poll(items, 2, -1) >= 0) {
        if (items[0].revents) {
            bb_bus_client_resend(feeder->bus);
        }
        if (items[1].revents) {
            more = read_input(feeder);
        }
    }
}

static bool wait_for_bus(const struct feeder *feeder)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(bb_bus_client_publish_socket(feeder->bus)),
                           .events = ZMQ_POLLIN};
    return zmq_poll(&item, 1, CONNECT_MS) > 0;
}

int main(int argc, char **argv)
{
    static struct feeder feeder;
    if (argc < 2) {
        (void)fputs("usage: busbar-publish RUN_DIR [SOURCE]\n", stderr);
        return 2;
    }
    feeder.bus = bb_bus_client_new(argv[1], argc > 2 ? argv[2] : "publish", bb_clock_mono_ms());
    int status = 1;
    if (feeder.bus && wait_for_bus(&feeder)) {
        (void)puts("connected");
        (void)fflush(stdout);
        feed(&feeder);
        status = 0;
    }
    bb_bus_client_destroy(&feeder.bus);
    zsys_shutdown();
    return status;
}
