/* How fast the serial reader polls, compared with what the wire itself takes.
 *
 *   bench_wire [--seconds N] [--think MS] [--chunk MS] [--programs FOLDER] [PROTOCOL ...]
 *
 * Starts the real bus and the real reader (poll_interval = 0) on a pseudo terminal and plays the
 * BMS behind it in real time: a request takes its bytes' time at the bit rate, then the BMS
 * thinks, then the answer arrives byte by byte, each at its own moment. For every exchange the
 * wire's own time is request + think + answer + the pause the protocol demands before the next
 * request; the reader is measured by what it takes longer than that. --chunk plays an adapter
 * that hands over what came every so many ms. _GNU_SOURCE is set by the build.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/bms/driver.h"
#include "services/sim/line.h"

#define WARM_UP_US 4000000
#define BITS_PER_BYTE 10
#define PATIENCE_MS 15000
#define REQUEST_KINDS 32

struct options {
    int seconds;
    int think_ms;
    int chunk_ms;
    const char *programs;
};

struct bench {
    const struct bb_sim_protocol *protocol;
    struct options options;
    uint32_t silence_ms;
    char folder[32];
    int master_fd, slave_fd;
    pid_t bus, reader;
    struct bb_sim_line line;
};

/* What happened while it was measured. */
struct tally {
    int64_t began_us, last_us;
    int64_t ideal_us;
    int64_t least_pause_us;
    int64_t answered_us; /* end of the last answer */
    unsigned exchanges;
    int64_t cpu_ns;
    struct {
        size_t size;
        uint8_t data[BB_REQUEST_MAX];
        unsigned count;
    } kinds[REQUEST_KINDS];
};

static int64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void sleep_until(int64_t when_us)
{
    struct timespec when = {.tv_sec = when_us / 1000000, .tv_nsec = when_us % 1000000 * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) != 0) {
    }
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* --- The programs under test --- */

static void write_config(const struct bench *bench)
{
    char path[64];
    (void)snprintf(path, sizeof path, "%s/conf", bench->folder);
    FILE *file = fopen(path, "w");
    const char *port = ptsname(bench->master_fd);
    if (!file || !port ||
        fprintf(file,
                "[busbar]\nlog_level = warning\n"
                "[serial bench]\ndevice = %s\ndriver = %s\npoll_interval = 0\n",
                port, bench->protocol->id) < 0 ||
        fclose(file) != 0) {
        die("configuration");
    }
}

static pid_t start(const struct bench *bench, const char *program, const char *section)
{
    char path[4096];
    char config[64];
    (void)snprintf(path, sizeof path, "%s/busbar-%s", bench->options.programs, program);
    (void)snprintf(config, sizeof config, "%s/conf", bench->folder);
    pid_t pid = fork();
    if (pid < 0) {
        die("fork");
    }
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)close(bench->master_fd);
        (void)close(bench->slave_fd);
        (void)execl(path, path, "--config", config, "--run-dir", bench->folder, "--state-dir",
                    bench->folder, section ? "--section" : (char *)NULL, section, (char *)NULL);
        die(path);
    }
    return pid;
}

static void end(pid_t pid)
{
    (void)kill(pid, SIGTERM);
    (void)waitpid(pid, NULL, 0);
}

static void remove_folder(const struct bench *bench)
{
    static const char *const files[] = {"conf", "bus.pub", "bus.sub", "serial-bench.json"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s/%s", bench->folder, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(bench->folder);
}

/* CPU time the reader has used, in ns. */
static int64_t cpu_ns(pid_t pid)
{
    char path[64];
    char text[128] = "";
    (void)snprintf(path, sizeof path, "/proc/%ld/schedstat", (long)pid);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(text, sizeof text, file)) {
        die(path);
    }
    (void)fclose(file);
    return strtoll(text, NULL, 10);
}

/* --- The BMS --- */

static int64_t bytes_us(const struct bench *bench, size_t bytes)
{
    return (int64_t)bytes * BITS_PER_BYTE * 1000000 / bench->protocol->bit_rate;
}

static void count_kind(struct tally *tally, const uint8_t *request, size_t size)
{
    for (size_t i = 0; i < REQUEST_KINDS; i++) {
        if (tally->kinds[i].count == 0) {
            tally->kinds[i].size = size;
            memcpy(tally->kinds[i].data, request, size);
        }
        if (tally->kinds[i].size == size && memcmp(tally->kinds[i].data, request, size) == 0) {
            tally->kinds[i].count++;
            return;
        }
    }
}

/* States read: every one needs the request that is sent most often. */
static unsigned states(const struct tally *tally)
{
    unsigned most = 0;
    for (size_t i = 0; i < REQUEST_KINDS; i++) {
        most = tally->kinds[i].count > most ? tally->kinds[i].count : most;
    }
    return most;
}

/* Waits for a request; its bytes come at once, as they are written at once. */
static size_t hear(const struct bench *bench, uint8_t *ret_request, int64_t *ret_heard_us)
{
    struct pollfd item = {.fd = bench->master_fd, .events = POLLIN};
    if (poll(&item, 1, PATIENCE_MS) != 1) {
        (void)fprintf(stderr, "the reader asks nothing\n");
        exit(1);
    }
    *ret_heard_us = now_us();
    ssize_t size = read(bench->master_fd, ret_request, BB_REQUEST_MAX);
    if (size <= 0) {
        die("read");
    }
    return (size_t)size;
}

/* Hands the answer over byte by byte, or what came by each end of a chunk. */
static void deliver(const struct bench *bench, const uint8_t *answer, size_t size, int64_t start_us)
{
    int64_t chunk_us = (int64_t)bench->options.chunk_ms * 1000;
    int64_t handed_us = start_us;
    size_t handed = 0;
    while (handed < size) {
        handed_us = chunk_us > 0 ? handed_us + chunk_us : start_us + bytes_us(bench, handed + 1);
        size_t there = handed;
        while (there < size && start_us + bytes_us(bench, there + 1) <= handed_us) {
            there++;
        }
        sleep_until(handed_us);
        ssize_t written = write(bench->master_fd, answer + handed, there - handed);
        if (written != (ssize_t)(there - handed)) {
            die("write");
        }
        handed = there;
    }
}

/* Plays one exchange and adds it to tally. */
static void exchange(struct bench *bench, struct tally *tally)
{
    uint8_t request[BB_REQUEST_MAX];
    uint8_t answer[BB_SIM_ANSWER_MAX];
    int64_t heard_us = 0;
    size_t size = hear(bench, request, &heard_us);
    bb_sim_line_receive(&bench->line, request, size, heard_us / 1000);
    size_t answer_size = bb_sim_line_transmit(&bench->line, heard_us / 1000, answer, sizeof answer);
    int64_t think_us = (int64_t)bench->options.think_ms * 1000;
    int64_t start_us = heard_us + bytes_us(bench, size) + think_us;
    deliver(bench, answer, answer_size, start_us);
    int64_t pause_us = heard_us - tally->answered_us;
    if (tally->exchanges > 0 && pause_us < tally->least_pause_us) {
        tally->least_pause_us = pause_us;
    }
    tally->answered_us = start_us + bytes_us(bench, answer_size);
    tally->ideal_us += tally->answered_us - heard_us + (int64_t)bench->silence_ms * 1000;
    tally->last_us = heard_us;
    tally->exchanges++;
    count_kind(tally, request, size);
}

/* Runs from the start of one exchange to the start of another. */
static void measure(struct bench *bench, int64_t duration_us, struct tally *ret_tally)
{
    struct tally tally = {.least_pause_us = INT64_MAX, .began_us = now_us()};
    exchange(bench, &tally); /* where it begins is somewhere inside: the next one counts */
    tally = (struct tally){.least_pause_us = INT64_MAX,
                           .answered_us = tally.answered_us,
                           .began_us = tally.answered_us + (int64_t)bench->silence_ms * 1000};
    int64_t used_ns = cpu_ns(bench->reader);
    while (tally.last_us - tally.began_us < duration_us) {
        exchange(bench, &tally);
    }
    tally.last_us = tally.answered_us + (int64_t)bench->silence_ms * 1000;
    tally.cpu_ns = cpu_ns(bench->reader) - used_ns;
    *ret_tally = tally;
}

static void report(const struct bench *bench, const struct tally *tally)
{
    double states_read = states(tally);
    double measured_ms = (double)(tally->last_us - tally->began_us) / 1000 / states_read;
    double ideal_ms = (double)tally->ideal_us / 1000 / states_read;
    (void)printf("%-6s %6u bit/s  think %3d ms  %4.0f states of %4.1f exchanges  wire %7.1f ms  "
                 "measured %7.1f ms  +%.1f %%  pause %5.1f ms (needs %u)  CPU %.2f ms\n",
                 bench->protocol->id, (unsigned)bench->protocol->bit_rate, bench->options.think_ms,
                 states_read, tally->exchanges / states_read, ideal_ms, measured_ms,
                 (measured_ms / ideal_ms - 1) * 100, (double)tally->least_pause_us / 1000,
                 (unsigned)bench->silence_ms, (double)tally->cpu_ns / 1e6 / states_read);
    (void)fflush(stdout);
}

static void open_port(struct bench *bench)
{
    bench->master_fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (bench->master_fd < 0 || grantpt(bench->master_fd) != 0 || unlockpt(bench->master_fd) != 0 ||
        !ptsname(bench->master_fd)) {
        die("pseudo terminal");
    }
    bench->slave_fd = open(ptsname(bench->master_fd), O_RDWR | O_NOCTTY);
    if (bench->slave_fd < 0) {
        die("pseudo terminal");
    }
}

static void run(const struct options *options, const struct bb_sim_protocol *protocol)
{
    static const struct bb_sim_pack_setup setup = {.cell_count = 16,
                                                   .sensor_count = 2,
                                                   .capacity_ah = 100,
                                                   .soc_percent = 50,
                                                   .ambient_c = 20,
                                                   .charge_limit_a = 100,
                                                   .discharge_limit_a = 100};
    struct bench *bench = calloc(1, sizeof *bench);
    struct tally *tally = calloc(1, sizeof *tally);
    const struct bb_driver *driver = bb_driver_find(protocol->id);
    if (!bench || !tally || !driver) {
        die(protocol->id);
    }
    bench->protocol = protocol;
    bench->options = *options;
    bench->silence_ms = bb_driver_transport(driver, BB_MEDIUM_SERIAL)->silence_ms;
    (void)snprintf(bench->folder, sizeof bench->folder, "/tmp/bbbenchXXXXXX");
    if (!mkdtemp(bench->folder)) {
        die(bench->folder);
    }
    open_port(bench);
    write_config(bench);
    bb_sim_line_init(&bench->line, protocol);
    bench->line.turnaround_ms = 0;
    if (!bb_sim_line_add(&bench->line, "bench", protocol->address_default, &setup, 1, NULL)) {
        die("board");
    }
    bench->bus = start(bench, "bus", NULL);
    bench->reader = start(bench, "serial", "bench");
    measure(bench, WARM_UP_US, tally);
    measure(bench, (int64_t)options->seconds * 1000000, tally);
    report(bench, tally);
    end(bench->reader);
    end(bench->bus);
    (void)close(bench->slave_fd);
    (void)close(bench->master_fd);
    remove_folder(bench);
    free(tally);
    free(bench);
}

/* The programs of the build this one belongs to: ../libexec/busbar. */
static const char *default_programs(void)
{
    static char folder[4096];
    ssize_t size = readlink("/proc/self/exe", folder, sizeof folder - 32);
    for (int i = 0; i < 2 && size > 0; i++) {
        while (size > 0 && folder[size - 1] != '/') {
            size--;
        }
        size -= i == 0 ? 1 : 0;
    }
    (void)snprintf(folder + (size > 0 ? size : 0), 32, "libexec/busbar");
    return folder;
}

int main(int argc, char **argv)
{
    struct options options = {.seconds = 30, .think_ms = 40, .programs = default_programs()};
    bool ran = false;
    (void)prctl(PR_SET_TIMERSLACK, 1);
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        const struct bb_sim_protocol *protocol = bb_sim_protocol_find(argv[i]);
        if (strcmp(argv[i], "--seconds") == 0) {
            options.seconds = (int)strtol(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--think") == 0) {
            options.think_ms = (int)strtol(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--chunk") == 0) {
            options.chunk_ms = (int)strtol(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--programs") == 0) {
            options.programs = value;
            i++;
        } else if (protocol) {
            run(&options, protocol);
            ran = true;
        } else {
            (void)fprintf(stderr, "usage: bench_wire [--seconds N] [--think MS] [--chunk MS] "
                                  "[--programs FOLDER] [jbd|daly|jk-pb ...]\n");
            return 1;
        }
    }
    const struct bb_sim_protocol *protocol;
    for (size_t i = 0; !ran && (protocol = bb_sim_protocol_at(i)) != NULL; i++) {
        run(&options, protocol);
    }
    return 0;
}
