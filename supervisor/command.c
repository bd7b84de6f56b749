#include "supervisor/command.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bus_client.h"
#include "common/clock.h"
#include "proto/deadlines.h"

/* Once a message of the bus itself has come, what was subscribed to before it is in force. */
#define BUS_HEALTH "health/bus"

struct exchange {
    struct bb_bus_client *bus;
    struct bb_message *message; /* the command */
    struct bb_message incoming;
    int64_t deadline_ms;
    bool hears; /* our subscriptions are in force */
    bool heard; /* the bus takes what we publish */
    bool sent;
};

static bool read_value(const char *text, double *ret_value)
{
    static const char *const on[] = {"on", "yes", "true"};
    static const char *const off[] = {"off", "no", "false"};
    for (size_t i = 0; i < sizeof on / sizeof on[0]; i++) {
        if (strcmp(text, on[i]) == 0 || strcmp(text, off[i]) == 0) {
            *ret_value = strcmp(text, on[i]) == 0 ? 1 : 0;
            return true;
        }
    }
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value)) {
        return false;
    }
    *ret_value = value;
    return true;
}

int bb_command_make(const char *battery, const char *verb, const char *value,
                    const char *correlation, struct bb_message *ret_message,
                    struct bb_problem *problem)
{
    struct bb_message message = {.topic_class = BB_TOPIC_COMMAND};
    struct bb_command *command = &message.body.command;
    if (bb_topic_make(message.topic, sizeof message.topic, BB_TOPIC_COMMAND, battery) != BB_OK) {
        return bb_fail(problem, BB_ERR_MALFORMED, "battery", "'%s' cannot be a battery", battery);
    }
    if (*verb == '\0' || strlen(verb) >= sizeof command->verb ||
        !bb_text_is_utf8(verb, strlen(verb))) {
        return bb_fail(problem, BB_ERR_MALFORMED, "verb", "'%s' cannot be a verb", verb);
    }
    (void)snprintf(command->verb, sizeof command->verb, "%s", verb);
    (void)snprintf(command->correlation, sizeof command->correlation, "%s", correlation);
    (void)snprintf(command->origin, sizeof command->origin, "busbar command");
    if (value) {
        double number;
        if (!read_value(value, &number)) {
            return bb_fail(problem, BB_ERR_TYPE, "value", "'%s' is neither a number nor on or off",
                           value);
        }
        command->value = bb_real(number);
    }
    int error = bb_schema_check(bb_message_schema(BB_TOPIC_COMMAND), command, problem);
    if (error == BB_OK) {
        *ret_message = message;
    }
    return error;
}

/* Subscribes to the reply before anything else, so that it cannot be missed. */
static int open_exchange(struct exchange *exchange, const char *run_dir, struct bb_problem *problem)
{
    char source[BB_ID_MAX];
    char topic[BB_TOPIC_MAX];
    (void)snprintf(source, sizeof source, "command-%ld", (long)getpid());
    exchange->bus = bb_bus_client_new(run_dir, source, bb_clock_mono_ms());
    if (!exchange->bus) {
        return bb_fail(problem, BB_ERR_IO, run_dir, "cannot use run directory %s", run_dir);
    }
    int error =
        bb_topic_make(topic, sizeof topic, BB_TOPIC_REPLY, bb_message_id(exchange->message));
    error = error == BB_OK ? bb_bus_client_subscribe(exchange->bus, topic) : error;
    error = error == BB_OK ? bb_bus_client_subscribe(exchange->bus, BUS_HEALTH) : error;
    if (error != BB_OK) {
        return bb_fail(problem, error, run_dir, "cannot subscribe");
    }
    return BB_OK;
}

static bool is_reply(const struct exchange *exchange)
{
    return exchange->incoming.topic_class == BB_TOPIC_REPLY &&
           strcmp(exchange->incoming.body.reply.correlation,
                  exchange->message->body.command.correlation) == 0;
}

/* True when the reply came. */
static bool receive_all(struct exchange *exchange)
{
    int result;
    while ((result = bb_bus_client_receive(exchange->bus, &exchange->incoming, NULL)) != 0) {
        if (result > 0 && is_reply(exchange)) {
            return true;
        }
        exchange->hears = exchange->hears || result > 0;
    }
    return false;
}

static void send_when_ready(struct exchange *exchange)
{
    if (exchange->hears && exchange->heard && !exchange->sent) {
        exchange->sent = true;
        exchange->deadline_ms = bb_clock_mono_ms() + BB_REPLY_MS;
        (void)bb_bus_client_publish(exchange->bus, exchange->message, 0, NULL);
    }
}

/* Waits for both sides of the connection, sends, waits for the reply. */
static int run_exchange(struct exchange *exchange, struct bb_problem *problem)
{
    exchange->deadline_ms = bb_clock_mono_ms() + BB_REPLY_MS;
    for (;;) {
        zmq_pollitem_t items[] = {
            {.socket = zsock_resolve(bb_bus_client_publish_socket(exchange->bus)),
             .events = ZMQ_POLLIN},
            {.socket = zsock_resolve(bb_bus_client_subscribe_socket(exchange->bus)),
             .events = ZMQ_POLLIN},
        };
        int64_t left_ms = exchange->deadline_ms - bb_clock_mono_ms();
        if (left_ms <= 0) {
            return exchange->sent
                       ? bb_fail(problem, BB_ERR_MISSING, "reply",
                                 "no reply: nobody serves this battery, or it takes no commands")
                       : bb_fail(problem, BB_ERR_MISSING, "bus", "the bus does not answer");
        }
        if (zmq_poll(items, 2, (long)left_ms) < 0) {
            return bb_fail(problem, BB_ERR_IO, "bus", "interrupted");
        }
        if ((items[0].revents & ZMQ_POLLIN) != 0) {
            bb_bus_client_resend(exchange->bus);
            exchange->heard = true;
        }
        if ((items[1].revents & ZMQ_POLLIN) != 0 && receive_all(exchange)) {
            return BB_OK;
        }
        send_when_ready(exchange);
    }
}

int bb_command_send(const char *run_dir, struct bb_message *message, struct bb_reply *ret_reply,
                    struct bb_problem *problem)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, "command", "out of memory");
    }
    exchange->message = message;
    int error = open_exchange(exchange, run_dir, problem);
    error = error == BB_OK ? run_exchange(exchange, problem) : error;
    if (error == BB_OK) {
        *ret_reply = exchange->incoming.body.reply;
    }
    bb_bus_client_destroy(&exchange->bus);
    free(exchange);
    if (error != BB_OK) {
        return error;
    }
    return ret_reply->done.present && ret_reply->done.value ? 1 : 0;
}
