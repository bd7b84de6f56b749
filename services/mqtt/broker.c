#include "services/mqtt/broker.h"

#include <errno.h>
#include <mosquitto.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/deadlines.h"
#include "services/mqtt/lookup.h"

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000
#define MISC_MS 1000       /* libmosquitto's keep-alive looks at seconds */
#define ON_THE_WAY_MAX 200 /* messages the broker has not taken yet */
#define GOODBYE_MS 500     /* the last words get this long */
#define QOS_RETAINED 1

/* What TLS knows of a handshake's failure comes as a log line of libmosquitto. */
#define DETAIL_MAX 160
#define TROUBLE_MAX (DETAIL_MAX + 32)

enum phase { WAITING, LOOKING_UP, CONNECTING, CONNECTED };

struct bb_broker {
    struct bb_actor *actor;
    const struct bb_mqtt_settings *settings;
    struct bb_broker_handler handler;
    enum phase phase;
    struct mosquitto *client; /* CONNECTING, CONNECTED */
    int fd;                   /* watched: the client's socket or the lookup's; -1: none */
    short events;
    int retry_timer, misc_timer;
    int64_t retry_ms, started_ms;
    struct bb_addresses addresses;
    size_t next_address;
    int on_the_way;
    bool was_full, reached, accepted; /* reached: connect(2) has ended */
    char status_topic[BB_MQTT_BASE_MAX + 8];
    char asked[128]; /* filter subscribed to; "" for none */
    int64_t asked_ms;
    char detail[DETAIL_MAX];   /* of the current attempt */
    char trouble[TROUBLE_MAX]; /* said last */
};

static void attempt(struct bb_broker *broker);

/* --- Watching the descriptor --- */

static void unwatch(struct bb_broker *broker)
{
    if (broker->fd >= 0) {
        bb_actor_unwatch(broker->actor, broker->fd);
        broker->fd = -1;
        broker->events = 0;
    }
}

static int watch(struct bb_broker *broker, int fd, short events, bb_actor_fd_fn *fn)
{
    if (fd == broker->fd && events == broker->events) {
        return BB_OK;
    }
    unwatch(broker);
    int error = bb_actor_watch(broker->actor, fd, events, fn, broker);
    if (error == BB_OK) {
        broker->fd = fd;
        broker->events = events;
    }
    return error;
}

/* --- Failing and trying again --- */

static void retry(struct bb_actor *actor, void *arg)
{
    (void)actor;
    struct bb_broker *broker = arg;
    broker->retry_timer = 0;
    attempt(broker);
}

static void retry_after(struct bb_broker *broker, int64_t delay_ms)
{
    broker->phase = WAITING;
    bb_actor_cancel(broker->actor, broker->retry_timer);
    broker->retry_timer = bb_actor_after(broker->actor, delay_ms, retry, broker);
}

/* Says why there is no connection, once as long as it stays the same. */
static void say_trouble(struct bb_broker *broker, const char *what, const char *why)
{
    char trouble[TROUBLE_MAX];
    (void)snprintf(trouble, sizeof trouble, "%s: %s", what, why);
    if (strcmp(trouble, broker->trouble) != 0) {
        memcpy(broker->trouble, trouble, sizeof trouble);
        bb_actor_log(broker->actor, BB_LOG_WARNING, "broker %s:%d: %s; trying again",
                     broker->settings->host, broker->settings->port, trouble);
    }
}

static void drop_client(struct bb_broker *broker)
{
    unwatch(broker);
    bb_actor_cancel(broker->actor, broker->misc_timer);
    broker->misc_timer = 0;
    if (broker->client) {
        mosquitto_destroy(broker->client);
        broker->client = NULL;
    }
    broker->on_the_way = 0;
    broker->was_full = false;
    broker->reached = false;
    broker->accepted = false;
    broker->asked[0] = '\0';
}

/* Ends the attempt or the connection. The host's other addresses are tried at once, then it is
 * left alone for a while. */
static void give_up(struct bb_broker *broker, const char *why)
{
    bool was_connected = broker->phase == CONNECTED;
    say_trouble(broker, was_connected ? "connection lost" : "no connection",
                *broker->detail != '\0' ? broker->detail : why);
    drop_client(broker);
    if (!was_connected && broker->next_address < broker->addresses.count) {
        retry_after(broker, 1);
        return;
    }
    broker->next_address = 0;
    broker->addresses.count = 0;
    broker->handler.disconnected(broker->handler.arg);
    retry_after(broker, broker->retry_ms);
    broker->retry_ms = broker->retry_ms * 2 < RETRY_MAX_MS ? broker->retry_ms * 2 : RETRY_MAX_MS;
}

static const char *reason_of(int code)
{
    return code == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(code);
}

/* --- Callbacks of libmosquitto: they note; the event loop acts --- */

static void on_connect(struct mosquitto *client, void *arg, int code)
{
    (void)client;
    struct bb_broker *broker = arg;
    if (code == 0) {
        broker->accepted = true;
    } else {
        (void)snprintf(broker->detail, sizeof broker->detail, "%s", mosquitto_connack_string(code));
    }
}

static void on_publish(struct mosquitto *client, void *arg, int id)
{
    (void)client;
    (void)id;
    struct bb_broker *broker = arg;
    broker->on_the_way--;
}

static void on_message(struct mosquitto *client, void *arg, const struct mosquitto_message *message)
{
    (void)client;
    const struct bb_broker *broker = arg;
    if (message->retain && message->payloadlen >= 0) {
        broker->handler.retained(broker->handler.arg, message->topic, message->payload,
                                 (size_t)message->payloadlen);
    }
}

static void on_log(struct mosquitto *client, void *arg, int level, const char *text)
{
    (void)client;
    struct bb_broker *broker = arg;
    if (level == MOSQ_LOG_ERR) {
        (void)snprintf(broker->detail, sizeof broker->detail, "%s", text);
    }
}

/* Without this OpenSSL asks on the terminal, and the process hangs. */
static int no_passphrase(char *buffer, int size, int writing, void *arg)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

/* --- The client --- */

static int set_up_tls(struct mosquitto *client, const struct bb_mqtt_settings *settings)
{
    const char *ca = *settings->tls_ca_file != '\0' ? settings->tls_ca_file : NULL;
    const char *cert = *settings->tls_cert_file != '\0' ? settings->tls_cert_file : NULL;
    const char *key = *settings->tls_key_file != '\0' ? settings->tls_key_file : NULL;
    int code = ca ? MOSQ_ERR_SUCCESS : mosquitto_int_option(client, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
    if (code == MOSQ_ERR_SUCCESS) {
        code =
            mosquitto_tls_set(client, ca, ca ? NULL : "/etc/ssl/certs", cert, key, no_passphrase);
    }
    if (code == MOSQ_ERR_SUCCESS) {
        code = mosquitto_tls_opts_set(client, 1, NULL, NULL);
    }
    return code == MOSQ_ERR_SUCCESS ? mosquitto_tls_insecure_set(client, settings->tls_insecure)
                                    : code;
}

static int set_up(struct bb_broker *broker, struct mosquitto *client)
{
    const struct bb_mqtt_settings *settings = broker->settings;
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_publish_callback_set(client, on_publish);
    mosquitto_message_callback_set(client, on_message);
    mosquitto_log_callback_set(client, on_log);
    (void)mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    int code = mosquitto_will_set(client, broker->status_topic, (int)strlen("offline"), "offline",
                                  QOS_RETAINED, true);
    if (code == MOSQ_ERR_SUCCESS && *settings->username != '\0') {
        code = mosquitto_username_pw_set(client, settings->username,
                                         *settings->password != '\0' ? settings->password : NULL);
    }
    return code == MOSQ_ERR_SUCCESS && settings->tls ? set_up_tls(client, settings) : code;
}

/* A client that is set up, or NULL and why in *ret_code. */
static struct mosquitto *new_client(struct bb_broker *broker, int *ret_code)
{
    struct mosquitto *client = mosquitto_new(broker->settings->client_id, true, broker);
    int code = client ? set_up(broker, client) : MOSQ_ERR_NOMEM;
    if (client && code != MOSQ_ERR_SUCCESS) {
        mosquitto_destroy(client);
        client = NULL;
    }
    *ret_code = code;
    return client;
}

static void on_socket(struct bb_actor *actor, int fd, short revents, void *arg);

/* Watches for what the client wants next. */
static int update_watch(struct bb_broker *broker)
{
    int fd = mosquitto_socket(broker->client);
    short events = (short)(POLLIN | (mosquitto_want_write(broker->client) ? POLLOUT : 0));
    if (broker->phase == CONNECTING && events == POLLIN && !broker->reached) {
        events |= POLLOUT; /* the end of connect(2) shows there */
    }
    return fd < 0 ? BB_ERR_IO : watch(broker, fd, events, on_socket);
}

static void watch_client(struct bb_broker *broker)
{
    if (update_watch(broker) != BB_OK) {
        give_up(broker, "no socket");
    }
}

/* What was retained has come by now: nothing else is wanted from the broker. */
static void stop_asking(struct bb_broker *broker)
{
    if (*broker->asked != '\0' &&
        bb_actor_now(broker->actor) - broker->asked_ms > BB_BROKER_ANSWER_MS) {
        (void)mosquitto_unsubscribe(broker->client, NULL, broker->asked);
        broker->asked[0] = '\0';
    }
}

static void misc(struct bb_actor *actor, void *arg)
{
    struct bb_broker *broker = arg;
    stop_asking(broker);
    int code = mosquitto_loop_misc(broker->client);
    if (code != MOSQ_ERR_SUCCESS) {
        give_up(broker, reason_of(code));
    } else if (broker->phase == CONNECTING &&
               bb_actor_now(actor) - broker->started_ms > BB_BROKER_ANSWER_MS) {
        give_up(broker, "it does not answer");
    } else {
        watch_client(broker);
    }
}

static void greet(struct bb_broker *broker)
{
    broker->phase = CONNECTED;
    broker->retry_ms = RETRY_MIN_MS;
    broker->next_address = 0;
    broker->trouble[0] = '\0';
    broker->detail[0] = '\0';
    bb_actor_log(broker->actor, BB_LOG_NOTICE, "connected to broker %s:%d", broker->settings->host,
                 broker->settings->port);
    (void)bb_broker_publish(broker, broker->status_topic, "online", QOS_RETAINED, true);
    broker->handler.connected(broker->handler.arg);
}

/* After the client has read or written: what has become of it? */
static void follow_up(struct bb_broker *broker, int code)
{
    if (code != MOSQ_ERR_SUCCESS) {
        give_up(broker, reason_of(code));
        return;
    }
    if (broker->phase == CONNECTING && broker->accepted) {
        greet(broker);
    } else if (broker->was_full && broker->on_the_way < ON_THE_WAY_MAX / 2) {
        broker->was_full = false;
        broker->handler.ready(broker->handler.arg);
    }
    watch_client(broker);
}

/* connect(2) has ended: libmosquitto would only say that the connection was lost. */
static bool connect_failed(struct bb_broker *broker, int fd)
{
    int failure = 0;
    socklen_t size = sizeof failure;
    if (broker->phase != CONNECTING || getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) != 0 ||
        failure == 0) {
        broker->reached = true;
        return false;
    }
    give_up(broker, strerror(failure));
    return true;
}

static void on_socket(struct bb_actor *actor, int fd, short revents, void *arg)
{
    (void)actor;
    struct bb_broker *broker = arg;
    if (connect_failed(broker, fd)) {
        return;
    }
    int code = MOSQ_ERR_SUCCESS;
    if ((revents & (POLLIN | POLLERR | POLLHUP)) != 0) {
        code = mosquitto_loop_read(broker->client, 1);
    }
    if (code == MOSQ_ERR_SUCCESS && (revents & POLLOUT) != 0) {
        code = mosquitto_loop_write(broker->client, 1);
    }
    follow_up(broker, code);
}

/* --- One attempt --- */

/* libmosquitto only ever tries the first address of a name. A name with several is connected to
 * by its numeric addresses in turn; TLS needs the name itself, and the family is chosen by the
 * local address. The name was just found, so that this lookup does not take long. */
static int connect_client(struct bb_broker *broker, size_t index)
{
    const struct bb_mqtt_settings *settings = broker->settings;
    const char *address = broker->addresses.list[index].text;
    if (!settings->tls) {
        return mosquitto_connect_async(broker->client, address, settings->port,
                                       settings->keepalive_s);
    }
    const char *any = broker->addresses.list[index].ipv6 ? "::" : "0.0.0.0";
    return mosquitto_connect_bind_async(broker->client, settings->host, settings->port,
                                        settings->keepalive_s, any);
}

static void connect_next(struct bb_broker *broker)
{
    size_t index = broker->next_address++;
    int code = MOSQ_ERR_SUCCESS;
    broker->phase = CONNECTING;
    broker->detail[0] = '\0';
    broker->client = new_client(broker, &code);
    code = broker->client ? connect_client(broker, index) : code;
    if (code != MOSQ_ERR_SUCCESS) {
        give_up(broker, reason_of(code));
        return;
    }
    broker->started_ms = bb_actor_now(broker->actor);
    broker->misc_timer = bb_actor_every(broker->actor, MISC_MS, misc, broker);
    watch_client(broker);
}

static void on_answer(struct bb_actor *actor, int fd, short revents, void *arg)
{
    (void)actor;
    (void)revents;
    struct bb_broker *broker = arg;
    int error = bb_lookup_take(fd, &broker->addresses);
    unwatch(broker);
    (void)close(fd);
    if (error != BB_OK) {
        give_up(broker, "the name lookup broke");
    } else if (broker->addresses.failure != 0) {
        give_up(broker, bb_lookup_text(broker->addresses.failure));
    } else {
        connect_next(broker);
    }
}

static void attempt(struct bb_broker *broker)
{
    if (broker->next_address < broker->addresses.count ||
        bb_lookup_numeric(broker->settings->host, &broker->addresses)) {
        connect_next(broker);
        return;
    }
    int fd = -1;
    broker->phase = LOOKING_UP;
    broker->detail[0] = '\0';
    if (bb_lookup_start(broker->settings->host, &fd) != BB_OK ||
        watch(broker, fd, POLLIN, on_answer) != BB_OK) {
        if (fd >= 0) {
            (void)close(fd);
        }
        give_up(broker, "the name lookup cannot be started");
    }
}

/* --- For the owner --- */

int bb_broker_new(struct bb_actor *actor, const struct bb_mqtt_settings *settings,
                  const struct bb_broker_handler *handler, struct bb_broker **ret_broker)
{
    struct bb_broker *broker = calloc(1, sizeof *broker);
    if (!broker) {
        return BB_ERR_NO_MEMORY;
    }
    (void)mosquitto_lib_init();
    broker->actor = actor;
    broker->settings = settings;
    broker->handler = *handler;
    broker->fd = -1;
    broker->retry_ms = RETRY_MIN_MS;
    (void)snprintf(broker->status_topic, sizeof broker->status_topic, "%s/status", settings->base);
    /* A first client shows whether certificates and topics can be used at all. */
    int code = MOSQ_ERR_SUCCESS;
    struct mosquitto *probe = new_client(broker, &code);
    if (!probe) {
        bb_actor_log(actor, BB_LOG_ERROR, "[mqtt] cannot be used: %s",
                     *broker->detail != '\0' ? broker->detail : mosquitto_strerror(code));
        bb_broker_destroy(&broker);
        return code == MOSQ_ERR_NOMEM ? BB_ERR_NO_MEMORY : BB_ERR_CONFIG;
    }
    mosquitto_destroy(probe);
    *ret_broker = broker;
    retry_after(broker, 1);
    return BB_OK;
}

/* Writes until everything is out, for GOODBYE_MS at most. */
static void say_goodbye(struct bb_broker *broker)
{
    (void)bb_broker_publish(broker, broker->status_topic, "offline", QOS_RETAINED, true);
    (void)mosquitto_disconnect(broker->client);
    for (int waited_ms = 0; waited_ms < GOODBYE_MS && mosquitto_want_write(broker->client);
         waited_ms += GOODBYE_MS / 10) {
        struct pollfd item = {.fd = mosquitto_socket(broker->client), .events = POLLOUT};
        if (item.fd < 0 || poll(&item, 1, GOODBYE_MS / 10) < 0 ||
            mosquitto_loop_write(broker->client, 1) != MOSQ_ERR_SUCCESS) {
            return;
        }
    }
}

void bb_broker_destroy(struct bb_broker **broker)
{
    if (!*broker) {
        return;
    }
    struct bb_broker *ending = *broker;
    if (ending->phase == CONNECTED) {
        say_goodbye(ending);
    }
    if (ending->phase == LOOKING_UP) {
        int fd = ending->fd;
        unwatch(ending);
        (void)close(fd);
    }
    bb_actor_cancel(ending->actor, ending->retry_timer);
    drop_client(ending);
    (void)mosquitto_lib_cleanup();
    free(ending);
    *broker = NULL;
}

bool bb_broker_is_connected(const struct bb_broker *broker)
{
    return broker->phase == CONNECTED;
}

const char *bb_broker_trouble(const struct bb_broker *broker)
{
    return broker->trouble;
}

int bb_broker_publish(struct bb_broker *broker, const char *topic, const char *payload, int qos,
                      bool retain)
{
    if (broker->phase != CONNECTED) {
        return BB_ERR_IO;
    }
    if (broker->on_the_way >= ON_THE_WAY_MAX) {
        broker->was_full = true;
        return BB_ERR_BUSY;
    }
    broker->on_the_way++;
    int code =
        mosquitto_publish(broker->client, NULL, topic, (int)strlen(payload), payload, qos, retain);
    if (code != MOSQ_ERR_SUCCESS) {
        broker->on_the_way--;
        return BB_ERR_IO; /* the event loop sees the broken connection */
    }
    (void)update_watch(broker); /* should it fail, the event loop sees it soon */
    return BB_OK;
}

int bb_broker_ask(struct bb_broker *broker, const char *filter)
{
    if (broker->phase != CONNECTED || strlen(filter) >= sizeof broker->asked ||
        mosquitto_subscribe(broker->client, NULL, filter, QOS_RETAINED) != MOSQ_ERR_SUCCESS) {
        return BB_ERR_IO;
    }
    (void)snprintf(broker->asked, sizeof broker->asked, "%s", filter);
    broker->asked_ms = bb_actor_now(broker->actor);
    (void)update_watch(broker);
    return BB_OK;
}
