#include "can_frames.h"
#include "proto/bms/drivers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    can_play(&bb_driver_daly_can, data, size);
    return 0;
}
