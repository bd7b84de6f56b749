#include <string.h>

#include "proto/bms/drivers.h"

/* Detection order: what is installed most often and costs least time first. */
static const struct bb_driver *const drivers[] = {
    &bb_driver_jk_pb,    &bb_driver_jbd,      &bb_driver_daly,
    &bb_driver_daly_can, &bb_driver_jbd_can,  &bb_driver_pylontech_can,
    &bb_driver_jk_can,   &bb_driver_rv_c_can, &bb_driver_valence_can,
};

const struct bb_driver *bb_driver_at(size_t index)
{
    return index < sizeof drivers / sizeof drivers[0] ? drivers[index] : NULL;
}

const struct bb_driver *bb_driver_find(const char *id)
{
    for (size_t i = 0; bb_driver_at(i); i++) {
        if (strcmp(drivers[i]->id, id) == 0) {
            return drivers[i];
        }
    }
    return NULL;
}

const struct bb_transport *bb_driver_transport(const struct bb_driver *driver,
                                               enum bb_medium medium)
{
    for (size_t i = 0; i < driver->transport_count; i++) {
        if (driver->transports[i].medium == medium) {
            return &driver->transports[i];
        }
    }
    return NULL;
}
