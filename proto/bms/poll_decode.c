/* From images to a state. */
#include <string.h>

#include "proto/bms/poll_internal.h"

bool bb_poll_has_image(const struct bb_poll *poll, size_t item, int64_t now_ms)
{
    const struct bb_poll_slot *slot = &poll->slots[item];
    int64_t max_age_ms = poll->spec->items[item].max_age_ms;
    return slot->time_ms >= 0 && (max_age_ms == 0 || now_ms - slot->time_ms <= max_age_ms);
}

const uint8_t *bb_poll_image(const struct bb_poll_view *view, size_t item, size_t *ret_size)
{
    if (!bb_poll_has_image(view->poll, item, view->now_ms)) {
        return NULL;
    }
    *ret_size = view->poll->slots[item].size;
    return view->poll->pool + view->poll->slots[item].at;
}

int64_t bb_poll_age_ms(const struct bb_poll_view *view, size_t item)
{
    int64_t time_ms = view->poll->slots[item].time_ms;
    return time_ms < 0 ? BB_NEVER_MS : view->now_ms - time_ms;
}

static void decode_item(const struct bb_poll_view *view, const struct bb_poll_item *item,
                        const uint8_t *data, size_t size, struct bb_decode *into)
{
    bb_rows_decode(item->rows, item->row_count, data, size, into);
    bb_bits_decode(item->bits, item->bit_count, data, size, into);
    if (item->cells && !bb_cells_decode(item->cells, data, size, into)) {
        into->rejected++;
    }
    bb_balance_decode(item->balance, item->balance_count, data, size, into);
    if (item->decode) {
        item->decode(view, data, size, into);
    }
}

void bb_poll_decode(struct bb_poll *poll, int64_t now_ms)
{
    const struct bb_poll_spec *spec = poll->spec;
    memset(&poll->battery, 0, sizeof poll->battery);
    struct bb_decode into = {.battery = &poll->battery};
    struct bb_poll_view view = bb_poll_view_at(poll, now_ms);
    for (size_t i = 0; i < spec->item_count; i++) {
        size_t size;
        const uint8_t *data = bb_poll_image(&view, i, &size);
        if (data) {
            decode_item(&view, &spec->items[i], data, size, &into);
        }
    }
    if (spec->finish) {
        spec->finish(&view, &into);
    }
    poll->counters.rejected_values += into.rejected;
}
