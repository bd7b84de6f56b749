/* Reads the batteries on one serial port: [serial NAME]. */
#include "services/serial/service.h"

int main(int argc, char **argv)
{
    return bb_actor_main(&bb_serial_service, argc, argv);
}
