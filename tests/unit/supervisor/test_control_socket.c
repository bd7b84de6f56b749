#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>

#include "proto/deadlines.h"
#include "supervisor/control_socket.h"
#include "supervisor/unix_socket.h"
#include "tests/unit/supervisor/scratch.h"

/* A handler that answers status at once and everything else when it is told to. */
struct stage {
    struct scratch scratch;
    struct bb_control *control;
    int begun;
    bool done;
    bool long_answer;
};

static json_t *begin(void *arg, const struct bb_request *request, struct bb_job *ret_job)
{
    struct stage *stage = arg;
    stage->begun++;
    *ret_job = (struct bb_job){.verb = request->verb, .deadline_ms = BB_OUTCOME_MS};
    if (request->verb != BB_VERB_STATUS) {
        return NULL;
    }
    json_t *answer = json_pack("{s:b, s:i}", "ok", 1, "number", stage->begun);
    if (stage->long_answer) {
        enum { BYTES = 2000000 }; /* more than any socket buffer holds */
        char *text = malloc(BYTES);
        assert_non_null(text);
        memset(text, 'x', BYTES);
        (void)json_object_set_new(answer, "long", json_stringn(text, BYTES));
        free(text);
    }
    return answer;
}

static json_t *progress(void *arg, const struct bb_job *job)
{
    const struct stage *stage = arg;
    assert_int_not_equal(job->verb, BB_VERB_STATUS);
    return stage->done ? json_pack("{s:b, s:s}", "ok", 1, "text", "done") : NULL;
}

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    scratch_make(&stage->scratch);
    struct bb_control_handler handler = {.begin = begin, .progress = progress, .arg = stage};
    stage->control = bb_control_open(scratch_path(&stage->scratch, "control"), &handler);
    assert_non_null(stage->control);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    bb_control_close(&stage->control);
    assert_null(stage->control);
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

/* As many turns of the loop as there is something to do. */
static void turn(struct stage *stage, int64_t now_ms)
{
    for (int i = 0; i < 50; i++) {
        struct pollfd polls[BB_CONTROL_POLLS];
        size_t count = bb_control_polls(stage->control, polls);
        if (poll(polls, count, 0) <= 0) {
            break;
        }
        bb_control_handle(stage->control, polls, count, now_ms);
    }
    bb_control_step(stage->control, now_ms);
}

static int connect_client(struct stage *stage, int64_t now_ms)
{
    int fd = bb_unix_socket_connect(scratch_path(&stage->scratch, "control"));
    assert_true(fd >= 0);
    turn(stage, now_ms);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What has come so far; "" for nothing, "closed" for the end. */
static const char *hear(int fd, char *buffer, size_t capacity)
{
    ssize_t size = recv(fd, buffer, capacity - 1, MSG_DONTWAIT);
    if (size == 0) {
        return "closed";
    }
    buffer[size > 0 ? size : 0] = '\0';
    return buffer;
}

static void test_answers_byte_by_byte_and_several_at_once(void **state)
{
    struct stage *stage = *state;
    char text[1024];
    int client = connect_client(stage, 0);
    static const char request[] = "{\"verb\":\"status\"}\n";
    for (size_t i = 0; request[i] != '\0'; i++) {
        assert_string_equal(hear(client, text, sizeof text), "");
        say(client, (const char[]){request[i], '\0'});
        turn(stage, 0);
    }
    assert_string_equal(hear(client, text, sizeof text), "{\"ok\":true,\"number\":1}\n");
    say(client, "{\"verb\":\"status\"}\n{\"verb\":\"status\"}\n");
    turn(stage, 0);
    assert_string_equal(hear(client, text, sizeof text),
                        "{\"ok\":true,\"number\":2}\n{\"ok\":true,\"number\":3}\n");
    (void)close(client);
}

static void test_job_is_answered_when_it_is_done(void **state)
{
    struct stage *stage = *state;
    char text[1024];
    int client = connect_client(stage, 0);
    say(client, "{\"verb\":\"reload\"}\n{\"verb\":\"status\"}\n");
    turn(stage, 0);
    assert_string_equal(hear(client, text, sizeof text), "");
    assert_int_equal(stage->begun, 1); /* one after the other */
    assert_int_equal(bb_control_due(stage->control), BB_OUTCOME_MS);
    turn(stage, BB_CONTROL_MS + 1); /* who waits for an outcome does not dawdle */
    stage->done = true;
    turn(stage, BB_CONTROL_MS + 2);
    assert_string_equal(hear(client, text, sizeof text),
                        "{\"ok\":true,\"text\":\"done\"}\n{\"ok\":true,\"number\":2}\n");
    (void)close(client);
}

static void test_client_that_leaves_its_job_is_forgotten(void **state)
{
    struct stage *stage = *state;
    int client = connect_client(stage, 0);
    say(client, "{\"verb\":\"reload\"}\n");
    turn(stage, 0);
    (void)close(client);
    turn(stage, 1);
    struct pollfd polls[BB_CONTROL_POLLS];
    assert_int_equal(bb_control_polls(stage->control, polls), 1);
    assert_int_equal(bb_control_due(stage->control), INT64_MAX);
}

static void test_idle_client_is_dropped(void **state)
{
    struct stage *stage = *state;
    char text[1024];
    int client = connect_client(stage, 0);
    say(client, "{\"verb\"");
    turn(stage, 10);
    assert_int_equal(bb_control_due(stage->control), BB_CONTROL_MS);
    turn(stage, BB_CONTROL_MS - 1);
    assert_string_equal(hear(client, text, sizeof text), "");
    turn(stage, BB_CONTROL_MS);
    assert_string_equal(hear(client, text, sizeof text), "closed");
    (void)close(client);
}

static void test_client_that_does_not_read_is_dropped(void **state)
{
    struct stage *stage = *state;
    stage->long_answer = true;
    int client = connect_client(stage, 0);
    say(client, "{\"verb\":\"status\"}\n");
    turn(stage, 0);
    struct pollfd polls[BB_CONTROL_POLLS];
    assert_int_equal(bb_control_polls(stage->control, polls), 2);
    turn(stage, BB_CONTROL_MS);
    assert_int_equal(bb_control_polls(stage->control, polls), 1);
    (void)close(client);
}

static void test_long_answer_arrives_whole(void **state)
{
    struct stage *stage = *state;
    stage->long_answer = true;
    int client = connect_client(stage, 0);
    say(client, "{\"verb\":\"status\"}\n");
    size_t total = 0;
    char last = '\0';
    char text[65536];
    for (int i = 0; i < 1000 && last != '\n'; i++) {
        turn(stage, 0);
        ssize_t size = recv(client, text, sizeof text, MSG_DONTWAIT);
        total += size > 0 ? (size_t)size : 0;
        last = size > 0 ? text[size - 1] : last;
    }
    assert_int_equal(last, '\n');
    assert_true(total > 2000000);
    (void)close(client);
}

static void test_newcomer_takes_the_place_of_the_oldest_idle_one(void **state)
{
    struct stage *stage = *state;
    char text[1024];
    int clients[BB_CLIENTS_MAX];
    for (int i = 0; i < BB_CLIENTS_MAX; i++) {
        clients[i] = connect_client(stage, i);
    }
    int newcomer = connect_client(stage, 100);
    assert_string_equal(hear(clients[0], text, sizeof text), "closed");
    assert_string_equal(hear(clients[1], text, sizeof text), "");
    say(newcomer, "{\"verb\":\"status\"}\n");
    turn(stage, 100);
    assert_string_equal(hear(newcomer, text, sizeof text), "{\"ok\":true,\"number\":1}\n");
    (void)close(newcomer);
    for (int i = 0; i < BB_CLIENTS_MAX; i++) {
        (void)close(clients[i]);
    }
}

static void test_running_jobs_keep_their_places(void **state)
{
    struct stage *stage = *state;
    char text[1024];
    int clients[BB_CLIENTS_MAX];
    for (int i = 0; i < BB_CLIENTS_MAX; i++) {
        clients[i] = connect_client(stage, i);
        say(clients[i], "{\"verb\":\"reload\"}\n");
        turn(stage, i);
    }
    int newcomer = connect_client(stage, 100);
    assert_string_equal(hear(newcomer, text, sizeof text), "closed");
    stage->done = true;
    turn(stage, 101);
    for (int i = 0; i < BB_CLIENTS_MAX; i++) {
        assert_string_equal(hear(clients[i], text, sizeof text),
                            "{\"ok\":true,\"text\":\"done\"}\n");
        (void)close(clients[i]);
    }
    (void)close(newcomer);
}

static void test_endless_line_is_answered_and_ended(void **state)
{
    struct stage *stage = *state;
    char text[1024];
    int client = connect_client(stage, 0);
    char line[BB_REQUEST_MAX + 2];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    say(client, line);
    turn(stage, 0);
    assert_string_equal(hear(client, text, sizeof text),
                        "{\"ok\":false,\"error\":\"request longer than 512 bytes\"}\n");
    assert_string_equal(hear(client, text, sizeof text), "closed");
    assert_int_equal(stage->begun, 0);
    (void)close(client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers_byte_by_byte_and_several_at_once),
        TEST(test_job_is_answered_when_it_is_done),
        TEST(test_client_that_leaves_its_job_is_forgotten),
        TEST(test_idle_client_is_dropped),
        TEST(test_client_that_does_not_read_is_dropped),
        TEST(test_long_answer_arrives_whole),
        TEST(test_newcomer_takes_the_place_of_the_oldest_idle_one),
        TEST(test_running_jobs_keep_their_places),
        TEST(test_endless_line_is_answered_and_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
