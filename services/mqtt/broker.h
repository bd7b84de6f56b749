/* The connection to the MQTT broker: kept up by itself, never blocking, never queueing much.
 *
 * Every attempt is a new client of libmosquitto, so that nothing old is sent after an outage:
 * what counts then is the newest state, which the owner publishes when connected() says so.
 * The broker holds <base>/status: "online" while connected, "offline" as last will and at the
 * orderly end.
 */
#ifndef BUSBAR_MQTT_BROKER_H
#define BUSBAR_MQTT_BROKER_H

#include "common/actor.h"
#include "services/mqtt/settings.h"

struct bb_broker;

/* Called from the event loop, never from within a function of this module. */
struct bb_broker_handler {
    void *arg;
    /* A new connection stands; the broker knows nothing but what it has retained. */
    void (*connected)(void *arg);
    /* The connection was lost, or an attempt to get one failed: bb_broker_trouble says why. */
    void (*disconnected)(void *arg);
    /* There is room for more after bb_broker_publish returned BB_ERR_BUSY. */
    void (*ready)(void *arg);
    /* The broker has a retained message under topic from before this connection. */
    void (*retained)(void *arg, const char *topic, const void *payload, size_t size);
};

/* Starts to connect. settings and actor outlive the broker; handler is copied. *ret_broker is
 * the caller's. BB_OK, BB_ERR_CONFIG (certificate files) or BB_ERR_NO_MEMORY. */
int bb_broker_new(struct bb_actor *actor, const struct bb_mqtt_settings *settings,
                  const struct bb_broker_handler *handler, struct bb_broker **ret_broker);

/* Says goodbye when connected, and releases everything. */
void bb_broker_destroy(struct bb_broker **broker);

bool bb_broker_is_connected(const struct bb_broker *broker);

/* Why there is no connection, for people; "" when there is one or none was tried. */
const char *bb_broker_trouble(const struct bb_broker *broker);

/* BB_OK: handed to libmosquitto. BB_ERR_BUSY: too much is on its way, wait for ready().
 * BB_ERR_IO: not connected. */
int bb_broker_publish(struct bb_broker *broker, const char *topic, const char *payload, int qos,
                      bool retain);

/* Asks once for what the broker retains under filter, a text of less than 128 bytes; answers come
 * through retained(). */
int bb_broker_ask(struct bb_broker *broker, const char *filter);

#endif
