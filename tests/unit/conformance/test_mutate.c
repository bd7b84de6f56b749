/* The damages are of use only if a careless driver is found out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bms/poll.h"
#include "services/conformance/mutate.h"

/* A protocol of two bytes, 02 and the voltage, with or without a look at its third, a check. */
static struct bb_scan careless_scan(const struct bb_asked *asked, const uint8_t *data, size_t size)
{
    (void)asked;
    if (data[0] != 2) {
        return bb_scan_garbage(1);
    }
    return size < 3 ? bb_scan_more(3) : bb_scan_frame(3);
}

static struct bb_scan careful_scan(const struct bb_asked *asked, const uint8_t *data, size_t size)
{
    struct bb_scan found = careless_scan(asked, data, size);
    return found.verdict == BB_SCAN_FRAME && data[1] + data[2] != 0xff ? bb_scan_bad() : found;
}

static enum bb_poll_verdict match(const struct bb_poll_view *view, const struct bb_packet *frame,
                                  struct bb_poll_answer *ret_answer)
{
    (void)view;
    ret_answer->item = 0;
    ret_answer->payload = frame->data + 1;
    ret_answer->size = 1;
    return BB_POLL_ANSWER;
}

static void build(const struct bb_poll_view *view, const struct bb_poll_item *item,
                  const uint8_t *data, size_t size, struct bb_request *ret_request)
{
    (void)view;
    (void)item;
    (void)data;
    (void)size;
    ret_request->data[0] = 1;
    ret_request->size = 1;
}

static const struct bb_row rows[] = {{.raw = BB_U8, .field = BB_FIELD(voltage)}};
static const struct bb_poll_item items[] = {{.name = "voltage",
                                             .ask = BB_ASK_CYCLE,
                                             .essential = true,
                                             .least = 1,
                                             .size = 1,
                                             .rows = rows,
                                             .row_count = 1}};
#define SPEC(scan_)                                                                                \
    {                                                                                              \
        .items = items, .item_count = 1, .tries = 2,                                               \
        .serial = {.first_ms = 100, .gap_ms = 50, .total_ms = 200}, .scan = (scan_),               \
        .match = match, .build = build                                                             \
    }
static const struct bb_poll_spec careless = SPEC(careless_scan);
static const struct bb_poll_spec careful = SPEC(careful_scan);
static const struct bb_transport transports[] = {{.medium = BB_MEDIUM_SERIAL}};

static struct bb_driver driver_of(const struct bb_poll_spec *spec)
{
    return (struct bb_driver){.id = "toy",
                              .transports = transports,
                              .transport_count = 1,
                              .state_size = BB_POLL_STATE_SIZE,
                              .ops = &bb_poll_ops,
                              .spec = spec};
}

static void count(void *arg, const char *damage, const char *effect)
{
    size_t *reports = arg;
    assert_true(strlen(damage) > 0 && strlen(effect) > 0);
    ++*reports;
}

static size_t failures(const struct bb_poll_spec *spec, size_t *ret_tried)
{
    static const uint8_t ask[] = {1};
    static const uint8_t answer[] = {2, 0x35, 0xca};
    struct bb_driver driver = driver_of(spec);
    struct bb_vector vector = {.driver = &driver};
    size_t reports = 0;
    assert_int_equal(bb_vector_add(&vector, true, ask, sizeof ask), BB_OK);
    assert_int_equal(bb_vector_add(&vector, false, answer, sizeof answer), BB_OK);
    size_t failed = bb_mutate(&vector, count, &reports, ret_tried);
    assert_int_equal(failed, reports);
    bb_vector_clear(&vector);
    return failed;
}

static void a_careful_driver_passes(void **state)
{
    (void)state;
    size_t tried;
    assert_int_equal(failures(&careful, &tried), 0);
    /* 255 corruptions of each of 3 bytes, 2 cuts, the prefixes, all in one piece */
    assert_true(tried > 3 * 255 + 2 + 1);
}

static void a_careless_driver_is_found_out(void **state)
{
    (void)state;
    size_t tried;
    assert_true(failures(&careless, &tried) >= 255);
}

static void a_vector_without_a_state_is_a_failure(void **state)
{
    (void)state;
    struct bb_driver driver = driver_of(&careful);
    struct bb_vector vector = {.driver = &driver};
    size_t reports = 0;
    assert_int_equal(bb_mutate(&vector, count, &reports, NULL), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_careful_driver_passes),
        cmocka_unit_test(a_careless_driver_is_found_out),
        cmocka_unit_test(a_vector_without_a_state_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
