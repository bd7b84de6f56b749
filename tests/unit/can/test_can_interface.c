#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/can/netlink.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>

#include "services/can/interface.h"
#include "services/can/socket.h"

/* A netlink answer under construction. */
struct answer {
    union {
        struct nlmsghdr header;
        char bytes[512];
    } data;
    size_t size;
};

static size_t put(struct answer *answer, unsigned short type, const void *value, size_t size)
{
    size_t at = answer->size;
    struct rtattr attribute = {.rta_len = (unsigned short)(sizeof attribute + size),
                               .rta_type = type};
    memcpy(answer->data.bytes + at, &attribute, sizeof attribute);
    if (size > 0) {
        memcpy(answer->data.bytes + at + sizeof attribute, value, size);
    }
    answer->size = at + RTA_ALIGN(sizeof attribute + size);
    return at;
}

/* Ends a nested attribute that began at at. */
static void nest(struct answer *answer, size_t at)
{
    unsigned short size = (unsigned short)(answer->size - at);
    memcpy(answer->data.bytes + at, &size, sizeof size);
}

static void make_can0(struct answer *answer)
{
    memset(answer, 0, sizeof *answer);
    const struct ifinfomsg link = {
        .ifi_type = ARPHRD_CAN, .ifi_index = 7, .ifi_flags = IFF_UP | IFF_RUNNING};
    memcpy(answer->data.bytes + NLMSG_HDRLEN, &link, sizeof link);
    answer->size = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof link);
    (void)put(answer, IFLA_IFNAME, "can0", 5);
    size_t info = put(answer, IFLA_LINKINFO, NULL, 0);
    (void)put(answer, IFLA_INFO_KIND, "can", 4);
    size_t data = put(answer, IFLA_INFO_DATA, NULL, 0);
    const struct can_bittiming timing = {.bitrate = 250000};
    const struct can_ctrlmode mode = {.flags = CAN_CTRLMODE_LISTENONLY};
    const uint32_t state = CAN_STATE_BUS_OFF;
    (void)put(answer, IFLA_CAN_BITTIMING, &timing, sizeof timing);
    (void)put(answer, IFLA_CAN_CTRLMODE, &mode, sizeof mode);
    (void)put(answer, IFLA_CAN_STATE, &state, sizeof state);
    nest(answer, data);
    nest(answer, info);
    answer->data.header.nlmsg_type = RTM_NEWLINK;
    answer->data.header.nlmsg_len = (uint32_t)answer->size;
}

static void test_reads_an_interface(void **state)
{
    (void)state;
    struct answer answer;
    struct bb_can_interface interface = {.present = false};
    make_can0(&answer);
    assert_false(bb_can_interface_parse(answer.data.bytes, answer.size, "can1", &interface));
    assert_true(bb_can_interface_parse(answer.data.bytes, answer.size, "can0", &interface));
    assert_true(interface.present && interface.can && interface.up);
    assert_int_equal(interface.index, 7);
    assert_int_equal(interface.bit_rate, 250000);
    assert_true(interface.listen_only && interface.bus_off);
    answer.data.header.nlmsg_type = RTM_DELLINK;
    assert_true(bb_can_interface_parse(answer.data.bytes, answer.size, "can0", &interface));
    assert_false(interface.present);
}

static void test_an_answer_cut_anywhere_is_harmless(void **state)
{
    (void)state;
    struct answer answer;
    make_can0(&answer);
    for (size_t size = 0; size < answer.size; size++) {
        struct bb_can_interface interface = {.present = false};
        char *cut = malloc(size + 1); /* so that the sanitizer sees a byte too many */
        assert_non_null(cut);
        memcpy(cut, answer.data.bytes, size);
        assert_false(bb_can_interface_parse(cut, size, "can0", &interface));
        free(cut);
    }
}

static void test_lengths_that_lie(void **state)
{
    (void)state;
    struct answer answer;
    make_can0(&answer);
    for (size_t at = 0; at < answer.size; at++) {
        for (int value = 0; value < 256; value += 15) {
            struct bb_can_interface interface = {.present = false};
            char *copy = malloc(answer.size);
            assert_non_null(copy);
            memcpy(copy, answer.data.bytes, answer.size);
            copy[at] = (char)value;
            (void)bb_can_interface_parse(copy, answer.size, "can0", &interface);
            free(copy);
        }
    }
}

static void test_kernel_times(void **state)
{
    (void)state;
    assert_int_equal(bb_can_socket_time(5000, 5020, 900), 880);
    assert_int_equal(bb_can_socket_time(5000, 5000, 900), 900);
    assert_int_equal(bb_can_socket_time(5000, 3000, 900), 900);    /* the clock was set back */
    assert_int_equal(bb_can_socket_time(5000, 9000000, 900), 900); /* or forth */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_an_interface),
        cmocka_unit_test(test_an_answer_cut_anywhere_is_harmless),
        cmocka_unit_test(test_lengths_that_lie),
        cmocka_unit_test(test_kernel_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
