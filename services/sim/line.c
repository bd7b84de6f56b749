#include "services/sim/line.h"

#include <string.h>

/* A request that pauses for longer than this inside was cut: the rest never comes. */
#define REQUEST_GAP_MS 200
#define BITS_PER_BYTE 10 /* 8N1 */

void bb_sim_line_init(struct bb_sim_line *line, const struct bb_sim_protocol *protocol)
{
    *line = (struct bb_sim_line){
        .protocol = protocol,
        .turnaround_ms = protocol->turnaround_ms,
        .bit_rate = protocol->bit_rate,
    };
}

struct bb_sim_board *bb_sim_line_find(struct bb_sim_line *line, uint16_t address)
{
    for (unsigned i = 0; i < line->board_count; i++) {
        if (line->boards[i].address == address) {
            return &line->boards[i];
        }
    }
    return NULL;
}

struct bb_sim_board *bb_sim_line_add(struct bb_sim_line *line, const char *name, uint16_t address,
                                     const struct bb_sim_pack_setup *setup, uint64_t seed,
                                     struct bb_problem *problem)
{
    const struct bb_sim_protocol *protocol = line->protocol;
    if (address < protocol->address_first || address > protocol->address_last) {
        (void)bb_fail(problem, BB_ERR_RANGE, "addresses", "%s has 0x%02x to 0x%02x, not 0x%02x",
                      protocol->id, protocol->address_first, protocol->address_last, address);
        return NULL;
    }
    if (bb_sim_line_find(line, address) != NULL) {
        (void)bb_fail(problem, BB_ERR_DUPLICATE, "addresses", "0x%02x twice", address);
        return NULL;
    }
    if (line->board_count == BB_SIM_PACKS_MAX) {
        (void)bb_fail(problem, BB_ERR_OVERSIZE, "addresses", "more than %d", BB_SIM_PACKS_MAX);
        return NULL;
    }
    struct bb_sim_board *board = &line->boards[line->board_count++];
    bb_sim_board_init(board, name, address, setup, seed);
    return board;
}

void bb_sim_line_reset(struct bb_sim_line *line)
{
    line->received_size = 0;
    memset(line->queue, 0, sizeof(line->queue));
}

static struct bb_sim_answer *free_slot(struct bb_sim_line *line)
{
    for (size_t i = 0; i < BB_SIM_LINE_ANSWERS; i++) {
        if (line->queue[i].size == 0) {
            return &line->queue[i];
        }
    }
    return NULL;
}

static void queue_echo(struct bb_sim_line *line, const uint8_t *data, size_t size, int64_t now_ms)
{
    while (size > 0) {
        struct bb_sim_answer *slot = free_slot(line);
        if (slot == NULL) {
            return;
        }
        slot->start_ms = now_ms;
        slot->sent = 0;
        slot->size = size < sizeof(slot->data) ? size : sizeof(slot->data);
        memcpy(slot->data, data, slot->size);
        data += slot->size;
        size -= slot->size;
    }
}

/* The request as another board would have understood it. On a wire without addresses the
 * answer names another register instead. */
static void misdirect(const struct bb_sim_protocol *protocol, struct bb_sim_request *request)
{
    if (protocol->address_first == protocol->address_last) {
        request->code ^= 0x07;
        return;
    }
    request->address =
        request->address == protocol->address_last ? protocol->address_first : request->address + 1;
}

static void answer_request(struct bb_sim_line *line, struct bb_sim_request *request, int64_t now_ms)
{
    struct bb_sim_board *board = bb_sim_line_find(line, request->address);
    if (board == NULL || board->faults.value[BB_SIM_FAULT_SILENCE] != 0 ||
        bb_sim_fault_strikes(&board->faults, BB_SIM_FAULT_LOSS)) {
        return;
    }
    struct bb_sim_answer *slot = free_slot(line);
    if (slot == NULL) {
        return;
    }
    if (bb_sim_fault_strikes(&board->faults, BB_SIM_FAULT_WRONG_ADDRESS)) {
        misdirect(line->protocol, request);
    }
    size_t size = line->protocol->answer(board, request, slot->data);
    slot->size = bb_sim_faults_damage(&board->faults, slot->data, size);
    slot->sent = 0;
    slot->start_ms =
        now_ms + line->turnaround_ms + (int64_t)board->faults.value[BB_SIM_FAULT_DELAY];
    line->answers += slot->size > 0 ? 1 : 0;
}

static void drop_received(struct bb_sim_line *line, size_t size)
{
    line->received_size -= size;
    memmove(line->received, line->received + size, line->received_size);
}

static void parse_received(struct bb_sim_line *line, int64_t now_ms)
{
    while (line->received_size > 0) {
        struct bb_sim_request request;
        int size = line->protocol->parse(line->received, line->received_size, &request);
        if (size == 0) {
            return;
        }
        if (size < 0) {
            drop_received(line, 1);
            continue;
        }
        line->requests++;
        drop_received(line, (size_t)size);
        answer_request(line, &request, now_ms);
    }
}

void bb_sim_line_receive(struct bb_sim_line *line, const uint8_t *data, size_t size, int64_t now_ms)
{
    if (line->echo) {
        queue_echo(line, data, size, now_ms);
    }
    if (now_ms - line->received_ms > REQUEST_GAP_MS) {
        line->received_size = 0;
    }
    line->received_ms = now_ms;
    for (size_t i = 0; i < size; i++) {
        if (line->received_size == sizeof(line->received)) {
            drop_received(line, 1);
        }
        line->received[line->received_size++] = data[i];
        parse_received(line, now_ms);
    }
}

/* The answer under way, else the one that starts first; NULL: none. */
static const struct bb_sim_answer *current_answer(const struct bb_sim_line *line)
{
    const struct bb_sim_answer *found = NULL;
    for (size_t i = 0; i < BB_SIM_LINE_ANSWERS; i++) {
        const struct bb_sim_answer *answer = &line->queue[i];
        if (answer->sent > 0) {
            return answer;
        }
        if (answer->size > 0 && (found == NULL || answer->start_ms < found->start_ms)) {
            found = answer;
        }
    }
    return found;
}

/* Bytes of an answer that have left at now_ms. */
static size_t due(const struct bb_sim_line *line, const struct bb_sim_answer *answer,
                  int64_t now_ms)
{
    int64_t start_ms = answer->start_ms > line->idle_ms ? answer->start_ms : line->idle_ms;
    if (now_ms < start_ms) {
        return 0;
    }
    if (!line->paced) {
        return answer->size;
    }
    int64_t bytes = (now_ms - start_ms) * line->bit_rate / (1000LL * BITS_PER_BYTE);
    return bytes < (int64_t)answer->size ? (size_t)bytes : answer->size;
}

size_t bb_sim_line_transmit(struct bb_sim_line *line, int64_t now_ms, uint8_t *buffer,
                            size_t capacity)
{
    size_t taken = 0;
    const struct bb_sim_answer *next = NULL;
    while (taken < capacity && (next = current_answer(line)) != NULL) {
        struct bb_sim_answer *answer = &line->queue[next - line->queue];
        size_t ready = due(line, answer, now_ms) - answer->sent;
        size_t part = ready < capacity - taken ? ready : capacity - taken;
        memcpy(buffer + taken, answer->data + answer->sent, part);
        answer->sent += part;
        taken += part;
        if (answer->sent < answer->size) {
            break;
        }
        *answer = (struct bb_sim_answer){0};
        line->idle_ms = line->paced ? now_ms : line->idle_ms;
    }
    return taken;
}

int64_t bb_sim_line_wake_ms(const struct bb_sim_line *line)
{
    const struct bb_sim_answer *answer = current_answer(line);
    if (answer == NULL) {
        return INT64_MAX;
    }
    if (!line->paced) {
        return answer->start_ms;
    }
    int64_t start_ms = answer->start_ms > line->idle_ms ? answer->start_ms : line->idle_ms;
    int64_t bits = ((int64_t)answer->sent + 1) * BITS_PER_BYTE;
    return start_ms + (bits * 1000 + line->bit_rate - 1) / line->bit_rate;
}
