/* A wire of stub batteries on a virtual clock.
 *
 * run() lets time pass from event to event: written requests travel at 9600 baud, batteries
 * answer after their think time, answers travel byte by byte and arrive in one piece at their
 * end. Every request is checked against the rules of a shared line (silence, one at a time).
 */
#ifndef BUSBAR_TESTS_RIG_H
#define BUSBAR_TESTS_RIG_H

#include "services/serial/wire.h"
#include "stub_driver.h"

#define RIG_BATTERIES 4
#define RIG_BAUD 9600

struct rig_battery {
    bool dead;
    unsigned loss_percent; /* requests it never hears */
    int64_t think_ms;
    uint8_t value, serial;
    unsigned requests; /* that reached it or would have */
    unsigned states, failures, commands;
    int64_t last_state_ms, longest_gap_ms;
};

struct rig {
    struct bb_wire *wire;
    struct stub_spec spec;
    struct bb_driver driver;
    int64_t now_ms;
    int64_t busy_until_ms; /* the line carries a byte until then */
    bool answering;
    int64_t answer_ms; /* when the answer is complete */
    uint8_t answer[STUB_REPLY_SIZE];
    uint32_t random;
    unsigned foreign_masters;
    size_t count;
    struct rig_battery batteries[RIG_BATTERIES];
};

/* count batteries at addresses 1.. with that poll period, all alive, port down. */
void rig_set_up(struct rig *rig, const struct stub_spec *spec, size_t count, uint32_t period_ms);
void rig_tear_down(struct rig *rig);

/* Lets time pass until until_ms. */
void rig_run(struct rig *rig, int64_t until_ms);

/* Bytes appear on the line now. */
void rig_inject(struct rig *rig, const uint8_t *data, size_t size);

struct bb_link rig_link(const struct rig *rig, size_t station);

#endif
