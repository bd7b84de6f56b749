/* A pseudo terminal under a stable path, for tests that need a port to open, pull out and plug
 * in again. */
#ifndef BUSBAR_TESTS_PTY_H
#define BUSBAR_TESTS_PTY_H

struct pty {
    int master_fd; /* -1: unplugged */
    char folder[32];
    char path[64]; /* a link in a temporary folder */
};

void pty_set_up(struct pty *pty);
void pty_tear_down(struct pty *pty);
void pty_plug_in(struct pty *pty);
void pty_pull_out(struct pty *pty);

/* Waits until events (poll) happen at fd; false after two seconds. */
int pty_wait(int fd, short events);

#endif
