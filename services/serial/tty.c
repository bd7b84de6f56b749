/* _GNU_SOURCE (set by the build): flock, TIOCEXCL and the Linux ioctls of serial adapters. */
#include "services/serial/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <limits.h>
#include <linux/serial.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "services/serial/owner.h"
#include "services/serial/port.h"

/* Linux, devices.txt: slaves of Unix98 pseudo terminals. */
#define PTY_MAJOR_FIRST 136
#define PTY_MAJOR_LAST 143

static const struct {
    uint32_t bit_rate;
    speed_t speed;
} speeds[] = {
    {1200, B1200},     {2400, B2400},     {4800, B4800},     {9600, B9600},       {19200, B19200},
    {38400, B38400},   {57600, B57600},   {115200, B115200}, {230400, B230400},   {460800, B460800},
    {500000, B500000}, {576000, B576000}, {921600, B921600}, {1000000, B1000000},
};

static int fail_busy(struct bb_problem *problem, const char *path)
{
    char owner[64];
    if (bb_owner_of_lock(path, owner, sizeof owner) ||
        bb_owner_of_descriptor(path, owner, sizeof owner)) {
        return bb_fail(problem, BB_ERR_BUSY, path, "is in use by %s", owner);
    }
    return bb_fail(problem, BB_ERR_BUSY, path, "is in use by another process");
}

static int fail_errno(struct bb_problem *problem, const char *path, int error)
{
    if (error == EBUSY || error == EWOULDBLOCK) {
        return fail_busy(problem, path);
    }
    if (error == ENOENT || error == ENXIO || error == ENODEV || error == EIO) {
        return bb_fail(problem, BB_ERR_IO, path, BB_PORT_MISSING);
    }
    if (error == EACCES) {
        return bb_fail(problem, BB_ERR_IO, path,
                       "may not be opened by this user: it has to be in the port's group, "
                       "usually dialout");
    }
    return bb_fail(problem, BB_ERR_IO, path, "cannot be opened: %s", strerror(error));
}

static int fail_speed(struct bb_problem *problem, const char *path, uint32_t bit_rate, int error)
{
    return bb_fail(problem, BB_ERR_IO, path, "cannot be set to %u bit/s, 8N1: %s",
                   (unsigned)bit_rate, strerror(error));
}

static void set_raw(struct termios *settings)
{
    settings->c_iflag = 0;
    settings->c_oflag = 0;
    settings->c_lflag = 0;
    settings->c_cflag &= ~(tcflag_t)(CSIZE | PARENB | CSTOPB | CRTSCTS);
    settings->c_cflag |= CS8 | CREAD | CLOCAL;
    settings->c_cc[VMIN] = 1; /* so that a read of 0 bytes means hung up, not idle */
    settings->c_cc[VTIME] = 0;
}

/* --- Without libserialport --- */

static bool set_speed(struct termios *settings, uint32_t bit_rate)
{
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        if (speeds[i].bit_rate == bit_rate) {
            (void)cfsetispeed(settings, speeds[i].speed);
            (void)cfsetospeed(settings, speeds[i].speed);
            return true;
        }
    }
    return false;
}

static int configure_plain(int fd, const char *path, uint32_t bit_rate, bool is_pty,
                           struct bb_problem *problem)
{
    struct termios settings;
    if (tcgetattr(fd, &settings) != 0) {
        return fail_errno(problem, path, errno);
    }
    set_raw(&settings);
    if (!set_speed(&settings, bit_rate) && !is_pty) {
        return fail_speed(problem, path, bit_rate, EINVAL);
    }
    if (tcsetattr(fd, TCSANOW, &settings) != 0) {
        return fail_errno(problem, path, errno);
    }
    return BB_OK;
}

/* A lock keeps out whoever asks for one, exclusive mode everybody else. Not on a pseudo terminal:
 * the program behind it keeps it open, and so the mode would outlive us. */
static int lock_plain(int fd, const char *path, bool is_pty, struct bb_problem *problem)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || (!is_pty && ioctl(fd, TIOCEXCL) != 0)) {
        return fail_errno(problem, path, errno);
    }
    return BB_OK;
}

static int open_plain(const char *path, uint32_t bit_rate, bool is_pty, struct bb_tty *ret_tty,
                      struct bb_problem *problem)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return fail_errno(problem, path, errno);
    }
    int error = lock_plain(fd, path, is_pty, problem);
    if (error == BB_OK) {
        error = configure_plain(fd, path, bit_rate, is_pty, problem);
    }
    if (error != BB_OK) {
        (void)close(fd);
        return error;
    }
    *ret_tty = (struct bb_tty){.fd = fd};
    return BB_OK;
}

/* --- Devices --- */

static bool configure_device(struct sp_port *device, uint32_t bit_rate)
{
    struct sp_port_config *config = NULL;
    if (sp_new_config(&config) != SP_OK) {
        return false;
    }
    bool done = sp_set_config_baudrate(config, (int)bit_rate) == SP_OK &&
                sp_set_config_bits(config, 8) == SP_OK &&
                sp_set_config_parity(config, SP_PARITY_NONE) == SP_OK &&
                sp_set_config_stopbits(config, 1) == SP_OK &&
                sp_set_config_flowcontrol(config, SP_FLOWCONTROL_NONE) == SP_OK &&
                sp_set_config(device, config) == SP_OK;
    int saved = errno;
    sp_free_config(config);
    errno = saved;
    return done;
}

/* Adapters collect bytes for up to 16 ms before they pass them on; this asks for 1 ms. A request
 * that not every driver grants. */
static void hand_over_at_once(int fd)
{
    struct serial_struct serial;
    memset(&serial, 0, sizeof serial);
    if (ioctl(fd, TIOCGSERIAL, &serial) == 0) {
        serial.flags = (int)((unsigned)serial.flags | ASYNC_LOW_LATENCY);
        (void)ioctl(fd, TIOCSSERIAL, &serial);
    }
}

static int configure_opened(struct sp_port *device, const char *path, uint32_t bit_rate,
                            struct bb_tty *ret_tty, struct bb_problem *problem)
{
    int fd = -1;
    struct termios settings;
    if (!configure_device(device, bit_rate)) {
        return fail_speed(problem, path, bit_rate, errno);
    }
    if (sp_get_port_handle(device, &fd) != SP_OK || tcgetattr(fd, &settings) != 0) {
        return fail_errno(problem, path, errno);
    }
    settings.c_cc[VMIN] = 1; /* as in set_raw; the rest is as libserialport left it */
    settings.c_cc[VTIME] = 0;
    if (tcsetattr(fd, TCSANOW, &settings) != 0) {
        return fail_errno(problem, path, errno);
    }
    *ret_tty = (struct bb_tty){.fd = fd, .device = device};
    return BB_OK;
}

/* libserialport takes the lock and sets exclusive mode. It cannot open ports without modem lines
 * (ENOTTY). */
static int open_device(const char *path, uint32_t bit_rate, struct bb_tty *ret_tty,
                       struct bb_problem *problem)
{
    struct sp_port *device = NULL;
    if (sp_get_port_by_name(path, &device) != SP_OK) {
        return bb_fail(problem, BB_ERR_IO, path, "is no serial port");
    }
    char owner[64];
    if (bb_owner_of_descriptor(path, owner, sizeof owner)) { /* one that does not lock */
        sp_free_port(device);
        return bb_fail(problem, BB_ERR_BUSY, path, "is in use by %s", owner);
    }
    if (sp_open(device, SP_MODE_READ_WRITE) != SP_OK) {
        int saved = errno;
        sp_free_port(device);
        return saved == ENOTTY ? open_plain(path, bit_rate, false, ret_tty, problem)
                               : fail_errno(problem, path, saved);
    }
    int error = configure_opened(device, path, bit_rate, ret_tty, problem);
    if (error != BB_OK) {
        (void)sp_close(device);
        sp_free_port(device);
    }
    return error;
}

int bb_tty_open(const char *path, uint32_t bit_rate, bool hurry, struct bb_tty *ret_tty,
                struct bb_problem *problem)
{
    char resolved[PATH_MAX];
    struct stat status;
    if (!realpath(path, resolved) || stat(resolved, &status) != 0) {
        return fail_errno(problem, path, errno);
    }
    if (!S_ISCHR(status.st_mode)) {
        return bb_fail(problem, BB_ERR_IO, path, "is no serial port");
    }
    unsigned kind = major(status.st_rdev);
    bool is_pty = kind >= PTY_MAJOR_FIRST && kind <= PTY_MAJOR_LAST;
    struct bb_tty tty = {.fd = -1};
    int error = is_pty ? open_plain(resolved, bit_rate, true, &tty, problem)
                       : open_device(resolved, bit_rate, &tty, problem);
    if (error == BB_OK) {
        if (hurry && !is_pty) {
            hand_over_at_once(tty.fd);
        }
        (void)tcflush(tty.fd, TCIOFLUSH);
        *ret_tty = tty;
    } else if (problem) { /* the name the owner of the configuration knows */
        (void)snprintf(problem->where, sizeof problem->where, "%s", path);
    }
    return error;
}

void bb_tty_close(struct bb_tty *tty)
{
    if (tty->device) {
        (void)sp_close(tty->device);
        sp_free_port(tty->device);
    } else if (tty->fd >= 0) {
        (void)close(tty->fd);
    }
    *tty = (struct bb_tty){.fd = -1};
}
