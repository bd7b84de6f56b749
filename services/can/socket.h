/* A raw CAN socket: kernel filters, batched reads with kernel receive times, a short queue of
 * unacknowledged frames. */
#ifndef BUSBAR_SERVICES_CAN_SOCKET_H
#define BUSBAR_SERVICES_CAN_SOCKET_H

#include "proto/bms/driver.h"

#define BB_CAN_BATCH 64

/* What an error frame of the controller says. */
enum bb_can_error {
    BB_CAN_BUS_ERROR = 1, /* anything not named below */
    BB_CAN_ERROR_PASSIVE = 2,
    BB_CAN_BUS_OFF = 4,
    BB_CAN_RESTARTED = 8,
    BB_CAN_NO_ACK = 16
};

struct bb_can_frame {
    bool is_error;
    unsigned errors; /* of enum bb_can_error */
    uint32_t id;
    bool extended;
    uint8_t size;
    uint8_t data[8];
    int64_t time_ms; /* monotonic, when the kernel received it */
};

/* Opens a socket on the interface of that index that delivers data frames which pass a filter,
 * and error frames. Returns the descriptor (non-blocking, the caller closes it) or a negative
 * code with problem filled. */
int bb_can_socket_open(int index, const struct bb_can_filter *filters, size_t count,
                       struct bb_problem *problem);

/* Reads up to BB_CAN_BATCH frames without waiting. Returns their number, 0 when none wait, or
 * BB_ERR_IO with errno (ENETDOWN: the interface went down). *ret_lost is the number of frames
 * the kernel has dropped on this socket since it was opened; it stays untouched when unknown. */
int bb_can_socket_read(int fd, struct bb_can_frame *ret_frames, uint32_t *ret_lost);

/* Sends a frame. BB_OK, BB_ERR_BUSY when the frames before it were not acknowledged yet, or
 * BB_ERR_IO with errno. */
int bb_can_socket_send(int fd, const struct bb_request *request);

/* Monotonic time of a kernel time stamp: now less its age by the wall clock. A clock that was set
 * meanwhile makes an impossible age, which counts as none. */
int64_t bb_can_socket_time(int64_t stamp_wall_ms, int64_t now_wall_ms, int64_t now_ms);

#endif
