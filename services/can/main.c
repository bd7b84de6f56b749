#include "services/can/service.h"

int main(int argc, char **argv)
{
    return bb_actor_main(&bb_can_service, argc, argv);
}
