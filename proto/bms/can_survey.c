#include "proto/bms/can_survey.h"

#include "proto/bms/drivers.h"

static bool is_set(const uint8_t *bits, uint32_t number)
{
    return ((unsigned)bits[number / 8] >> (number % 8) & 1U) != 0;
}

static void set(uint8_t *bits, uint32_t number)
{
    bits[number / 8] |= (uint8_t)(1U << (number % 8));
}

static void take_extended(struct bb_survey *survey, const struct bb_packet *frame)
{
    enum { REPEATER = 119, INSTANCE = 1, BOARDS = 16 };
    uint32_t dgn = frame->id >> 8 & 0x1FFFFU;
    uint8_t source = (uint8_t)frame->id;
    bool battery = frame->size >= 2 && frame->data[0] == INSTANCE && frame->data[1] != REPEATER;
    if (dgn == 0x1FFFD && battery) {
        set(survey->rv_c_voltage, source);
    } else if (dgn == 0x1FFFC && battery) {
        set(survey->rv_c_charge, source);
    }
    uint32_t command = frame->id >> 16 & 0xFFU;
    bool answers = frame->id >> 24 == 0x18 && (frame->id >> 8 & 0xFFU) == 0x40;
    if (answers && command >= 0x90 && command <= 0x98 && source >= 1 && source <= BOARDS) {
        survey->daly_boards |= (uint32_t)1 << source;
    }
}

void bb_survey_take(struct bb_survey *survey, const struct bb_packet *frame)
{
    survey->frames++;
    if (frame->extended) {
        take_extended(survey, frame);
    } else {
        set(survey->standard, frame->id & 0x7FFU);
    }
}

static size_t add(struct bb_survey_finding *findings, size_t count, const struct bb_driver *driver,
                  uint32_t address)
{
    if (count < BB_SURVEY_MAX) {
        findings[count++] =
            (struct bb_survey_finding){.driver = driver, .address = (uint16_t)address};
    }
    return count;
}

/* The one protocol of those that share 0x351, 0x355 and 0x356, or NULL. */
static const struct bb_driver *shared(const uint8_t *ids)
{
    if (is_set(ids, 0x0C0) && is_set(ids, 0x180)) {
        return &bb_driver_valence_can;
    }
    if (!is_set(ids, 0x351) || !is_set(ids, 0x355) || !is_set(ids, 0x356)) {
        return NULL;
    }
    bool victron = is_set(ids, 0x35A) || is_set(ids, 0x35F);
    bool pylontech = is_set(ids, 0x359) || is_set(ids, 0x35C);
    return pylontech && !victron ? &bb_driver_pylontech_can : &bb_driver_jbd_can;
}

size_t bb_survey_findings(const struct bb_survey *survey, struct bb_survey_finding *ret_findings)
{
    enum { JK_ADDRESSES = 16, DALY_BOARDS = 16, SOURCES = 0xFE };
    const uint8_t *ids = survey->standard;
    size_t count = 0;
    for (uint32_t board = 1; board <= DALY_BOARDS; board++) {
        if (survey->daly_boards >> board & 1U) {
            count = add(ret_findings, count, &bb_driver_daly_can, board);
        }
    }
    const struct bb_driver *driver = shared(ids);
    if (driver) {
        count = add(ret_findings, count, driver, 0);
    }
    for (uint32_t n = 0; n < JK_ADDRESSES; n++) {
        if (is_set(ids, 0x2F4 + n) && is_set(ids, 0x4F4 + n) && is_set(ids, 0x5F4 + n)) {
            count = add(ret_findings, count, &bb_driver_jk_can, n);
        }
    }
    for (uint32_t source = 0; source < SOURCES; source++) {
        if (is_set(survey->rv_c_voltage, source) && is_set(survey->rv_c_charge, source)) {
            count = add(ret_findings, count, &bb_driver_rv_c_can, source);
        }
    }
    return count;
}
