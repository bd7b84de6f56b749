#include "pty.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void pty_set_up(struct pty *pty)
{
    memset(pty, 0, sizeof *pty);
    pty->master_fd = -1;
    (void)snprintf(pty->folder, sizeof pty->folder, "/tmp/bbptyXXXXXX");
    assert_non_null(mkdtemp(pty->folder));
    (void)snprintf(pty->path, sizeof pty->path, "%s/port", pty->folder);
}

void pty_tear_down(struct pty *pty)
{
    pty_pull_out(pty);
    assert_int_equal(rmdir(pty->folder), 0);
}

void pty_plug_in(struct pty *pty)
{
    pty->master_fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(pty->master_fd >= 0);
    assert_int_equal(grantpt(pty->master_fd), 0);
    assert_int_equal(unlockpt(pty->master_fd), 0);
    const char *name = ptsname(pty->master_fd);
    assert_non_null(name);
    assert_int_equal(symlink(name, pty->path), 0);
}

void pty_pull_out(struct pty *pty)
{
    if (pty->master_fd >= 0) {
        assert_int_equal(unlink(pty->path), 0);
        assert_int_equal(close(pty->master_fd), 0);
        pty->master_fd = -1;
    }
}

int pty_wait(int fd, short events)
{
    struct pollfd item = {.fd = fd, .events = events};
    return poll(&item, 1, 2000) == 1;
}
