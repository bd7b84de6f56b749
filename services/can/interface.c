#include "services/can/interface.h"

#include <errno.h>
#include <linux/can/netlink.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX 32768
#define ANSWER_WAIT_S 1

/* The attribute at data if it lies inside the left bytes, else NULL. */
static const struct rtattr *attribute_at(const void *data, size_t left)
{
    const struct rtattr *attribute = data;
    bool fits = left >= sizeof *attribute && attribute->rta_len >= sizeof *attribute &&
                attribute->rta_len <= left;
    return fits ? attribute : NULL;
}

/* The one behind attribute; *left is what is left from attribute on, and is moved along. */
static const struct rtattr *attribute_after(const struct rtattr *attribute, size_t *left)
{
    size_t step = RTA_ALIGN((size_t)attribute->rta_len);
    if (step >= *left) {
        return NULL;
    }
    *left -= step;
    return attribute_at((const char *)attribute + step, *left);
}

/* RTA_DATA for an attribute that must not be changed. */
static const void *data_of(const struct rtattr *attribute)
{
    return (const char *)attribute + RTA_LENGTH(0);
}

/* The attribute's payload copied into value (size bytes); false when it is shorter. */
static bool copy_attribute(const struct rtattr *attribute, void *value, size_t size)
{
    if (RTA_PAYLOAD(attribute) < size) {
        return false;
    }
    memcpy(value, data_of(attribute), size);
    return true;
}

static bool text_is(const struct rtattr *attribute, const char *text)
{
    size_t size = RTA_PAYLOAD(attribute);
    const char *own = data_of(attribute);
    return size > 0 && memchr(own, '\0', size) && strcmp(own, text) == 0;
}

static void take_can_data(const struct rtattr *data, struct bb_can_interface *interface)
{
    size_t left = RTA_PAYLOAD(data);
    const struct rtattr *a = attribute_at(data_of(data), left);
    for (; a; a = attribute_after(a, &left)) {
        struct can_bittiming timing;
        struct can_ctrlmode mode;
        uint32_t state;
        if (a->rta_type == IFLA_CAN_BITTIMING && copy_attribute(a, &timing, sizeof timing)) {
            interface->bit_rate = timing.bitrate;
        } else if (a->rta_type == IFLA_CAN_CTRLMODE && copy_attribute(a, &mode, sizeof mode)) {
            interface->listen_only = (mode.flags & CAN_CTRLMODE_LISTENONLY) != 0;
        } else if (a->rta_type == IFLA_CAN_STATE && copy_attribute(a, &state, sizeof state)) {
            interface->bus_off = state == CAN_STATE_BUS_OFF;
            interface->error_passive = state == CAN_STATE_ERROR_PASSIVE;
        }
    }
}

static void take_link_info(const struct rtattr *info, struct bb_can_interface *interface)
{
    size_t left = RTA_PAYLOAD(info);
    bool is_can = false;
    const struct rtattr *a = attribute_at(data_of(info), left);
    for (; a; a = attribute_after(a, &left)) {
        if (a->rta_type == IFLA_INFO_KIND) {
            is_can = text_is(a, "can");
        } else if (a->rta_type == IFLA_INFO_DATA && is_can) {
            take_can_data(a, interface);
        }
    }
}

static bool take_link(const struct nlmsghdr *header, const char *name,
                      struct bb_can_interface *ret_interface)
{
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg))) {
        return false;
    }
    const struct ifinfomsg *link = (const void *)((const char *)header + NLMSG_HDRLEN);
    struct bb_can_interface interface = {
        .present = header->nlmsg_type == RTM_NEWLINK,
        .can = link->ifi_type == ARPHRD_CAN,
        .up = (link->ifi_flags & IFF_UP) != 0,
        .index = link->ifi_index,
    };
    bool ours = false;
    size_t left = header->nlmsg_len - NLMSG_LENGTH(sizeof *link);
    const struct rtattr *a = attribute_at((const char *)link + NLMSG_ALIGN(sizeof *link), left);
    for (; a; a = attribute_after(a, &left)) {
        if (a->rta_type == IFLA_IFNAME) {
            ours = text_is(a, name);
        } else if ((a->rta_type & NLA_TYPE_MASK) == IFLA_LINKINFO) {
            take_link_info(a, &interface);
        }
    }
    if (ours) {
        *ret_interface = interface;
    }
    return ours;
}

bool bb_can_interface_parse(const void *data, size_t size, const char *name,
                            struct bb_can_interface *ret_interface)
{
    const struct nlmsghdr *header = data;
    while (NLMSG_OK(header, size)) {
        bool is_link = header->nlmsg_type == RTM_NEWLINK || header->nlmsg_type == RTM_DELLINK;
        if (is_link && take_link(header, name, ret_interface)) {
            return true;
        }
        size_t step = NLMSG_ALIGN(header->nlmsg_len);
        if (step >= size) {
            break;
        }
        size -= step;
        header = (const struct nlmsghdr *)(const void *)((const char *)header + step);
    }
    return false;
}

static int send_query(int fd, const char *name)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
        struct rtattr attribute;
        char name[IFNAMSIZ];
    } request = {
        .header = {.nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
        .link = {.ifi_family = AF_UNSPEC},
        .attribute = {.rta_type = IFLA_IFNAME},
    };
    size_t size = strlen(name) + 1;
    memcpy(request.name, name, size < sizeof request.name ? size : sizeof request.name - 1);
    request.attribute.rta_len = (unsigned short)RTA_LENGTH(size);
    request.header.nlmsg_len =
        (uint32_t)(NLMSG_LENGTH(sizeof request.link) + RTA_ALIGN(RTA_LENGTH(size)));
    return send(fd, &request, request.header.nlmsg_len, 0) < 0 ? BB_ERR_IO : BB_OK;
}

static int ask(int fd, const char *name, struct bb_can_interface *ret_interface)
{
    union {
        struct nlmsghdr align;
        char bytes[ANSWER_MAX];
    } answer;
    const struct timeval patience = {.tv_sec = ANSWER_WAIT_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (send_query(fd, name) != BB_OK) {
        return BB_ERR_IO;
    }
    ssize_t size = recv(fd, answer.bytes, sizeof answer.bytes, 0);
    if (size < 0) {
        return BB_ERR_IO;
    }
    *ret_interface = (struct bb_can_interface){.present = false};
    (void)bb_can_interface_parse(answer.bytes, (size_t)size, name, ret_interface);
    return BB_OK;
}

int bb_can_interface_query(const char *name, struct bb_can_interface *ret_interface,
                           struct bb_problem *problem)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    int error = fd < 0 ? BB_ERR_IO : ask(fd, name, ret_interface);
    if (error != BB_OK) {
        error =
            bb_fail(problem, error, name, "the kernel does not tell about it: %s", strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return error;
}

int bb_can_interface_monitor(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    if (fd < 0) {
        return BB_ERR_IO;
    }
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        (void)close(fd);
        return BB_ERR_IO;
    }
    return fd;
}

void bb_can_interface_drain(int fd)
{
    char bytes[8192];
    while (recv(fd, bytes, sizeof bytes, 0) > 0) {
    }
}
