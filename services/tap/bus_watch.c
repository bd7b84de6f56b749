#include "services/tap/bus_watch.h"

#include <czmq.h>

#include "common/bus_paths.h"

#define RECONNECT_MS 20
#define RECONNECT_MAX_MS 200
/* A disk that stalls for seconds must not cost a recording any message. */
#define QUEUE_MESSAGES 100000

/* Where libzmq tells about the connection. czmq's zmonitor would do the same in a thread, but
 * aborts when a signal comes while it starts. */
#define MONITOR "inproc://busbar-tap-monitor"

struct bb_bus_watch {
    zsock_t *subscriber;
    zsock_t *monitor;
    zpoller_t *poller;
    zmq_msg_t topic, body;
};

static int connect_and_subscribe(struct bb_bus_watch *watch, const char *run_dir,
                                 char *const *topics, size_t count, struct bb_problem *problem)
{
    zsock_set_linger(watch->subscriber, 0);
    zsock_set_rcvhwm(watch->subscriber, QUEUE_MESSAGES);
    zsock_set_reconnect_ivl(watch->subscriber, RECONNECT_MS);
    zsock_set_reconnect_ivl_max(watch->subscriber, RECONNECT_MAX_MS);
    for (size_t i = 0; i < count; i++) {
        zsock_set_subscribe(watch->subscriber, topics[i]);
    }
    if (count == 0) {
        zsock_set_subscribe(watch->subscriber, "");
    }
    if (zsock_connect(watch->subscriber, "ipc://%s/%s", run_dir, BB_BUS_SUBSCRIBE) != 0) {
        return bb_fail(problem, BB_ERR_IO, run_dir, "%s", zmq_strerror(zmq_errno()));
    }
    return BB_OK;
}

/* Must stand before the connection is made, or its coming would be missed. */
static zsock_t *new_monitor(zsock_t *subscriber)
{
    if (zmq_socket_monitor(zsock_resolve(subscriber), MONITOR,
                           ZMQ_EVENT_CONNECTED | ZMQ_EVENT_DISCONNECTED) != 0) {
        return NULL;
    }
    return zsock_new_pair(">" MONITOR);
}

int bb_bus_watch_new(const char *run_dir, char *const *topics, size_t count,
                     struct bb_bus_watch **ret_watch, struct bb_problem *problem)
{
    struct bb_bus_watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, run_dir, "out of memory");
    }
    (void)zmq_msg_init(&watch->topic);
    (void)zmq_msg_init(&watch->body);
    watch->subscriber = zsock_new(ZMQ_SUB);
    watch->monitor = watch->subscriber ? new_monitor(watch->subscriber) : NULL;
    watch->poller = watch->monitor ? zpoller_new(watch->subscriber, watch->monitor, NULL) : NULL;
    int error = watch->poller ? connect_and_subscribe(watch, run_dir, topics, count, problem)
                              : bb_fail(problem, BB_ERR_NO_MEMORY, run_dir, "no socket");
    if (error != BB_OK) {
        bb_bus_watch_destroy(&watch);
        return error;
    }
    *ret_watch = watch;
    return BB_OK;
}

void bb_bus_watch_destroy(struct bb_bus_watch **watch)
{
    if (*watch) {
        zpoller_destroy(&(*watch)->poller);
        zsock_destroy(&(*watch)->monitor);
        zsock_destroy(&(*watch)->subscriber);
        (void)zmq_msg_close(&(*watch)->topic);
        (void)zmq_msg_close(&(*watch)->body);
        free(*watch);
        *watch = NULL;
    }
}

/* A monitor's message: number of the event and a value, then the address. */
static enum bb_bus_watch_event monitor_event(struct bb_bus_watch *watch)
{
    zmsg_t *message = zmsg_recv(watch->monitor);
    zframe_t *frame = message ? zmsg_first(message) : NULL;
    uint16_t event = 0;
    if (frame && zframe_size(frame) >= sizeof event) {
        memcpy(&event, zframe_data(frame), sizeof event);
    }
    zmsg_destroy(&message);
    return event == ZMQ_EVENT_CONNECTED ? BB_BUS_WATCH_CONNECTED : BB_BUS_WATCH_GONE;
}

enum bb_bus_watch_event bb_bus_watch_wait(struct bb_bus_watch *watch, int64_t timeout_ms)
{
    const void *ready = zpoller_wait(watch->poller, (int)timeout_ms);
    if (ready == watch->subscriber) {
        return BB_BUS_WATCH_MESSAGES;
    }
    if (ready == watch->monitor) {
        return monitor_event(watch);
    }
    return zpoller_terminated(watch->poller) ? BB_BUS_WATCH_INTERRUPTED : BB_BUS_WATCH_NOTHING;
}

bool bb_bus_watch_receive(struct bb_bus_watch *watch, struct bb_bus_frames *ret_frames)
{
    void *socket = zsock_resolve(watch->subscriber);
    if (zmq_msg_recv(&watch->topic, socket, ZMQ_DONTWAIT) < 0) {
        return false;
    }
    *ret_frames = (struct bb_bus_frames){.topic = zmq_msg_data(&watch->topic),
                                         .topic_size = zmq_msg_size(&watch->topic)};
    if (!zmq_msg_more(&watch->topic)) {
        return true;
    }
    /* The parts of a message arrive together. */
    (void)zmq_msg_recv(&watch->body, socket, ZMQ_DONTWAIT);
    ret_frames->two = !zmq_msg_more(&watch->body);
    while (zmq_msg_more(&watch->body)) {
        (void)zmq_msg_recv(&watch->body, socket, ZMQ_DONTWAIT);
    }
    ret_frames->body = zmq_msg_data(&watch->body);
    ret_frames->body_size = zmq_msg_size(&watch->body);
    return true;
}
