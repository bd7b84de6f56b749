#include "stub_driver.h"

#include <stdio.h>
#include <string.h>

#define WRITE_STEP 0x80

struct stub {
    const struct stub_spec *spec;
    uint8_t address;
    int64_t period_ms;
    bool up, waiting, writing, write_asked;
    bool state_ready, failed, write_ended, master_seen;
    uint8_t step, write_value;
    unsigned tries;
    int64_t due_ms, cycle_ms, deadline_ms, state_ms;
    size_t used;
    uint8_t buffer[STUB_REPLY_SIZE];
    struct bb_counters counters;
    struct bb_battery battery;
    struct bb_control_result result;
};

static uint8_t xor_of(const uint8_t *data, size_t size)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum ^= data[i];
    }
    return sum;
}

void stub_answer(const uint8_t *request, uint8_t value, uint8_t serial, uint8_t *ret_reply)
{
    const uint8_t reply[] = {0xB5, request[1], request[2], value, serial};
    memcpy(ret_reply, reply, sizeof reply);
    ret_reply[sizeof reply] = xor_of(reply, sizeof reply);
}

static int stub_open(const struct bb_driver *driver, void *self,
                     const struct bb_driver_config *config, struct bb_problem *problem)
{
    struct stub *stub = self;
    if (config->setting_count > 0) {
        return bb_fail(problem, BB_ERR_UNKNOWN, config->settings[0].name, "unknown setting");
    }
    stub->spec = driver->spec;
    stub->address = (uint8_t)config->address;
    stub->period_ms = config->period_ms;
    return BB_OK;
}

static void stub_link(void *self, bool up, int64_t now_ms)
{
    struct stub *stub = self;
    stub->up = up;
    stub->waiting = false;
    stub->used = 0;
    stub->step = 0;
    stub->tries = 0;
    stub->due_ms = now_ms;
    stub->write_asked = false;
}

static void end_poll(struct stub *stub, int64_t now_ms)
{
    stub->step = 0;
    stub->tries = 0;
    stub->due_ms = stub->cycle_ms + stub->period_ms;
    if (stub->due_ms < now_ms) {
        stub->due_ms = now_ms;
    }
}

static void take_reply(struct stub *stub, int64_t now_ms)
{
    const uint8_t *reply = stub->buffer;
    stub->waiting = false;
    stub->counters.replies++;
    if (stub->writing) {
        stub->write_ended = true;
        stub->result = (struct bb_control_result){
            .done = true, .reason = "confirmed", .value = bb_real(stub->write_value)};
        return;
    }
    stub->tries = 0;
    if (stub->step == 0) {
        stub->state_ms = now_ms;
    }
    if (++stub->step < stub->spec->steps) {
        return;
    }
    memset(&stub->battery, 0, sizeof stub->battery);
    stub->battery.voltage = bb_real(reply[3]);
    if (reply[4] != 0) {
        (void)snprintf(stub->battery.serial_number, sizeof stub->battery.serial_number, "SN%d",
                       reply[4]);
    }
    stub->state_ready = true;
    end_poll(stub, now_ms);
}

static void take_frame(struct stub *stub, int64_t now_ms)
{
    uint8_t step = stub->writing ? (uint8_t)(WRITE_STEP + stub->write_value) : stub->step;
    if (xor_of(stub->buffer, STUB_REPLY_SIZE) != 0) {
        stub->counters.checksum_errors++;
    } else if (stub->waiting && stub->buffer[1] == stub->address && stub->buffer[2] == step) {
        take_reply(stub, now_ms);
    } else {
        stub->counters.foreign_frames++;
    }
}

static void stub_receive(void *self, const struct bb_packet *packet, int64_t now_ms)
{
    struct stub *stub = self;
    for (size_t i = 0; i < packet->size; i++) {
        if (stub->used == 0 && packet->data[i] != 0xB5) {
            stub->counters.garbage_bytes++;
            stub->master_seen = stub->master_seen || packet->data[i] == 0xA5;
            continue;
        }
        stub->buffer[stub->used++] = packet->data[i];
        if (stub->used == STUB_REPLY_SIZE) {
            stub->used = 0;
            take_frame(stub, now_ms);
        }
    }
}

static void stub_tick(void *self, int64_t now_ms)
{
    struct stub *stub = self;
    if (!stub->waiting || now_ms < stub->deadline_ms) {
        return;
    }
    stub->waiting = false;
    stub->used = 0;
    stub->counters.timeouts++;
    if (stub->writing) {
        stub->write_ended = true;
        stub->result = (struct bb_control_result){.reason = "no answer"};
    } else if (++stub->tries >= stub->spec->tries) {
        stub->failed = true;
        end_poll(stub, now_ms);
    }
}

static bool stub_next(void *self, int64_t now_ms, struct bb_request *ret_request)
{
    struct stub *stub = self;
    bool in_cycle = stub->step > 0 || stub->tries > 0;
    if (!stub->up || stub->waiting || (!stub->write_asked && !in_cycle && now_ms < stub->due_ms)) {
        return false;
    }
    stub->writing = stub->write_asked;
    uint8_t step = stub->writing ? (uint8_t)(WRITE_STEP + stub->write_value) : stub->step;
    const uint8_t request[] = {0xA5, stub->address, step};
    memcpy(ret_request->data, request, sizeof request);
    ret_request->data[sizeof request] = xor_of(request, sizeof request);
    ret_request->size = STUB_REQUEST_SIZE;
    ret_request->silence_ms = stub->spec->silence_ms;
    return true;
}

static void stub_sent(void *self, int64_t now_ms)
{
    struct stub *stub = self;
    stub->write_asked = false;
    stub->waiting = true;
    stub->deadline_ms = now_ms + stub->spec->timeout_ms;
    stub->counters.requests++;
    if (!stub->writing && stub->step == 0 && stub->tries == 0) {
        stub->cycle_ms = now_ms;
    }
}

static bool stub_waiting(const void *self)
{
    return ((const struct stub *)self)->waiting;
}

static int64_t stub_wake_ms(const void *self)
{
    const struct stub *stub = self;
    if (!stub->up) {
        return BB_NEVER_MS;
    }
    return stub->waiting ? stub->deadline_ms : stub->due_ms;
}

static bool take(bool *flag)
{
    bool was = *flag;
    *flag = false;
    return was;
}

static enum bb_event stub_event(void *self)
{
    struct stub *stub = self;
    if (take(&stub->write_ended)) {
        return BB_EVENT_COMMAND;
    }
    if (take(&stub->state_ready)) {
        return BB_EVENT_STATE;
    }
    if (take(&stub->failed)) {
        return BB_EVENT_FAILED;
    }
    return take(&stub->master_seen) ? BB_EVENT_FOREIGN_MASTER : BB_EVENT_NONE;
}

static void stub_battery(const void *self, struct bb_battery *ret_battery, int64_t *ret_time_ms)
{
    const struct stub *stub = self;
    *ret_battery = stub->battery;
    *ret_time_ms = stub->state_ms;
}

static const struct bb_counters *stub_counters(const void *self)
{
    return &((const struct stub *)self)->counters;
}

static int stub_command(void *self, const struct bb_control *control, int64_t now_ms,
                        struct bb_problem *problem)
{
    struct stub *stub = self;
    (void)now_ms;
    if (strcmp(control->verb, "charge_fet") != 0) {
        return bb_fail(problem, BB_ERR_UNSUPPORTED, control->verb, "unknown verb");
    }
    if (stub->write_asked) {
        return bb_fail(problem, BB_ERR_BUSY, control->verb, "one at a time");
    }
    stub->write_asked = true;
    stub->write_value = (uint8_t)control->value;
    return BB_OK;
}

static void stub_result(const void *self, struct bb_control_result *ret_result)
{
    *ret_result = ((const struct stub *)self)->result;
}

static const struct bb_driver_ops stub_ops = {
    .open = stub_open,
    .link = stub_link,
    .receive = stub_receive,
    .tick = stub_tick,
    .next = stub_next,
    .sent = stub_sent,
    .waiting = stub_waiting,
    .wake_ms = stub_wake_ms,
    .event = stub_event,
    .battery = stub_battery,
    .counters = stub_counters,
    .command = stub_command,
    .result = stub_result,
};

static const struct bb_transport stub_transport = {
    .medium = BB_MEDIUM_SERIAL,
    .bit_rate = 9600,
    .address_first = 1,
    .address_last = 250,
    .address_default = 1,
    .period_ms = 1000,
};

struct bb_driver stub_driver(const struct stub_spec *spec)
{
    return (struct bb_driver){.id = "stub",
                              .title = "Stub",
                              .transports = &stub_transport,
                              .transport_count = 1,
                              .state_size = sizeof(struct stub),
                              .ops = &stub_ops,
                              .spec = spec};
}
