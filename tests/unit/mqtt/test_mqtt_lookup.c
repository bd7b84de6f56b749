#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "services/mqtt/lookup.h"

#define DEADLINE_MS 20000

static void test_numeric_addresses_need_no_lookup(void **state)
{
    (void)state;
    struct bb_addresses addresses;
    assert_true(bb_lookup_numeric("192.0.2.7", &addresses));
    assert_int_equal(addresses.count, 1);
    assert_string_equal(addresses.list[0].text, "192.0.2.7");
    assert_false(addresses.list[0].ipv6);
    assert_true(bb_lookup_numeric("2001:db8::1", &addresses));
    assert_string_equal(addresses.list[0].text, "2001:db8::1");
    assert_true(addresses.list[0].ipv6);
    addresses.count = 77;
    assert_false(bb_lookup_numeric("localhost", &addresses));
    assert_int_equal(addresses.count, 77);
}

static void answer_of(const char *host, struct bb_addresses *ret_addresses)
{
    int fd = -1;
    assert_int_equal(bb_lookup_start(host, &fd), BB_OK);
    struct pollfd item = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&item, 1, DEADLINE_MS), 1);
    assert_int_equal(bb_lookup_take(fd, ret_addresses), BB_OK);
    (void)close(fd);
}

static void test_a_name_is_found(void **state)
{
    (void)state;
    struct bb_addresses addresses;
    answer_of("localhost", &addresses);
    assert_int_equal(addresses.failure, 0);
    assert_true(addresses.count >= 1 && addresses.count <= BB_ADDRESSES_MAX);
    for (size_t i = 0; i < addresses.count; i++) {
        const char *wanted = addresses.list[i].ipv6 ? "::1" : "127.";
        assert_int_equal(strncmp(addresses.list[i].text, wanted, strlen(wanted)), 0);
    }
}

static void test_a_wrong_name_is_not(void **state)
{
    (void)state;
    struct bb_addresses addresses;
    answer_of("not a name", &addresses);
    assert_int_not_equal(addresses.failure, 0);
    assert_int_equal(addresses.count, 0);
    assert_true(strlen(bb_lookup_text(addresses.failure)) > 0);
}

/* Whoever asked may leave before the answer comes. */
static void test_nobody_waits_for_the_answer(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        int fd = -1;
        assert_int_equal(bb_lookup_start("localhost", &fd), BB_OK);
        (void)close(fd);
    }
}

static void test_no_answer_yet(void **state)
{
    (void)state;
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    struct bb_addresses addresses;
    assert_int_equal(bb_lookup_take(pipe_ends[0], &addresses), BB_ERR_IO);
    (void)close(pipe_ends[0]);
    (void)close(pipe_ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numeric_addresses_need_no_lookup),
        cmocka_unit_test(test_a_name_is_found),
        cmocka_unit_test(test_a_wrong_name_is_not),
        cmocka_unit_test(test_nobody_waits_for_the_answer),
        cmocka_unit_test(test_no_answer_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
