#include "common/bus_client.h"

#include "common/bus_paths.h"
#include "common/clock.h"

#define MOST_TOPICS 4096     /* topics a process publishes or follows */
#define RECONNECT_MS 20      /* first wait before looking for the bus again */
#define RECONNECT_MAX_MS 200 /* a restarted bus is found within this */
#define LINGER_MS 200        /* an exiting process gives its last words this long */
#define QUEUE_MESSAGES 1000

/* What was last published under a topic. */
struct outgoing {
    int64_t sequence;
    size_t size; /* 0: not kept */
    uint8_t *body;
};

/* Newest message seen of a topic and source. */
struct incoming {
    int64_t instance, sequence;
};

struct bb_bus_client {
    char source[BB_ID_MAX];
    int64_t instance;
    zsock_t *publisher, *subscriber;
    zhashx_t *outgoing; /* topic -> struct outgoing */
    zhashx_t *incoming; /* topic and source -> struct incoming */
    struct bb_bus_client_counters counters;
};

static zsock_t *connect_socket(int type, const char *run_dir, const char *name)
{
    zsock_t *socket = zsock_new(type);
    if (!socket) {
        return NULL;
    }
    zsock_set_immediate(socket, 1);
    zsock_set_linger(socket, LINGER_MS);
    zsock_set_reconnect_ivl(socket, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(socket, RECONNECT_MAX_MS);
    zsock_set_sndhwm(socket, QUEUE_MESSAGES);
    zsock_set_rcvhwm(socket, QUEUE_MESSAGES);
    if (type == ZMQ_XPUB) {
        zsock_set_xpub_verbose(socket, 1);
    }
    if (zsock_connect(socket, "ipc://%s/%s", run_dir, name) != 0) {
        zsock_destroy(&socket);
    }
    return socket;
}

zsock_t *bb_bus_publisher(const char *run_dir)
{
    return connect_socket(ZMQ_XPUB, run_dir, BB_BUS_PUBLISH);
}

zsock_t *bb_bus_subscriber(const char *run_dir)
{
    return connect_socket(ZMQ_SUB, run_dir, BB_BUS_SUBSCRIBE);
}

static void destroy_outgoing(void **item)
{
    struct outgoing *outgoing = *item;
    free(outgoing->body);
    free(outgoing);
    *item = NULL;
}

static void destroy_incoming(void **item)
{
    free(*item);
    *item = NULL;
}

struct bb_bus_client *bb_bus_client_new(const char *run_dir, const char *source, int64_t now_ms)
{
    struct bb_bus_client *client = calloc(1, sizeof *client);
    if (!client) {
        return NULL;
    }
    (void)snprintf(client->source, sizeof client->source, "%s", source);
    client->instance = now_ms;
    client->publisher = bb_bus_publisher(run_dir);
    client->subscriber = bb_bus_subscriber(run_dir);
    client->outgoing = zhashx_new();
    client->incoming = zhashx_new();
    if (!client->publisher || !client->subscriber || !client->outgoing || !client->incoming) {
        bb_bus_client_destroy(&client);
        return NULL;
    }
    zhashx_set_destructor(client->outgoing, destroy_outgoing);
    zhashx_set_destructor(client->incoming, destroy_incoming);
    return client;
}

void bb_bus_client_destroy(struct bb_bus_client **client)
{
    if (*client) {
        zsock_destroy(&(*client)->publisher);
        zsock_destroy(&(*client)->subscriber);
        zhashx_destroy(&(*client)->outgoing);
        zhashx_destroy(&(*client)->incoming);
        free(*client);
        *client = NULL;
    }
}

zsock_t *bb_bus_client_publish_socket(struct bb_bus_client *client)
{
    return client->publisher;
}

zsock_t *bb_bus_client_subscribe_socket(struct bb_bus_client *client)
{
    return client->subscriber;
}

const struct bb_bus_client_counters *bb_bus_client_counters(const struct bb_bus_client *client)
{
    return &client->counters;
}

int bb_bus_client_subscribe(struct bb_bus_client *client, const char *prefix)
{
    return zmq_setsockopt(zsock_resolve(client->subscriber), ZMQ_SUBSCRIBE, prefix,
                          strlen(prefix)) == 0
               ? BB_OK
               : BB_ERR_IO;
}

/* Two frames, never waiting: with the bus away they are dropped, the next ones count. */
static void send_frames(struct bb_bus_client *client, const char *topic, const uint8_t *body,
                        size_t size)
{
    void *socket = zsock_resolve(client->publisher);
    if (zmq_send(socket, topic, strlen(topic), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
        zmq_send(socket, body, size, ZMQ_DONTWAIT) >= 0) {
        client->counters.messages_out++;
    }
}

static struct outgoing *find_outgoing(struct bb_bus_client *client, const char *topic)
{
    struct outgoing *outgoing = zhashx_lookup(client->outgoing, topic);
    if (!outgoing && zhashx_size(client->outgoing) < MOST_TOPICS) {
        outgoing = calloc(1, sizeof *outgoing);
        if (outgoing && zhashx_insert(client->outgoing, topic, outgoing) != 0) {
            free(outgoing);
            outgoing = NULL;
        }
    }
    return outgoing;
}

static void complete_head(struct bb_bus_client *client, struct bb_head *head, int64_t sequence,
                          int64_t interval_ms)
{
    head->version = bb_integer(BB_MESSAGE_VERSION);
    memcpy(head->source, client->source, sizeof head->source);
    head->instance = bb_integer(client->instance);
    head->sequence = bb_integer(sequence);
    if (!head->mono_ms.present) {
        head->mono_ms = bb_integer(bb_clock_mono_ms());
    }
    if (!head->wall_ms.present) {
        head->wall_ms = bb_integer(bb_clock_wall_ms());
    }
    head->interval_ms = bb_integer(interval_ms);
}

static int keep(struct outgoing *outgoing, const uint8_t *body, size_t size)
{
    if (outgoing->size < size) {
        uint8_t *larger = realloc(outgoing->body, size);
        if (!larger) {
            return BB_ERR_NO_MEMORY;
        }
        outgoing->body = larger;
    }
    memcpy(outgoing->body, body, size);
    outgoing->size = size;
    return BB_OK;
}

int bb_bus_client_publish(struct bb_bus_client *client, struct bb_message *message,
                          int64_t interval_ms, struct bb_problem *problem)
{
    struct outgoing *outgoing = find_outgoing(client, message->topic);
    if (!outgoing) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, message->topic, "more than %d topics",
                       MOST_TOPICS);
    }
    uint8_t body[BB_MESSAGE_MAX];
    complete_head(client, &message->head, outgoing->sequence + 1, interval_ms);
    int size = bb_message_encode(message, body, sizeof body, problem);
    if (size < 0) {
        return size;
    }
    outgoing->sequence++;
    send_frames(client, message->topic, body, (size_t)size);
    return bb_topic_is_cached(message->topic_class) ? keep(outgoing, body, (size_t)size) : BB_OK;
}

/* True when message is newer than what was seen of its topic and source. */
static bool is_news(struct bb_bus_client *client, const struct bb_message *message)
{
    char key[BB_TOPIC_MAX + BB_ID_MAX + 1];
    (void)snprintf(key, sizeof key, "%s %s", message->topic, message->head.source);
    int64_t instance = message->head.instance.value;
    int64_t sequence = message->head.sequence.value;
    struct incoming *seen = zhashx_lookup(client->incoming, key);
    if (seen &&
        (instance < seen->instance || (instance == seen->instance && sequence <= seen->sequence))) {
        return false;
    }
    if (!seen) {
        if (zhashx_size(client->incoming) >= MOST_TOPICS) {
            zhashx_purge(client->incoming); /* at worst a few duplicates pass */
        }
        seen = calloc(1, sizeof *seen);
        if (!seen) {
            return true;
        }
        (void)zhashx_insert(client->incoming, key, seen);
    }
    *seen = (struct incoming){.instance = instance, .sequence = sequence};
    return true;
}

/* Reads one two-frame message into topic and body. 1: done, 0: none waiting, negative: refused. */
static int receive_frames(void *socket, zmq_msg_t *topic, zmq_msg_t *body)
{
    if (zmq_msg_recv(topic, socket, ZMQ_DONTWAIT) < 0) {
        return 0;
    }
    if (!zmq_msg_more(topic)) {
        return BB_ERR_TRUNCATED;
    }
    (void)zmq_msg_recv(body, socket, ZMQ_DONTWAIT); /* parts of a message arrive together */
    int result = zmq_msg_more(body) ? BB_ERR_OVERSIZE : 1;
    while (zmq_msg_more(body)) {
        (void)zmq_msg_recv(body, socket, ZMQ_DONTWAIT);
    }
    return result;
}

static int receive_one(struct bb_bus_client *client, struct bb_message *ret_message,
                       struct bb_problem *problem)
{
    zmq_msg_t topic;
    zmq_msg_t body;
    (void)zmq_msg_init(&topic);
    (void)zmq_msg_init(&body);
    int result = receive_frames(zsock_resolve(client->subscriber), &topic, &body);
    if (result > 0) {
        int error =
            bb_message_decode(zmq_msg_data(&topic), zmq_msg_size(&topic), zmq_msg_data(&body),
                              zmq_msg_size(&body), ret_message, problem);
        result = error == BB_OK ? 1 : error;
    } else if (result < 0) {
        (void)bb_fail(problem, result, "bus", "a message of other than two frames");
    }
    (void)zmq_msg_close(&topic);
    (void)zmq_msg_close(&body);
    return result;
}

int bb_bus_client_receive(struct bb_bus_client *client, struct bb_message *ret_message,
                          struct bb_problem *problem)
{
    for (;;) {
        int result = receive_one(client, ret_message, problem);
        if (result < 0) {
            client->counters.messages_refused++;
        }
        if (result <= 0) {
            return result;
        }
        client->counters.messages_in++;
        if (is_news(client, ret_message)) {
            return 1;
        }
    }
}

void bb_bus_client_resend(struct bb_bus_client *client)
{
    bool subscribed = false;
    char notice[BB_TOPIC_MAX];
    int size;
    while ((size = zmq_recv(zsock_resolve(client->publisher), notice, sizeof notice,
                            ZMQ_DONTWAIT)) >= 0) {
        subscribed = subscribed || (size > 0 && notice[0] == 1);
    }
    if (!subscribed) {
        return;
    }
    for (struct outgoing *outgoing = zhashx_first(client->outgoing); outgoing;
         outgoing = zhashx_next(client->outgoing)) {
        if (outgoing->size > 0) {
            send_frames(client, zhashx_cursor(client->outgoing), outgoing->body, outgoing->size);
        }
    }
}
