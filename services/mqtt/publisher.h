/* busbar-mqtt: puts batteries and banks on an MQTT broker (docs/mqtt.md). */
#ifndef BUSBAR_MQTT_PUBLISHER_H
#define BUSBAR_MQTT_PUBLISHER_H

#include "common/actor.h"

extern const struct bb_service bb_mqtt_service;

#endif
