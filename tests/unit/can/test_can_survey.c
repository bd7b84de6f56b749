#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/bms/can_survey.h"

static void hear(struct bb_survey *survey, uint32_t id, bool extended, uint8_t first,
                 uint8_t second)
{
    const uint8_t data[8] = {first, second};
    const struct bb_packet frame = {.data = data, .size = 8, .id = id, .extended = extended};
    bb_survey_take(survey, &frame);
}

static void hear_all(struct bb_survey *survey, const uint32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        hear(survey, ids[i], false, 0, 0);
    }
}

static void expect(const struct bb_survey *survey, size_t count, const char *driver,
                   unsigned address)
{
    struct bb_survey_finding findings[BB_SURVEY_MAX];
    assert_int_equal(bb_survey_findings(survey, findings), count);
    if (count > 0) {
        assert_string_equal(findings[0].driver->id, driver);
        assert_int_equal(findings[0].address, address);
    }
}

static void test_protocols_that_share_identifiers(void **state)
{
    (void)state;
    static const uint32_t common[] = {0x351, 0x355, 0x356, 0x35E};
    struct bb_survey survey = {.frames = 0};
    expect(&survey, 0, NULL, 0);
    hear_all(&survey, common, 2);
    expect(&survey, 0, NULL, 0);
    hear_all(&survey, common, 4);
    expect(&survey, 1, "jbd-can", 0);
    hear(&survey, 0x359, false, 0, 0);
    expect(&survey, 1, "pylontech-can", 0);
    hear(&survey, 0x35A, false, 0, 0);
    expect(&survey, 1, "jbd-can", 0);
    hear(&survey, 0x0C0, false, 0, 0);
    hear(&survey, 0x180, false, 0, 0);
    expect(&survey, 1, "valence-can", 0);
}

static void test_addresses(void **state)
{
    (void)state;
    struct bb_survey survey = {.frames = 0};
    hear(&survey, 0x2F7, false, 0, 0);
    hear(&survey, 0x4F7, false, 0, 0);
    expect(&survey, 0, NULL, 0);
    hear(&survey, 0x5F7, false, 0, 0);
    expect(&survey, 1, "jk-can", 3);
    survey = (struct bb_survey){.frames = 0};
    hear(&survey, 0x18900240, true, 0, 0); /* a request tells nothing */
    expect(&survey, 0, NULL, 0);
    hear(&survey, 0x18904002, true, 0, 0);
    expect(&survey, 1, "daly-can", 2);
}

static void test_rv_c(void **state)
{
    (void)state;
    struct bb_survey survey = {.frames = 0};
    hear(&survey, 0x19FFFD8D, true, 1, 119);
    hear(&survey, 0x19FFFC8D, true, 1, 119);
    hear(&survey, 0x19FFFD8E, true, 1, 120);
    hear(&survey, 0x19FFFC8F, true, 1, 120);
    expect(&survey, 0, NULL, 0);
    hear(&survey, 0x19FFFC8E, true, 1, 120);
    expect(&survey, 1, "rv-c-can", 0x8E);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protocols_that_share_identifiers),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_rv_c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
