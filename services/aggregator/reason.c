#include "services/aggregator/reason.h"

#include "services/aggregator/text.h"

static const char *const texts[BB_REASONS] = {
    [BB_REASON_MAX] = NULL, /* depends on the direction */
    [BB_REASON_BMS_SETTINGS] = "BMS Settings",
    [BB_REASON_CELL] = "Cell Voltage",
    [BB_REASON_TEMPERATURE] = "Temp",
    [BB_REASON_MOSFET] = "MOSFET",
    [BB_REASON_SOC] = "SoC",
    [BB_REASON_BMS] = "BMS",
    [BB_REASON_ALARM] = "BMS Alarm",
    [BB_REASON_OVERVOLTAGE] = "Cell Over-Voltage",
    [BB_REASON_SENSOR] = "Sensor lost",
    [BB_REASON_NO_DATA] = "No data",
    [BB_REASON_CONTRADICTION] = "Contradiction",
    [BB_REASON_STARTING] = "Starting",
    [BB_REASON_RESTARTS] = "Restarts",
    [BB_REASON_LOST] = "Battery lost",
};

static const char *max_text(enum bb_direction direction)
{
    return direction == BB_CHARGING ? "Max Battery Charge Current"
                                    : "Max Battery Discharge Current";
}

void bb_reason_text(char *ret_text, size_t capacity, bb_reasons reasons,
                    enum bb_direction direction, bool held)
{
    ret_text[0] = '\0';
    for (unsigned i = 0; i < BB_REASONS; i++) {
        if ((reasons & bb_reason_bit((enum bb_reason)i)) != 0) {
            const char *text = i == BB_REASON_MAX ? max_text(direction) : texts[i];
            bb_text_append_item(ret_text, capacity, ", ", text);
        }
    }
    if (held) {
        bb_text_append(ret_text, capacity, " *");
    }
}
