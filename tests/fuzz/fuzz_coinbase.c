/* A pool's coinbase transaction: head and tail with a gap of unknown bytes between them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "miner/figures/coinbase.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first two bytes say where the gap is and how long. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const size_t len = size - 2;
    const size_t head_len = len > 0 ? (size_t)data[0] * len / 255 : 0;
    const struct coinbase_parts parts = {.head = data + 2,
                                         .head_len = head_len,
                                         .gap_len = data[1] % 49,
                                         .tail = data + 2 + head_len,
                                         .tail_len = len - head_len};
    struct coinbase coinbase;
    struct hb_err err = {0};
    const bool good = coinbase_read(&parts, &coinbase, &err);
    if (coinbase.reward_sat > COINBASE_MOST_SAT ||
        (coinbase.height_known && coinbase.height > COINBASE_MOST_HEIGHT) ||
        (!good && err.msg[0] == '\0')) {
        abort();
    }
    return 0;
}
