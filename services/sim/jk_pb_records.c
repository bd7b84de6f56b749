#include "services/sim/jk_pb_records.h"

#include <stdio.h>
#include <string.h>

#include "services/sim/bytes.h"

enum record_type { RECORD_SETTINGS = 1, RECORD_STATUS = 2, RECORD_ABOUT = 3 };

#define NO_SENSOR (-200.0)
#define WIRE_MOHM 60 /* of a balancing wire */
#define TEXT_MAX 16  /* bytes of most texts */

static void open_record(uint8_t *record, enum record_type type)
{
    static const uint8_t start[] = {0x55, 0xAA, 0xEB, 0x90};
    memset(record, 0, BB_SIM_JK_RECORD);
    memcpy(record, start, sizeof(start));
    record[4] = (uint8_t)type;
}

static void close_record(uint8_t *record)
{
    record[BB_SIM_JK_RECORD - 1] = (uint8_t)bb_sim_sum(record, BB_SIM_JK_RECORD - 1);
}

static void put_text(uint8_t *at, const char *text)
{
    size_t size = strlen(text);
    memcpy(at, text, size < TEXT_MAX ? size : TEXT_MAX);
}

static void put_mv(uint8_t *at, double volt)
{
    bb_sim_put_u32le(at, bb_sim_u32(volt, 0.001));
}

static void put_ma(uint8_t *at, double ampere)
{
    bb_sim_put_u32le(at, bb_sim_u32(ampere, 0.001));
}

static void put_decic16(uint8_t *at, double temp_c)
{
    bb_sim_put_u16le(at, bb_sim_s16(temp_c, 0.1));
}

static void put_decic32(uint8_t *at, double temp_c)
{
    bb_sim_put_u32le(at, bb_sim_s32(temp_c, 0.1));
}

static uint32_t alarm_bits(const struct bb_sim_pack *pack)
{
    static const struct {
        enum bb_sim_alarm alarm;
        unsigned bit;
    } bits[] = {
        {BB_SIM_MOS_HOT, 1},        {BB_SIM_CELL_HIGH, 4},       {BB_SIM_PACK_HIGH, 5},
        {BB_SIM_CHARGE_CURRENT, 6}, {BB_SIM_CHARGE_HOT, 8},      {BB_SIM_CHARGE_COLD, 9},
        {BB_SIM_CELL_LOW, 11},      {BB_SIM_PACK_LOW, 12},       {BB_SIM_DISCHARGE_CURRENT, 13},
        {BB_SIM_DISCHARGE_HOT, 15}, {BB_SIM_DISCHARGE_COLD, 27},
    };
    uint32_t word = 0;
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        if (pack->level[bits[i].alarm] == 2) {
            word |= 1U << bits[i].bit;
        }
    }
    return word;
}

static void put_cells(const struct bb_sim_pack *pack, uint8_t *record)
{
    unsigned high = 0;
    unsigned low = 0;
    double sum_v = 0;
    for (unsigned i = 0; i < pack->setup.cell_count; i++) {
        double cell_v = bb_sim_pack_cell(pack, i);
        bb_sim_put_u16le(record + 6 + 2 * (size_t)i, bb_sim_u16(cell_v, 0.001));
        bb_sim_put_u16le(record + 80 + 2 * (size_t)i, WIRE_MOHM);
        sum_v += cell_v;
        high = cell_v > bb_sim_pack_cell(pack, high) ? i : high;
        low = cell_v < bb_sim_pack_cell(pack, low) ? i : low;
    }
    double spread_v = bb_sim_pack_cell(pack, high) - bb_sim_pack_cell(pack, low);
    bb_sim_put_u32le(record + 70, (uint32_t)((UINT64_C(1) << pack->setup.cell_count) - 1));
    bb_sim_put_u16le(record + 74, bb_sim_u16(sum_v / pack->setup.cell_count, 0.001));
    bb_sim_put_u16le(record + 76, bb_sim_u16(spread_v, 0.001));
    record[78] = (uint8_t)high;
    record[79] = (uint8_t)low;
}

/* Sensors 1, 2 stand at 162, 164, sensors 3, 4 at 256, 258; presence bits 1, 2, 4, 5. */
static void put_temperatures(const struct bb_sim_pack *pack, uint8_t *record)
{
    static const struct {
        size_t offset;
        unsigned bit;
    } places[BB_SIM_SENSORS_MAX] = {{162, 1}, {164, 2}, {256, 4}, {258, 5}};
    unsigned present = 1;
    put_decic16(record + 144, pack->mos_c);
    put_decic16(record + 254, pack->mos_c);
    for (unsigned i = 0; i < BB_SIM_SENSORS_MAX; i++) {
        bool fitted = i < pack->setup.sensor_count;
        put_decic16(record + places[i].offset, fitted ? bb_sim_pack_sensor(pack, i) : NO_SENSOR);
        present |= fitted ? 1U << places[i].bit : 0;
    }
    record[214] = (uint8_t)present;
}

static void put_charge(const struct bb_sim_pack *pack, uint8_t *record)
{
    double pack_v = bb_sim_pack_voltage(pack);
    put_mv(record + 150, pack_v);
    bb_sim_put_u32le(record + 154, bb_sim_u32(pack_v * fabs(pack->current_a), 0.001));
    bb_sim_put_u32le(record + 158, bb_sim_s32(pack->current_a, 0.001));
    record[173] = bb_sim_u8(bb_sim_pack_soc(pack), 1);
    bb_sim_put_u32le(record + 174, bb_sim_s32(pack->counted_ah, 0.001));
    bb_sim_put_u32le(record + 178, bb_sim_u32(pack->setup.capacity_ah, 0.001));
    bb_sim_put_u32le(record + 182, bb_sim_pack_cycles(pack));
    bb_sim_put_u32le(record + 186, bb_sim_u32(pack->discharged_ah, 0.001));
    record[190] = 100;
    bb_sim_put_u16le(record + 234, bb_sim_u16(pack_v, 0.01));
}

void bb_sim_jk_status(const struct bb_sim_board *board, uint8_t *record)
{
    const struct bb_sim_pack *pack = bb_sim_board_shown(board);
    open_record(record, RECORD_STATUS);
    put_cells(pack, record);
    put_temperatures(pack, record);
    put_charge(pack, record);
    bb_sim_put_u32le(record + 166, alarm_bits(pack));
    if (pack->balancing != 0) {
        bb_sim_put_u16le(record + 170, bb_sim_s16(pack->setup.balance_a, 0.001));
        record[172] = 2;
    }
    bb_sim_put_u32le(record + 194, bb_sim_u32(pack->age_s, 1));
    record[198] = pack->charge_fet ? 1 : 0;
    record[199] = pack->discharge_fet ? 1 : 0;
    record[229] = 0x3F; /* voltage correction 1.0 as a float: 3F80 0000 */
    record[228] = 0x80;
    record[245] = pack->current_a > 0 ? 1 : 0;
    bb_sim_put_u32le(record + 246, bb_sim_u32(pack->age_s, 0.1));
    bb_sim_put_u32le(record + 270, 86400);
    close_record(record);
}

static void put_voltage_settings(uint8_t *record)
{
    put_mv(record + 6, 3.500);
    put_mv(record + 10, BB_SIM_CELL_LOW_V);
    put_mv(record + 14, BB_SIM_CELL_LOW_RELEASE_V);
    put_mv(record + 18, BB_SIM_CELL_HIGH_V);
    put_mv(record + 22, BB_SIM_CELL_HIGH_RELEASE_V);
    put_mv(record + 26, BB_SIM_BALANCE_WINDOW_V);
    put_mv(record + 30, 3.445);
    put_mv(record + 34, 2.900);
    put_mv(record + 38, 3.450);
    put_mv(record + 42, 3.350);
    put_mv(record + 46, 2.450);
    put_mv(record + 138, BB_SIM_BALANCE_START_V);
}

static void put_current_settings(const struct bb_sim_pack_setup *setup, uint8_t *record)
{
    put_ma(record + 50, setup->charge_limit_a);
    bb_sim_put_u32le(record + 54, BB_SIM_OVER_CURRENT_DELAY_S);
    bb_sim_put_u32le(record + 58, BB_SIM_OVER_CURRENT_RELEASE_S);
    put_ma(record + 62, setup->discharge_limit_a);
    bb_sim_put_u32le(record + 66, BB_SIM_OVER_CURRENT_DELAY_S);
    bb_sim_put_u32le(record + 70, BB_SIM_OVER_CURRENT_RELEASE_S);
    bb_sim_put_u32le(record + 74, 5);
    put_ma(record + 78, setup->balance_a);
    bb_sim_put_u32le(record + 134, 1500);
}

static void put_temperature_settings(uint8_t *record)
{
    put_decic32(record + 82, BB_SIM_CHARGE_HOT_C);
    put_decic32(record + 86, BB_SIM_CHARGE_HOT_RELEASE_C);
    put_decic32(record + 90, BB_SIM_DISCHARGE_HOT_C);
    put_decic32(record + 94, BB_SIM_DISCHARGE_HOT_RELEASE_C);
    put_decic32(record + 98, BB_SIM_CHARGE_COLD_C);
    put_decic32(record + 102, BB_SIM_CHARGE_COLD_RELEASE_C);
    put_decic32(record + 106, BB_SIM_MOS_HOT_C);
    put_decic32(record + 110, BB_SIM_MOS_HOT_RELEASE_C);
    record[284] = 0; /* the heater, not enabled: 0..10 degrees */
    record[285] = 10;
    record[296] = (uint8_t)(int8_t)BB_SIM_DISCHARGE_COLD_C;
    record[297] = (uint8_t)(int8_t)BB_SIM_DISCHARGE_COLD_RELEASE_C;
}

void bb_sim_jk_settings(const struct bb_sim_board *board, uint8_t address, uint8_t *record)
{
    const struct bb_sim_pack *pack = bb_sim_board_shown(board);
    open_record(record, RECORD_SETTINGS);
    put_voltage_settings(record);
    put_current_settings(&pack->setup, record);
    put_temperature_settings(record);
    bb_sim_put_u32le(record + 114, pack->setup.cell_count);
    bb_sim_put_u32le(record + 118, pack->charge_switch ? 1 : 0);
    bb_sim_put_u32le(record + 122, pack->discharge_switch ? 1 : 0);
    bb_sim_put_u32le(record + 126, pack->balance_switch ? 1 : 0);
    bb_sim_put_u32le(record + 130, bb_sim_u32(pack->setup.capacity_ah, 0.001));
    bb_sim_put_u32le(record + 270, address);
    bb_sim_put_u16le(record + 282, 0x3300); /* second and third over-current level, RS485 */
    record[286] = 24;
    close_record(record);
}

void bb_sim_jk_about(const struct bb_sim_board *board, uint8_t *record)
{
    const struct bb_sim_identity *made = &board->identity;
    const struct bb_sim_pack *pack = bb_sim_board_shown(board);
    char text[32];
    open_record(record, RECORD_ABOUT);
    (void)snprintf(text, sizeof(text), "JK_PB2A%uS20P", pack->setup.cell_count);
    put_text(record + 6, text);
    put_text(record + 22, "15A");
    put_text(record + 30, "15.41");
    bb_sim_put_u32le(record + 38, bb_sim_u32(pack->age_s, 1));
    bb_sim_put_u32le(record + 42, 22);
    put_text(record + 46, made->name);
    put_text(record + 62, "1234");
    (void)snprintf(text, sizeof(text), "%02u%02u%02u", made->year % 100, made->month % 100,
                   made->day % 100);
    put_text(record + 78, text);
    put_text(record + 86, made->serial);
    put_text(record + 102, made->name);
    put_text(record + 118, "123456");
    put_text(record + 134, "JK-BMS");
    record[184] = 1;
    close_record(record);
}
