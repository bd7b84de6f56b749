#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "supervisor/client.h"
#include "supervisor/unix_socket.h"
#include "tests/unit/supervisor/scratch.h"

static const struct bb_request status = {.verb = BB_VERB_STATUS};

/* Another process serves one request with answer, "" for none. Its end of the listener is open
 * before this returns. */
static pid_t serve(struct scratch *scratch, const char *answer, int *ret_requests)
{
    int listener = bb_unix_socket_bind(scratch_path(scratch, "control"), SOCK_STREAM, 0600);
    assert_true(listener >= 0);
    int requests[2];
    assert_int_equal(pipe(requests), 0);
    pid_t server = fork();
    if (server == 0) {
        int client = -1;
        while (client < 0) {
            client = accept(listener, NULL, NULL);
        }
        char line[600];
        ssize_t size = recv(client, line, sizeof line, 0);
        (void)!write(requests[1], line, size > 0 ? (size_t)size : 0);
        (void)send(client, answer, strlen(answer), MSG_NOSIGNAL);
        _exit(0);
    }
    (void)close(listener);
    (void)close(requests[1]);
    *ret_requests = requests[0];
    return server;
}

static int ask(const char *answer, const struct bb_request *request, char *ret_line,
               json_t **ret_answer)
{
    struct scratch scratch;
    scratch_make(&scratch);
    int pipe_end = -1;
    pid_t server = serve(&scratch, answer, &pipe_end);
    struct bb_problem problem;
    int error = bb_client_ask(scratch.folder, request, ret_answer, &problem);
    ssize_t size = read(pipe_end, ret_line, 599);
    ret_line[size > 0 ? size : 0] = '\0';
    (void)close(pipe_end);
    assert_int_equal(waitpid(server, NULL, 0), server);
    scratch_remove(&scratch);
    return error;
}

static void test_sends_one_line_and_reads_one(void **state)
{
    (void)state;
    char line[600];
    json_t *answer = NULL;
    assert_int_equal(ask("{\"ok\": true}\n", &status, line, &answer), BB_OK);
    assert_string_equal(line, "{\"verb\":\"status\"}\n");
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    struct bb_request stop = {.verb = BB_VERB_STOP, .name = "bus"};
    assert_int_equal(ask("{}\n", &stop, line, &answer), BB_OK);
    assert_string_equal(line, "{\"verb\":\"stop\",\"name\":\"bus\"}\n");
    json_decref(answer);
}

static void test_refuses_what_is_no_answer(void **state)
{
    (void)state;
    static const char *const answers[] = {"", "{\"ok\":", "[]\n", "hello\n"};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        char line[600];
        json_t *answer = NULL;
        assert_true(ask(answers[i], &status, line, &answer) < 0);
        assert_null(answer);
    }
}

static void test_says_when_nobody_is_there(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_make(&scratch);
    struct bb_problem problem;
    json_t *answer = NULL;
    assert_int_equal(bb_client_ask(scratch.folder, &status, &answer, &problem), BB_ERR_MISSING);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "no busbar runs in %s", scratch.folder);
    assert_string_equal(problem.what, expected);
    /* What a killed one leaves behind. */
    (void)close(bb_unix_socket_bind(scratch_path(&scratch, "control"), SOCK_STREAM, 0600));
    assert_int_equal(bb_client_ask(scratch.folder, &status, &answer, &problem), BB_ERR_MISSING);
    assert_string_equal(problem.what, expected);
    scratch_remove(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sends_one_line_and_reads_one),
        cmocka_unit_test(test_refuses_what_is_no_answer),
        cmocka_unit_test(test_says_when_nobody_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
