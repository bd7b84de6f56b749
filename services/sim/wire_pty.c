#include "services/sim/wire_pty.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

struct bb_wire_pty {
    struct bb_actor *actor;
    struct bb_sim_line *line;
    int master_fd;
    int slave_fd; /* kept open: no reader is the last to close */
    int timer;    /* when the next byte is due; 0: none */
    uint32_t baud;
    uint32_t refused_baud; /* said already */
    char port[64];
    char link[PATH_MAX];
};

static const struct {
    uint32_t baud;
    speed_t speed;
} speeds[] = {
    {1200, B1200},     {2400, B2400},     {4800, B4800},       {9600, B9600},     {19200, B19200},
    {38400, B38400},   {57600, B57600},   {115200, B115200},   {230400, B230400}, {460800, B460800},
    {500000, B500000}, {921600, B921600}, {1000000, B1000000},
};

/* The bit rate the port is set to; 0: one we do not know. */
static uint32_t port_baud(int fd)
{
    struct termios settings;
    if (tcgetattr(fd, &settings) != 0) {
        return 0;
    }
    speed_t speed = cfgetospeed(&settings);
    for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++) {
        if (speeds[i].speed == speed) {
            return speeds[i].baud;
        }
    }
    return 0;
}

static void set_raw(int fd, uint32_t baud)
{
    struct termios settings;
    if (tcgetattr(fd, &settings) != 0) {
        return;
    }
    cfmakeraw(&settings);
    for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++) {
        if (speeds[i].baud == baud) {
            (void)cfsetispeed(&settings, speeds[i].speed);
            (void)cfsetospeed(&settings, speeds[i].speed);
        }
    }
    (void)tcsetattr(fd, TCSANOW, &settings);
}

/* --- Bytes --- */

static void schedule(struct bb_wire_pty *wire);

static void transmit(struct bb_wire_pty *wire)
{
    uint8_t buffer[BB_SIM_ANSWER_MAX];
    size_t size = 0;
    int64_t now_ms = bb_actor_now(wire->actor);
    while ((size = bb_sim_line_transmit(wire->line, now_ms, buffer, sizeof(buffer))) > 0) {
        /* Nobody reads and the port is full: lost, as on any wire. */
        if (write(wire->master_fd, buffer, size) < 0 && errno != EAGAIN) {
            break;
        }
    }
    schedule(wire);
}

static void on_due(struct bb_actor *actor, void *arg)
{
    (void)actor;
    struct bb_wire_pty *wire = arg;
    wire->timer = 0;
    transmit(wire);
}

static void schedule(struct bb_wire_pty *wire)
{
    int64_t wake_ms = bb_sim_line_wake_ms(wire->line);
    bb_actor_cancel(wire->actor, wire->timer);
    wire->timer = 0;
    if (wake_ms == INT64_MAX) {
        return;
    }
    int64_t delay_ms = wake_ms - bb_actor_now(wire->actor);
    int id = bb_actor_after(wire->actor, delay_ms > 0 ? delay_ms : 0, on_due, wire);
    wire->timer = id > 0 ? id : 0;
}

/* True when the reader speaks at our bit rate. */
static bool is_understood(struct bb_wire_pty *wire)
{
    uint32_t baud = port_baud(wire->slave_fd);
    if (baud == wire->baud) {
        wire->refused_baud = wire->baud;
        return true;
    }
    if (baud != wire->refused_baud) {
        wire->refused_baud = baud;
        bb_actor_log(wire->actor, BB_LOG_INFO, "asked at %u bit/s; this BMS understands %u",
                     (unsigned)baud, (unsigned)wire->baud);
    }
    return false;
}

static void on_readable(struct bb_actor *actor, int fd, short revents, void *arg)
{
    (void)revents;
    struct bb_wire_pty *wire = arg;
    uint8_t buffer[256];
    ssize_t size = read(fd, buffer, sizeof(buffer));
    if (size <= 0 || !is_understood(wire)) {
        return;
    }
    bb_sim_line_receive(wire->line, buffer, (size_t)size, bb_actor_now(actor));
    transmit(wire);
}

/* --- Port --- */

static int open_master(struct bb_wire_pty *wire)
{
    wire->master_fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (wire->master_fd < 0 || grantpt(wire->master_fd) != 0 || unlockpt(wire->master_fd) != 0) {
        return BB_ERR_IO;
    }
    const char *name = ptsname(wire->master_fd);
    if (name == NULL || strlen(name) >= sizeof(wire->port)) {
        return BB_ERR_IO;
    }
    memcpy(wire->port, name, strlen(name) + 1);
    wire->slave_fd = open(wire->port, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (wire->slave_fd < 0) {
        return BB_ERR_IO;
    }
    set_raw(wire->slave_fd, wire->baud);
    return BB_OK;
}

/* The folder a link stands in, where it is missing: "ports/jk" needs "ports". */
static int make_folder(const char *link)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(link, '/');
    if (slash == NULL || slash == link) {
        return BB_OK;
    }
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - link), link);
    return mkdir(folder, 0750) == 0 || errno == EEXIST ? BB_OK : BB_ERR_IO;
}

/* Replaces a link, but nothing else, in one step. */
static int make_link(const struct bb_wire_pty *wire, struct bb_problem *problem)
{
    char fresh[PATH_MAX + 8];
    struct stat there;
    if (wire->link[0] == '\0') {
        return BB_OK;
    }
    if (lstat(wire->link, &there) == 0 && !S_ISLNK(there.st_mode)) {
        return bb_fail(problem, BB_ERR_CONFIG, wire->link, "exists and is not a symbolic link");
    }
    (void)snprintf(fresh, sizeof(fresh), "%s.new", wire->link);
    (void)unlink(fresh);
    if (make_folder(wire->link) != BB_OK || symlink(wire->port, fresh) != 0 ||
        rename(fresh, wire->link) != 0) {
        return bb_fail(problem, BB_ERR_IO, wire->link, "cannot make the link: %s", strerror(errno));
    }
    return BB_OK;
}

/* Only while it is still ours. */
static void remove_link(const struct bb_wire_pty *wire)
{
    char target[PATH_MAX];
    ssize_t size = readlink(wire->link, target, sizeof(target) - 1);
    if (size < 0) {
        return;
    }
    target[size] = '\0';
    if (strcmp(target, wire->port) == 0) {
        (void)unlink(wire->link);
    }
}

static void close_port(struct bb_wire_pty *wire)
{
    bb_actor_cancel(wire->actor, wire->timer);
    wire->timer = 0;
    remove_link(wire);
    if (wire->slave_fd >= 0) {
        (void)close(wire->slave_fd);
    }
    if (wire->master_fd >= 0) {
        bb_actor_unwatch(wire->actor, wire->master_fd);
        (void)close(wire->master_fd);
    }
    wire->master_fd = wire->slave_fd = -1;
    wire->port[0] = '\0';
    bb_sim_line_reset(wire->line);
}

static int open_port(struct bb_wire_pty *wire, struct bb_problem *problem)
{
    int error = open_master(wire);
    if (error != BB_OK) {
        (void)bb_fail(problem, error, "/dev/ptmx", "cannot make a port: %s", strerror(errno));
    } else {
        error = make_link(wire, problem);
    }
    if (error == BB_OK) {
        error = bb_actor_watch(wire->actor, wire->master_fd, POLLIN, on_readable, wire);
    }
    if (error != BB_OK) {
        close_port(wire);
    }
    return error;
}

int bb_wire_pty_new(struct bb_actor *actor, struct bb_sim_line *line, const char *link,
                    uint32_t baud, struct bb_wire_pty **ret_wire, struct bb_problem *problem)
{
    struct bb_wire_pty *wire = calloc(1, sizeof(*wire));
    if (wire == NULL) {
        return bb_fail(problem, BB_ERR_NO_MEMORY, "sim", "out of memory");
    }
    if (strlen(link) >= sizeof(wire->link)) {
        free(wire);
        return bb_fail(problem, BB_ERR_CONFIG, "link", "path too long");
    }
    memcpy(wire->link, link, strlen(link) + 1);
    wire->actor = actor;
    wire->line = line;
    wire->baud = wire->refused_baud = baud;
    wire->master_fd = wire->slave_fd = -1;
    int error = open_port(wire, problem);
    if (error != BB_OK) {
        free(wire);
        return error;
    }
    *ret_wire = wire;
    return BB_OK;
}

void bb_wire_pty_destroy(struct bb_wire_pty **wire)
{
    if (wire != NULL && *wire != NULL) {
        close_port(*wire);
        free(*wire);
        *wire = NULL;
    }
}

int bb_wire_pty_vanish(struct bb_wire_pty *wire, bool gone, struct bb_problem *problem)
{
    if (gone == (wire->master_fd < 0)) {
        return BB_OK;
    }
    if (gone) {
        close_port(wire);
        return BB_OK;
    }
    return open_port(wire, problem);
}

void bb_wire_pty_maintain(struct bb_wire_pty *wire)
{
    /* The exclusive mode of a reader that died would last, as the port is never closed. */
    if (wire->slave_fd >= 0) {
        (void)ioctl(wire->slave_fd, TIOCNXCL);
    }
}

const char *bb_wire_pty_port(const struct bb_wire_pty *wire)
{
    return wire->port;
}
