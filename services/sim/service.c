#include "services/sim/service.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/sim/settings.h"
#include "services/sim/wire_can.h"
#include "services/sim/wire_pty.h"

#define STEP_MS 500

struct sim {
    struct bb_sim_bench bench;
    struct bb_sim_settings settings;
    struct bb_wire_pty *wire; /* one of the two */
    struct bb_wire_can *can;
    int64_t stepped_ms;
    bool stopped; /* no fresh decision: charger and inverter stand still */
    struct bb_message reply;
};

static const char *batteries(unsigned count)
{
    return count == 1 ? "battery" : "batteries";
}

/* --- Time --- */

static void say_status(struct bb_actor *actor, const struct sim *sim)
{
    const struct bb_sim_plant *plant = &sim->bench.plant;
    double soc = 0;
    for (unsigned i = 0; i < plant->count; i++) {
        soc += bb_sim_pack_soc(plant->packs[i]) / plant->count;
    }
    bb_actor_status(actor, "%s, %u %s, %.1f V, %.0f A, %.0f %%%s", sim->bench.line.protocol->id,
                    plant->count, batteries(plant->count), plant->voltage_v, plant->current_a, soc,
                    sim->stopped ? ", waiting for charge limits" : "");
}

static void note_limits(struct bb_actor *actor, struct sim *sim, int64_t now_ms)
{
    bool stopped = !bb_sim_bench_limits(&sim->bench, now_ms).valid;
    if (stopped != sim->stopped) {
        bb_actor_log(actor, BB_LOG_INFO,
                     stopped ? "no fresh charge limits from %s: charger and inverter stop"
                             : "charger and inverter obey %s",
                     sim->bench.obeys_bank ? sim->settings.bank : "the batteries");
    }
    sim->stopped = stopped;
}

static void on_step(struct bb_actor *actor, void *arg)
{
    struct sim *sim = arg;
    int64_t now_ms = bb_actor_now(actor);
    note_limits(actor, sim, now_ms);
    bb_sim_bench_step(&sim->bench, now_ms, now_ms - sim->stepped_ms);
    sim->stepped_ms = now_ms;
    if (sim->wire != NULL) {
        bb_wire_pty_maintain(sim->wire);
    }
    say_status(actor, sim);
}

/* --- Bus --- */

/* Address of the battery a command's id means: "<name>" all, "<name>-0x02" one. False: it is
 * for another process. */
static bool is_for_us(const struct bb_actor *actor, const char *id, int *ret_address)
{
    const char *name = bb_actor_name(actor);
    size_t size = strlen(name);
    if (strncmp(id, name, size) != 0) {
        return false;
    }
    if (id[size] == '\0') {
        *ret_address = BB_SIM_ALL_BOARDS;
        return true;
    }
    char *end = NULL;
    if (strncmp(id + size, "-0x", 3) != 0) {
        return false;
    }
    unsigned long address = strtoul(id + size + 1, &end, 16);
    if (end == id + size + 3 || *end != '\0' || address > UINT16_MAX) {
        return false;
    }
    *ret_address = (int)address;
    return true;
}

static void send_reply(struct bb_actor *actor, struct sim *sim, const char *id,
                       const struct bb_command *command, const char *failure)
{
    struct bb_message *message = &sim->reply;
    memset(message, 0, sizeof(*message));
    message->topic_class = BB_TOPIC_REPLY;
    if (bb_topic_make(message->topic, sizeof(message->topic), BB_TOPIC_REPLY, id) != BB_OK) {
        return;
    }
    struct bb_reply *reply = &message->body.reply;
    memcpy(reply->correlation, command->correlation, sizeof(reply->correlation));
    memcpy(reply->verb, command->verb, sizeof(reply->verb));
    reply->done = bb_flag(failure == NULL);
    reply->value = command->value;
    if (failure != NULL) {
        (void)snprintf(reply->reason, sizeof(reply->reason), "%s", failure);
    }
    (void)bb_actor_publish(actor, message, 0);
}

static int vanish(struct sim *sim, struct bb_problem *problem)
{
    if (sim->can != NULL) {
        bb_wire_can_vanish(sim->can, sim->bench.vanished);
        return BB_OK;
    }
    return bb_wire_pty_vanish(sim->wire, sim->bench.vanished, problem);
}

static void obey_command(struct bb_actor *actor, struct sim *sim, const struct bb_message *message)
{
    const struct bb_command *command = &message->body.command;
    const char *id = bb_message_id(message);
    struct bb_problem problem = {0};
    int address = BB_SIM_ALL_BOARDS;
    if (!is_for_us(actor, id, &address)) {
        return;
    }
    double value = command->value.present ? command->value.value : 1;
    int error = bb_sim_bench_command(&sim->bench, address, command->verb, value, &problem);
    if (error == BB_OK) {
        error = vanish(sim, &problem);
    }
    if (error == BB_OK) {
        bb_actor_log(actor, BB_LOG_INFO, "%s: %s = %g", id, command->verb, value);
        send_reply(actor, sim, id, command, NULL);
        return;
    }
    char failure[sizeof(problem.where) + sizeof(problem.what) + 2];
    (void)snprintf(failure, sizeof(failure), "%s: %s", problem.where, problem.what);
    bb_actor_log(actor, BB_LOG_WARNING, "%s: not done: %s", id, failure);
    send_reply(actor, sim, id, command, failure);
}

static void on_message(struct bb_actor *actor, void *self, const struct bb_message *message)
{
    struct sim *sim = self;
    if (message->topic_class == BB_TOPIC_COMMAND) {
        obey_command(actor, sim, message);
    } else if (message->topic_class == BB_TOPIC_CHARGE && sim->bench.obeys_bank &&
               strcmp(bb_message_id(message), sim->settings.bank) == 0) {
        bb_sim_bench_obey(&sim->bench, &message->body.charge, message->head.mono_ms.value);
    }
}

/* --- Life --- */

static int open_can(struct bb_actor *actor, struct sim *sim, struct bb_problem *problem)
{
    int error =
        bb_wire_can_new(actor, &sim->bench.line, sim->settings.interface, &sim->can, problem);
    if (error == BB_OK) {
        bb_wire_can_vanish(sim->can, sim->bench.vanished);
        bb_actor_log(actor, BB_LOG_INFO, "%s: %u %s on %s", sim->bench.line.protocol->title,
                     sim->bench.line.board_count, batteries(sim->bench.line.board_count),
                     sim->settings.interface);
    }
    return error;
}

static int open_wire(struct bb_actor *actor, struct sim *sim, struct bb_problem *problem)
{
    if (sim->bench.line.protocol->can) {
        return open_can(actor, sim, problem);
    }
    char link[PATH_MAX];
    const char *wanted = sim->settings.link;
    int size = 0;
    if (wanted[0] == '/' || strcmp(wanted, "none") == 0) {
        size = snprintf(link, sizeof(link), "%s", wanted[0] == '/' ? wanted : "");
    } else {
        size = snprintf(link, sizeof(link), "%s/%s", bb_actor_run_dir(actor),
                        wanted[0] != '\0' ? wanted : bb_actor_name(actor));
    }
    if (size < 0 || (size_t)size >= sizeof(link)) {
        return bb_fail(problem, BB_ERR_CONFIG, "link", "path too long");
    }
    int error =
        bb_wire_pty_new(actor, &sim->bench.line, link, sim->settings.baud, &sim->wire, problem);
    if (error != BB_OK) {
        return error;
    }
    bb_actor_log(actor, BB_LOG_INFO, "%s: %u %s on %s (%s), %u bit/s",
                 sim->bench.line.protocol->title, sim->bench.line.board_count,
                 batteries(sim->bench.line.board_count),
                 link[0] != '\0' ? link : bb_wire_pty_port(sim->wire), bb_wire_pty_port(sim->wire),
                 (unsigned)sim->settings.baud);
    return bb_wire_pty_vanish(sim->wire, sim->bench.vanished, problem);
}

static int start(struct bb_actor *actor, void *self)
{
    struct sim *sim = self;
    struct bb_problem problem = {0};
    int error = bb_sim_settings_load(bb_actor_config(actor), bb_actor_section(actor), &sim->bench,
                                     &sim->settings, &problem);
    if (error == BB_OK) {
        error = open_wire(actor, sim, &problem);
    }
    if (error != BB_OK) {
        bb_actor_log(actor, BB_LOG_ERROR, "%s: %s", problem.where, problem.what);
        return error;
    }
    sim->stepped_ms = bb_actor_now(actor);
    on_step(actor, sim);
    int timer = bb_actor_every(actor, STEP_MS, on_step, sim);
    return timer > 0 ? BB_OK : timer;
}

static int start_alone(struct bb_actor *actor, void *self)
{
    const struct sim *sim = self;
    int error = start(actor, self);
    if (error == BB_OK) {
        (void)printf("%s\n",
                     sim->can != NULL ? sim->settings.interface : bb_wire_pty_port(sim->wire));
        (void)fflush(stdout);
    }
    return error;
}

static void stop(struct bb_actor *actor, void *self)
{
    (void)actor;
    struct sim *sim = self;
    bb_wire_pty_destroy(&sim->wire);
    bb_wire_can_destroy(&sim->can);
}

static const char *const subscriptions[] = {"charge/", "command/sim", NULL};

const struct bb_service bb_sim_service = {
    .program = "sim",
    .subscriptions = subscriptions,
    .start = start,
    .stop = stop,
    .message = on_message,
    .self_size = sizeof(struct sim),
};

const struct bb_service bb_sim_service_alone = {
    .program = "sim",
    .subscriptions = subscriptions,
    .start = start_alone,
    .stop = stop,
    .message = on_message,
    .self_size = sizeof(struct sim),
};
