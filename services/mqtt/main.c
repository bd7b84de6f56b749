/* busbar-mqtt: see docs/mqtt.md. */
#include "services/mqtt/publisher.h"

int main(int argc, char **argv)
{
    return bb_actor_main(&bb_mqtt_service, argc, argv);
}
