/* The client against a stand-in for the bus: an XSUB and a PUB bound in a folder of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <czmq.h>
#include <unistd.h>

#include "common/bus_client.h"
#include "common/bus_paths.h"

#define DEADLINE_MS 5000

struct fixture {
    char folder[32];
    zsock_t *from_publishers, *to_subscribers;
    struct bb_bus_client *client;
};

static void bind_bus(struct fixture *fixture)
{
    fixture->from_publishers = zsock_new(ZMQ_XSUB);
    fixture->to_subscribers = zsock_new(ZMQ_XPUB);
    zsock_set_rcvtimeo(fixture->from_publishers, DEADLINE_MS);
    zsock_set_rcvtimeo(fixture->to_subscribers, DEADLINE_MS);
    assert_int_equal(
        zsock_bind(fixture->from_publishers, "ipc://%s/" BB_BUS_PUBLISH, fixture->folder), 0);
    assert_int_equal(
        zsock_bind(fixture->to_subscribers, "ipc://%s/" BB_BUS_SUBSCRIBE, fixture->folder), 0);
    assert_true(zmq_send(zsock_resolve(fixture->from_publishers), "\1", 1, 0) >= 0);
}

static int setup(void **state)
{
    static const struct fixture fresh = {.folder = "/tmp/busbar-test-XXXXXX"};
    struct fixture *fixture = malloc(sizeof *fixture);
    assert_non_null(fixture);
    *fixture = fresh;
    assert_non_null(mkdtemp(fixture->folder));
    bind_bus(fixture);
    fixture->client = bb_bus_client_new(fixture->folder, "tester", 1000);
    assert_non_null(fixture->client);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    bb_bus_client_destroy(&fixture->client);
    zsock_destroy(&fixture->from_publishers);
    zsock_destroy(&fixture->to_subscribers);
    char path[64];
    (void)snprintf(path, sizeof path, "%s/" BB_BUS_PUBLISH, fixture->folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/" BB_BUS_SUBSCRIBE, fixture->folder);
    (void)unlink(path);
    assert_int_equal(rmdir(fixture->folder), 0);
    free(fixture);
    return 0;
}

/* Waits for input of socket as the event loops of both sides would: every socket is polled,
 * because a socket takes up connections only while it is in use, and the client hears of a
 * returning bus. */
static void await_input(struct fixture *fixture, zsock_t *socket)
{
    zsock_t *publisher = bb_bus_client_publish_socket(fixture->client);
    zsock_t *const sockets[] = {socket, publisher, bb_bus_client_subscribe_socket(fixture->client),
                                fixture->from_publishers, fixture->to_subscribers};
    enum { COUNT = sizeof sockets / sizeof sockets[0] };
    zmq_pollitem_t items[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        items[i] = (zmq_pollitem_t){.socket = zsock_resolve(sockets[i]), .events = ZMQ_POLLIN};
    }
    int64_t deadline = zclock_mono() + DEADLINE_MS;
    do {
        assert_true(zclock_mono() < deadline);
        assert_true(zmq_poll(items, COUNT, DEADLINE_MS) >= 0);
        if (items[1].revents && socket != publisher) {
            bb_bus_client_resend(fixture->client);
        }
    } while (!items[0].revents);
}

/* Waits until the client sees the bus. */
static void await_bus(struct fixture *fixture)
{
    await_input(fixture, bb_bus_client_publish_socket(fixture->client));
    bb_bus_client_resend(fixture->client);
}

static struct bb_message health(int64_t pid)
{
    struct bb_message message = {.topic_class = BB_TOPIC_HEALTH, .topic = "health/tester"};
    message.body.health.pid = bb_integer(pid);
    return message;
}

/* The next message on the bus, decoded. */
static struct bb_message next_on_bus(struct fixture *fixture)
{
    await_input(fixture, fixture->from_publishers);
    zmsg_t *frames = zmsg_recv(fixture->from_publishers);
    assert_non_null(frames);
    zframe_t *topic = zmsg_pop(frames);
    zframe_t *body = zmsg_pop(frames);
    struct bb_message message;
    assert_int_equal(bb_message_decode((const char *)zframe_data(topic), zframe_size(topic),
                                       zframe_data(body), zframe_size(body), &message, NULL),
                     BB_OK);
    zframe_destroy(&topic);
    zframe_destroy(&body);
    zmsg_destroy(&frames);
    return message;
}

static void test_completes_the_head(void **state)
{
    struct fixture *fixture = *state;
    await_bus(fixture);
    struct bb_message message = health(7);
    assert_int_equal(bb_bus_client_publish(fixture->client, &message, 1000, NULL), BB_OK);
    message = health(8);
    assert_int_equal(bb_bus_client_publish(fixture->client, &message, 1000, NULL), BB_OK);
    struct bb_message first = next_on_bus(fixture);
    struct bb_message second = next_on_bus(fixture);
    assert_string_equal(first.head.source, "tester");
    assert_int_equal(first.head.instance.value, 1000);
    assert_int_equal(first.head.sequence.value, 1);
    assert_int_equal(second.head.sequence.value, 2);
    assert_int_equal(first.head.interval_ms.value, 1000);
    assert_true(first.head.mono_ms.value > 0);
    assert_int_equal(second.body.health.pid.value, 8);
}

static void test_a_returning_bus_gets_the_last_values(void **state)
{
    struct fixture *fixture = *state;
    await_bus(fixture);
    struct bb_message message = health(7);
    assert_int_equal(bb_bus_client_publish(fixture->client, &message, 1000, NULL), BB_OK);
    (void)next_on_bus(fixture);
    zsock_destroy(&fixture->from_publishers);
    zsock_destroy(&fixture->to_subscribers);
    message = health(9); /* published while nobody forwards */
    assert_int_equal(bb_bus_client_publish(fixture->client, &message, 1000, NULL), BB_OK);
    bind_bus(fixture);
    struct bb_message again = next_on_bus(fixture);
    assert_int_equal(again.body.health.pid.value, 9);
}

/* Sends a message as another process would. */
static void send_as(struct fixture *fixture, int64_t instance, int64_t sequence, int64_t pid)
{
    struct bb_message message = health(pid);
    message.head = (struct bb_head){.version = bb_integer(BB_MESSAGE_VERSION),
                                    .source = "other",
                                    .instance = bb_integer(instance),
                                    .sequence = bb_integer(sequence),
                                    .mono_ms = bb_integer(1),
                                    .wall_ms = bb_integer(1),
                                    .interval_ms = bb_integer(0)};
    uint8_t body[BB_MESSAGE_MAX];
    int size = bb_message_encode(&message, body, sizeof body, NULL);
    assert_true(size > 0);
    assert_true(zmq_send(zsock_resolve(fixture->to_subscribers), message.topic,
                         strlen(message.topic), ZMQ_SNDMORE) > 0);
    assert_int_equal(zmq_send(zsock_resolve(fixture->to_subscribers), body, (size_t)size, 0), size);
}

static void subscribe(struct fixture *fixture)
{
    assert_int_equal(bb_bus_client_subscribe(fixture->client, "health/"), BB_OK);
    await_input(fixture, fixture->to_subscribers); /* the subscription has arrived */
    uint8_t notice[16];
    assert_int_equal(zmq_recv(zsock_resolve(fixture->to_subscribers), notice, sizeof notice, 0), 8);
}

static void test_old_and_doubled_messages_are_skipped(void **state)
{
    struct fixture *fixture = *state;
    subscribe(fixture);
    send_as(fixture, 5, 3, 100);
    send_as(fixture, 5, 3, 101);  /* again, from the cache of a bus */
    send_as(fixture, 5, 2, 102);  /* late */
    send_as(fixture, 4, 99, 103); /* of the process's former life */
    send_as(fixture, 6, 1, 104);  /* the process was restarted */
    struct bb_message message;
    await_input(fixture, bb_bus_client_subscribe_socket(fixture->client));
    assert_int_equal(bb_bus_client_receive(fixture->client, &message, NULL), 1);
    assert_int_equal(message.body.health.pid.value, 100);
    while (bb_bus_client_receive(fixture->client, &message, NULL) == 0) {
        await_input(fixture, bb_bus_client_subscribe_socket(fixture->client));
    }
    assert_int_equal(message.body.health.pid.value, 104);
    assert_int_equal(bb_bus_client_counters(fixture->client)->messages_in, 5);
}

static void test_rubbish_is_refused_and_counted(void **state)
{
    struct fixture *fixture = *state;
    subscribe(fixture);
    void *socket = zsock_resolve(fixture->to_subscribers);
    assert_true(zmq_send(socket, "health/x", 8, 0) > 0); /* one frame only */
    struct bb_problem problem;
    struct bb_message message;
    await_input(fixture, bb_bus_client_subscribe_socket(fixture->client));
    assert_int_equal(bb_bus_client_receive(fixture->client, &message, &problem), BB_ERR_TRUNCATED);
    assert_true(zmq_send(socket, "health/x", 8, ZMQ_SNDMORE) > 0);
    assert_true(zmq_send(socket, "\xc1", 1, ZMQ_SNDMORE) > 0);
    assert_true(zmq_send(socket, "third", 5, 0) > 0);
    await_input(fixture, bb_bus_client_subscribe_socket(fixture->client));
    assert_int_equal(bb_bus_client_receive(fixture->client, &message, &problem), BB_ERR_OVERSIZE);
    assert_int_equal(bb_bus_client_receive(fixture->client, &message, &problem), 0);
    assert_int_equal(bb_bus_client_counters(fixture->client)->messages_refused, 2);
}

int main(void)
{
    (void)setenv("ZSYS_SIGHANDLER", "false", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_completes_the_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_returning_bus_gets_the_last_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_and_doubled_messages_are_skipped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rubbish_is_refused_and_counted, setup, teardown),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zsys_shutdown();
    return failed;
}
