/* Host of the driver instances ("stations") on one CAN interface.
 *
 * Pure: it is told the time and the frames that arrived, and says which frame to send next and
 * when it wants to be woken. Any number of stations may have a request under way, since every
 * frame names what it is; a station that stays silent is asked less and less often, while
 * keep-alives go on.
 */
#ifndef BUSBAR_SERVICES_CAN_HOST_H
#define BUSBAR_SERVICES_CAN_HOST_H

#include "proto/bms/driver.h"
#include "proto/message/message.h"

#define BB_CAN_STATIONS_MAX BB_MEMBERS_MAX
#define BB_CAN_FILTERS_MAX 512 /* of one socket, by the kernel */

struct bb_can_host;

/* Called for every event of a station. It may read the station but must not hand anything in. */
typedef void bb_can_event_fn(void *arg, size_t station, enum bb_event event);

/* A host whose interface is down. NULL when out of memory. The caller destroys it. */
struct bb_can_host *bb_can_host_new(bb_can_event_fn *event, void *arg);
void bb_can_host_destroy(struct bb_can_host **host);

/* Adds a station while the interface is down. Returns its index or what the driver refused. The
 * settings of config must outlive the host. */
int bb_can_host_add(struct bb_can_host *host, const struct bb_driver *driver,
                    const struct bb_driver_config *config, struct bb_problem *problem);
size_t bb_can_host_count(const struct bb_can_host *host);

/* The identifiers all stations listen to, without doubles, as id and mask. Returns their number;
 * stores at most capacity. */
size_t bb_can_host_filters(const struct bb_can_host *host, struct bb_can_filter *ret_filters,
                           size_t capacity);

void bb_can_host_link(struct bb_can_host *host, bool up, int64_t now_ms);
/* A data frame, and the time it arrived. */
void bb_can_host_receive(struct bb_can_host *host, const struct bb_packet *frame, int64_t time_ms);
void bb_can_host_tick(struct bb_can_host *host, int64_t now_ms);

/* True: ret_request of *ret_station is to be sent now. It is offered again until sent(). */
bool bb_can_host_next(struct bb_can_host *host, int64_t now_ms, struct bb_request *ret_request,
                      size_t *ret_station);
void bb_can_host_sent(struct bb_can_host *host, size_t index, int64_t now_ms);

/* When tick() must be called at the latest; BB_NEVER_MS: nothing is due. */
int64_t bb_can_host_wake_ms(const struct bb_can_host *host);

/* Hands a write to a station. BB_EVENT_COMMAND announces the result. */
int bb_can_host_command(struct bb_can_host *host, size_t index, const struct bb_control *control,
                        int64_t now_ms, struct bb_problem *problem);
void bb_can_host_result(const struct bb_can_host *host, size_t index,
                        struct bb_control_result *ret_result);

/* The last complete state and the time of its oldest essential value. */
void bb_can_host_battery(const struct bb_can_host *host, size_t index,
                         struct bb_battery *ret_battery, int64_t *ret_time_ms);
int64_t bb_can_host_interval_ms(const struct bb_can_host *host, size_t index);

/* Fills state, last_error, counters and times of ret_link; the rest is left alone. */
void bb_can_host_report(const struct bb_can_host *host, size_t index, struct bb_link *ret_link);
bool bb_can_host_is_online(const struct bb_can_host *host, size_t index);

#endif
