/* The drivers listed in registry.c, one per wire protocol. */
#ifndef BUSBAR_PROTO_BMS_DRIVERS_H
#define BUSBAR_PROTO_BMS_DRIVERS_H

#include "proto/bms/driver.h"

extern const struct bb_driver bb_driver_jbd;
extern const struct bb_driver bb_driver_daly;
extern const struct bb_driver bb_driver_jk_pb;
extern const struct bb_driver bb_driver_daly_can;
extern const struct bb_driver bb_driver_jbd_can;
extern const struct bb_driver bb_driver_jk_can;
extern const struct bb_driver bb_driver_pylontech_can;
extern const struct bb_driver bb_driver_rv_c_can;
extern const struct bb_driver bb_driver_valence_can;

#endif
