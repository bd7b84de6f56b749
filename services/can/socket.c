#include "services/can/socket.h"

#include <errno.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <linux/if_arp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

#define RECEIVE_BUFFER (1 << 20)
/* The kernel's least: some six frames. So frames nobody acknowledges never fill the interface's
 * own queue, which other programs use, too. */
#define SEND_BUFFER 1
#define AGE_MAX_MS 5000

int64_t bb_can_socket_time(int64_t stamp_wall_ms, int64_t now_wall_ms, int64_t now_ms)
{
    int64_t age_ms = now_wall_ms - stamp_wall_ms;
    return age_ms >= 0 && age_ms <= AGE_MAX_MS ? now_ms - age_ms : now_ms;
}

static int apply_filters(int fd, const struct bb_can_filter *filters, size_t count)
{
    struct can_filter own[CAN_RAW_FILTER_MAX];
    if (count > CAN_RAW_FILTER_MAX) {
        errno = E2BIG;
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        /* Only data frames of the right kind of identifier: no remote frames. */
        own[i].can_id = filters[i].id | (filters[i].extended ? CAN_EFF_FLAG : 0U);
        own[i].can_mask = filters[i].mask | CAN_EFF_FLAG | CAN_RTR_FLAG;
    }
    return setsockopt(fd, SOL_CAN_RAW, CAN_RAW_FILTER, own, (socklen_t)(count * sizeof own[0]));
}

static int set_up(int fd, int index, const struct bb_can_filter *filters, size_t count)
{
    const int on = 1;
    const int receive_buffer = RECEIVE_BUFFER;
    const int send_buffer = SEND_BUFFER;
    const can_err_mask_t errors = CAN_ERR_MASK;
    const struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = index};
    if (apply_filters(fd, filters, count) < 0 ||
        setsockopt(fd, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &errors, sizeof errors) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    return bind(fd, (const struct sockaddr *)&address, sizeof address);
}

int bb_can_socket_open(int index, const struct bb_can_filter *filters, size_t count,
                       struct bb_problem *problem)
{
    int fd = socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, CAN_RAW);
    if (fd < 0) {
        return bb_fail(problem, BB_ERR_IO, "socket", "%s",
                       errno == EAFNOSUPPORT ? "this kernel has no CAN (modules can, can-raw)"
                                             : strerror(errno));
    }
    if (set_up(fd, index, filters, count) < 0) {
        int error = bb_fail(problem, BB_ERR_IO, "socket", "%s", strerror(errno));
        (void)close(fd);
        return error;
    }
    return fd;
}

static unsigned errors_of(const struct can_frame *frame)
{
    unsigned errors = 0;
    if (frame->can_id & CAN_ERR_BUSOFF) {
        errors |= BB_CAN_BUS_OFF;
    }
    if (frame->can_id & CAN_ERR_RESTARTED) {
        errors |= BB_CAN_RESTARTED;
    }
    if (frame->can_id & CAN_ERR_ACK) {
        errors |= BB_CAN_NO_ACK;
    }
    bool passive = (frame->data[1] & (CAN_ERR_CRTL_RX_PASSIVE | CAN_ERR_CRTL_TX_PASSIVE)) != 0;
    if ((frame->can_id & CAN_ERR_CRTL) && passive) {
        errors |= BB_CAN_ERROR_PASSIVE;
    }
    return errors != 0 ? errors : BB_CAN_BUS_ERROR;
}

/* What the kernel tells beside a frame. */
static void take_control(struct msghdr *header, int64_t now_wall_ms, int64_t now_ms,
                         int64_t *ret_time_ms, uint32_t *ret_lost)
{
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    for (; control; control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level != SOL_SOCKET) {
            continue;
        }
        if (control->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(control), sizeof stamp);
            int64_t stamp_ms = (int64_t)stamp.tv_sec * 1000 + stamp.tv_nsec / 1000000;
            *ret_time_ms = bb_can_socket_time(stamp_ms, now_wall_ms, now_ms);
        } else if (control->cmsg_type == SO_RXQ_OVFL) {
            memcpy(ret_lost, CMSG_DATA(control), sizeof *ret_lost);
        }
    }
}

static void take_frame(const struct can_frame *raw, struct bb_can_frame *ret_frame)
{
    ret_frame->is_error = (raw->can_id & CAN_ERR_FLAG) != 0;
    ret_frame->errors = ret_frame->is_error ? errors_of(raw) : 0;
    ret_frame->extended = (raw->can_id & CAN_EFF_FLAG) != 0;
    ret_frame->id = raw->can_id & (ret_frame->extended ? CAN_EFF_MASK : CAN_SFF_MASK);
    ret_frame->size = raw->can_dlc <= sizeof ret_frame->data ? raw->can_dlc : 0;
    memcpy(ret_frame->data, raw->data, sizeof ret_frame->data);
}

int bb_can_socket_read(int fd, struct bb_can_frame *ret_frames, uint32_t *ret_lost)
{
    struct can_frame raw[BB_CAN_BATCH];
    struct iovec parts[BB_CAN_BATCH];
    struct mmsghdr messages[BB_CAN_BATCH];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t))];
    } controls[BB_CAN_BATCH];
    memset(messages, 0, sizeof messages);
    memset(controls, 0, sizeof controls);
    for (size_t i = 0; i < BB_CAN_BATCH; i++) {
        parts[i] = (struct iovec){.iov_base = &raw[i], .iov_len = sizeof raw[i]};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i],
                                              .msg_iovlen = 1,
                                              .msg_control = controls[i].bytes,
                                              .msg_controllen = sizeof controls[i].bytes};
    }
    int count = recvmmsg(fd, messages, BB_CAN_BATCH, MSG_DONTWAIT, NULL);
    if (count < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : BB_ERR_IO;
    }
    int64_t now_wall_ms = bb_clock_wall_ms();
    int64_t now_ms = bb_clock_mono_ms();
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (messages[i].msg_len != sizeof raw[i]) {
            continue;
        }
        struct bb_can_frame *frame = &ret_frames[kept++];
        frame->time_ms = now_ms;
        take_frame(&raw[i], frame);
        take_control(&messages[i].msg_hdr, now_wall_ms, now_ms, &frame->time_ms, ret_lost);
    }
    return kept;
}

int bb_can_socket_send(int fd, const struct bb_request *request)
{
    struct can_frame frame = {.can_id = request->id | (request->extended ? CAN_EFF_FLAG : 0U)};
    if (request->size > sizeof frame.data) {
        errno = EMSGSIZE;
        return BB_ERR_IO;
    }
    frame.can_dlc = (uint8_t)request->size;
    memcpy(frame.data, request->data, request->size);
    if (send(fd, &frame, sizeof frame, MSG_DONTWAIT) == (ssize_t)sizeof frame) {
        return BB_OK;
    }
    return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? BB_ERR_BUSY : BB_ERR_IO;
}
