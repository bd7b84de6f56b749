/* The message bus: forwards every message from its publishers to its subscribers and keeps the
 * last one of every cached topic, so that a late joiner has the whole picture at once. It binds
 * both endpoints; everybody else connects and may come and go. */
#include <czmq.h>
#include <errno.h>
#include <sys/stat.h>

#include "common/actor.h"
#include "common/bus_paths.h"
#include "services/bus/cache.h"

#define SOCKET_MODE 0660
#define QUEUE_MESSAGES 10000
#define BATCH_MESSAGES 256

struct bus {
    zsock_t *from_publishers; /* XSUB */
    zsock_t *to_subscribers;  /* XPUB */
    struct bb_cache *cache;
    bool full_said;
};

/* The mode must be right before anybody can connect: umask, not chmod. */
static zsock_t *bind_socket(struct bb_actor *actor, int type, const char *name)
{
    zsock_t *socket = zsock_new(type);
    if (!socket) {
        return NULL;
    }
    zsock_set_sndhwm(socket, QUEUE_MESSAGES);
    zsock_set_rcvhwm(socket, QUEUE_MESSAGES);
    zsock_set_maxmsgsize(socket, BB_MESSAGE_MAX);
    zsock_set_linger(socket, 0);
    if (type == ZMQ_XPUB) {
        zsock_set_xpub_verbose(socket, 1);
    }
    mode_t before = umask((mode_t)~SOCKET_MODE & 0777);
    int bound = zsock_bind(socket, "ipc://%s/%s", bb_actor_run_dir(actor), name);
    (void)umask(before);
    if (bound < 0) {
        bb_actor_log(actor, BB_LOG_ERROR, "cannot open %s/%s: %s", bb_actor_run_dir(actor), name,
                     zmq_strerror(errno));
        zsock_destroy(&socket);
    }
    return socket;
}

static void remember(struct bb_actor *actor, struct bus *bus, zmq_msg_t *topic, zmq_msg_t *body)
{
    int stored = bb_cache_store(bus->cache, zmq_msg_data(topic), zmq_msg_size(topic),
                                zmq_msg_data(body), zmq_msg_size(body));
    if (stored > 0 && !bus->full_said) {
        bus->full_said = true;
        bb_actor_log(actor, BB_LOG_WARNING,
                     "more than %zu topics: the oldest are no longer kept for late joiners",
                     bb_cache_count(bus->cache));
    }
    bb_actor_set_topics(actor, (int64_t)bb_cache_count(bus->cache));
}

/* Forwards one message, however many frames it has; only two-frame ones are kept. */
static bool forward_one(struct bb_actor *actor, struct bus *bus)
{
    void *from = zsock_resolve(bus->from_publishers);
    void *to = zsock_resolve(bus->to_subscribers);
    zmq_msg_t topic;
    zmq_msg_t body;
    (void)zmq_msg_init(&topic);
    (void)zmq_msg_init(&body);
    bool received = zmq_msg_recv(&topic, from, ZMQ_DONTWAIT) >= 0;
    bool whole = received && zmq_msg_more(&topic) && zmq_msg_recv(&body, from, ZMQ_DONTWAIT) >= 0 &&
                 !zmq_msg_more(&body);
    if (whole) {
        remember(actor, bus, &topic, &body);
        (void)zmq_msg_send(&topic, to, ZMQ_SNDMORE | ZMQ_DONTWAIT);
        (void)zmq_msg_send(&body, to, ZMQ_DONTWAIT);
        bb_actor_count_forwarded(actor);
    }
    while (received && !whole && zmq_msg_more(&body)) {
        (void)zmq_msg_recv(&body, from, ZMQ_DONTWAIT); /* nothing of ours: drop the rest */
    }
    (void)zmq_msg_close(&topic);
    (void)zmq_msg_close(&body);
    return received;
}

static void send_cached(const struct bb_cache_entry *entry, void *arg)
{
    void *to = arg;
    (void)zmq_send(to, entry->topic, entry->topic_size, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    (void)zmq_send(to, entry->body, entry->body_size, ZMQ_DONTWAIT);
}

/* A subscription arrived: pass it on and give the newcomer what is known. */
static bool handle_subscription(struct bus *bus)
{
    void *to = zsock_resolve(bus->to_subscribers);
    uint8_t frame[BB_TOPIC_MAX + 1];
    int size = zmq_recv(to, frame, sizeof frame, ZMQ_DONTWAIT);
    if (size < 0) {
        return false;
    }
    if (size > 0 && (size_t)size <= sizeof frame && frame[0] == 1) {
        bb_cache_each(bus->cache, frame + 1, (size_t)size - 1, send_cached, to);
    }
    return true;
}

static void on_publishers(struct bb_actor *actor, void *arg)
{
    struct bus *bus = arg;
    for (int i = 0; i < BATCH_MESSAGES && forward_one(actor, bus); i++) {
    }
}

static void on_subscribers(struct bb_actor *actor, void *arg)
{
    (void)actor;
    struct bus *bus = arg;
    for (int i = 0; i < BATCH_MESSAGES && handle_subscription(bus); i++) {
    }
}

static int start(struct bb_actor *actor, void *self)
{
    struct bus *bus = self;
    bus->cache =
        bb_cache_new((size_t)bb_config_integer(bb_actor_config(actor), "bus", "", "cache_topics"));
    if (!bus->cache) {
        return BB_ERR_NO_MEMORY;
    }
    bus->to_subscribers = bind_socket(actor, ZMQ_XPUB, BB_BUS_SUBSCRIBE);
    bus->from_publishers = bind_socket(actor, ZMQ_XSUB, BB_BUS_PUBLISH);
    if (!bus->to_subscribers || !bus->from_publishers) {
        return BB_ERR_IO;
    }
    /* Everything is wanted, whoever listens: the cache must be complete. Each publisher gets
     * this when it connects, which tells it to send its last values again. */
    static const uint8_t subscribe_all[] = {1};
    if (zmq_send(zsock_resolve(bus->from_publishers), subscribe_all, sizeof subscribe_all, 0) < 0) {
        return BB_ERR_IO;
    }
    int error = bb_actor_watch_socket(actor, bus->from_publishers, on_publishers, bus);
    error = error == BB_OK ? bb_actor_watch_socket(actor, bus->to_subscribers, on_subscribers, bus)
                           : error;
    bb_actor_status(actor, "forwarding");
    return error;
}

static void stop(struct bb_actor *actor, void *self)
{
    struct bus *bus = self;
    bb_actor_unwatch_socket(actor, bus->from_publishers);
    bb_actor_unwatch_socket(actor, bus->to_subscribers);
    zsock_destroy(&bus->from_publishers);
    zsock_destroy(&bus->to_subscribers);
    bb_cache_destroy(&bus->cache);
}

int main(int argc, char **argv)
{
    static const struct bb_service service = {
        .program = "bus", .start = start, .stop = stop, .self_size = sizeof(struct bus)};
    return bb_actor_main(&service, argc, argv);
}
