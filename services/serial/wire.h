/* Scheduler of one shared wire over several driver instances ("stations").
 *
 * Pure: it is told the time, what arrived and what has been written, and says what to write next
 * and when it wants to be woken. It opens nothing and reads no clock, so that the same object
 * code runs on a serial port, behind a TCP bridge, in a test with a virtual clock and in the
 * fuzzer.
 *
 * Rules it keeps:
 *  - one request is outstanding at a time, and none leaves before the line was silent in both
 *    directions for the time the request asks for;
 *  - a station keeps its turn until it has a complete state, has failed or has nothing to ask:
 *    states stay short and young, however many stations share the wire. Turns go to the station
 *    that has been due for longest; a command goes first;
 *  - what arrives belongs to the station that waits for an answer. While none waits (late
 *    answers, another master, noise) every station sees it;
 *  - a station that fails is asked again at its next period, then after 1, 2, 5, 10, 30 s. While
 *    its last state is young enough to count (bb_lost_after_ms) the pause stays at 1 s, so that
 *    lost polls alone never make a battery lost. A station known to be silent gives the wire back
 *    at its first time-out.
 *
 * The host's loop, after every call:
 *   while (bb_wire_next(wire, now, &request)) { write it; bb_wire_written(wire, now); }
 *   wake up at bb_wire_wake_ms() and call bb_wire_tick().
 */
#ifndef BUSBAR_SERVICES_SERIAL_WIRE_H
#define BUSBAR_SERVICES_SERIAL_WIRE_H

#include "common/reader/trace.h"
#include "proto/bms/driver.h"
#include "proto/message/message.h"

#define BB_WIRE_STATIONS_MAX BB_MEMBERS_MAX

struct bb_wire;

/* Called from within link(), receive(), tick() and written() for every event of a station. The
 * callback may read the station but must not call any of those, nor next(). */
typedef void bb_wire_event_fn(void *arg, size_t station, enum bb_event event);

/* A wire that is down. bit_rate (bits/s, ten bits a byte) tells how long written bytes travel;
 * 0: no time. NULL when out of memory. The caller destroys it. */
struct bb_wire *bb_wire_new(uint32_t bit_rate, bb_wire_event_fn *event, void *arg);
void bb_wire_destroy(struct bb_wire **wire);

/* Adds a station; call before the wire comes up. Returns its index or what the driver refused.
 * The settings of config must outlive the wire. */
int bb_wire_add(struct bb_wire *wire, const struct bb_driver *driver,
                const struct bb_driver_config *config, struct bb_problem *problem);
size_t bb_wire_count(const struct bb_wire *wire);

/* The port came up or went down. */
void bb_wire_link(struct bb_wire *wire, bool up, int64_t now_ms);
void bb_wire_receive(struct bb_wire *wire, const uint8_t *data, size_t size, int64_t now_ms);
void bb_wire_tick(struct bb_wire *wire, int64_t now_ms);

/* True: ret_request is to be written now. It is offered once; the wire then waits for written()
 * or for the link to go down. */
bool bb_wire_next(struct bb_wire *wire, int64_t now_ms, struct bb_request *ret_request);
/* The last byte of the request has been handed to the line. */
void bb_wire_written(struct bb_wire *wire, int64_t now_ms);

/* When tick() must be called at the latest; BB_NEVER_MS: nothing is due. */
int64_t bb_wire_wake_ms(const struct bb_wire *wire);

/* Hands a write to a station. BB_ERR_BUSY when the battery does not answer now or another write
 * is under way, else what the driver says. BB_EVENT_COMMAND announces the result. */
int bb_wire_command(struct bb_wire *wire, size_t station, const struct bb_control *control,
                    int64_t now_ms, struct bb_problem *problem);
void bb_wire_result(const struct bb_wire *wire, size_t station,
                    struct bb_control_result *ret_result);

/* The last complete state and the time of its oldest essential value. */
void bb_wire_battery(const struct bb_wire *wire, size_t station, struct bb_battery *ret_battery,
                     int64_t *ret_time_ms);

/* Time in which to expect the next state: the configured period, or what the shared wire really
 * takes when that is longer. */
int64_t bb_wire_interval_ms(const struct bb_wire *wire, size_t station);

/* Fills state, last_error, counters and times of ret_link; the rest is left alone. */
void bb_wire_report(const struct bb_wire *wire, size_t station, struct bb_link *ret_link);

/* Grows when state or last_error of any station changes. */
uint64_t bb_wire_changes(const struct bb_wire *wire);

/* True while the battery's last state counts (bb_lost_after_ms). */
bool bb_wire_is_online(const struct bb_wire *wire, size_t station);

/* When the last byte arrived, from anybody; the time of link up before that. */
int64_t bb_wire_heard_ms(const struct bb_wire *wire);

const struct bb_trace *bb_wire_trace(const struct bb_wire *wire, size_t station);

#endif
