/* Whatever a program sends to a simulated port: every protocol's server must survive it, and its
 * answers must stay within their bounds. First byte: protocol and faults. */
#include <stddef.h>
#include <stdint.h>

#include "services/sim/bench.h"

static const struct bb_sim_pack_setup setup = {
    .cell_count = 32,
    .sensor_count = 4,
    .capacity_ah = 100,
    .soc_percent = 50,
    .deviation_percent = 1,
    .ambient_c = 20,
    .charge_limit_a = 100,
    .discharge_limit_a = 100,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    struct bb_sim_bench bench = {.speed = 1};
    const struct bb_sim_protocol *protocol = bb_sim_protocol_at(data[0] % 3U);
    int64_t now_ms = 0;
    bb_sim_line_init(&bench.line, protocol);
    (void)bb_sim_line_add(&bench.line, "fuzz", protocol->address_default, &setup, 1, NULL);
    bb_sim_bench_connect(&bench);
    bench.line.paced = (data[0] & 0x10) != 0;
    bench.line.echo = (data[0] & 0x20) != 0;
    if ((data[0] & 0x40) != 0) {
        (void)bb_sim_bench_command_text(&bench, "corrupt=50", NULL);
        (void)bb_sim_bench_command_text(&bench, "truncate=50", NULL);
        (void)bb_sim_bench_command_text(&bench, "garbage=50", NULL);
    }
    for (size_t at = 1; at < size;) {
        uint8_t answer[64];
        size_t part = 1 + data[at] % 40U;
        part = part < size - at ? part : size - at;
        bb_sim_line_receive(&bench.line, data + at, part, now_ms);
        now_ms += data[at];
        (void)bb_sim_line_transmit(&bench.line, now_ms, answer, sizeof answer);
        at += part;
    }
    return 0;
}
