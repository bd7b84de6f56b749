#include "services/mqtt/lookup.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct question {
    int fd;
    char host[];
};

static void look_up(const char *host, int flags, struct bb_addresses *ret_addresses)
{
    const struct addrinfo wanted = {.ai_flags = flags, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    *ret_addresses = (struct bb_addresses){0};
    ret_addresses->failure = getaddrinfo(host, NULL, &wanted, &found);
    if (ret_addresses->failure != 0) {
        return;
    }
    for (const struct addrinfo *a = found; a && ret_addresses->count < BB_ADDRESSES_MAX;
         a = a->ai_next) {
        char *text = ret_addresses->list[ret_addresses->count].text;
        bool usable = a->ai_family == AF_INET || a->ai_family == AF_INET6;
        if (usable && getnameinfo(a->ai_addr, a->ai_addrlen, text, BB_ADDRESS_TEXT, NULL, 0,
                                  NI_NUMERICHOST) == 0) {
            ret_addresses->list[ret_addresses->count].ipv6 = a->ai_family == AF_INET6;
            ret_addresses->count++;
        }
    }
    freeaddrinfo(found);
    ret_addresses->failure = ret_addresses->count > 0 ? 0 : EAI_NONAME;
}

bool bb_lookup_numeric(const char *host, struct bb_addresses *ret_addresses)
{
    struct bb_addresses addresses;
    look_up(host, AI_NUMERICHOST, &addresses);
    if (addresses.failure != 0) {
        return false;
    }
    *ret_addresses = addresses;
    return true;
}

static void *answer(void *arg)
{
    struct question *question = arg;
    struct bb_addresses addresses;
    look_up(question->host, 0, &addresses);
    /* Nobody listens any more when the process is ending. */
    (void)!send(question->fd, &addresses, sizeof addresses, MSG_NOSIGNAL);
    (void)close(question->fd);
    free(question);
    return NULL;
}

/* Signals stay with the event loop's thread. */
static int start_thread(struct question *question)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) {
        return BB_ERR_IO;
    }
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, answer, question);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        return BB_ERR_NO_MEMORY;
    }
    (void)pthread_detach(thread);
    return BB_OK;
}

int bb_lookup_start(const char *host, int *ret_fd)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return BB_ERR_IO;
    }
    size_t size = strlen(host) + 1;
    struct question *question = malloc(sizeof *question + size);
    int error = BB_ERR_NO_MEMORY;
    if (question) {
        question->fd = pair[1];
        memcpy(question->host, host, size);
        error = start_thread(question);
    }
    if (error != BB_OK) {
        free(question);
        (void)close(pair[0]);
        (void)close(pair[1]);
        return error;
    }
    *ret_fd = pair[0];
    return BB_OK;
}

int bb_lookup_take(int fd, struct bb_addresses *ret_addresses)
{
    struct bb_addresses addresses;
    if (recv(fd, &addresses, sizeof addresses, MSG_DONTWAIT) != (ssize_t)sizeof addresses) {
        return BB_ERR_IO;
    }
    *ret_addresses = addresses;
    return BB_OK;
}

const char *bb_lookup_text(int failure)
{
    return gai_strerror(failure);
}
