#include "miner/solo/merkle.h"

#include <string.h>

#include "miner/kernel/sha256.h"

static void hash_pair(const uint8_t left[32], const uint8_t right[32], uint8_t parent[32])
{
    uint8_t pair[64];
    memcpy(pair, left, 32);
    memcpy(pair + 32, right, 32);
    sha256d_digest(pair, sizeof pair, parent);
}

size_t merkle_fold(uint8_t (*leaves)[32], size_t count, uint8_t (*branch)[32])
{
    size_t depth = 0;
    for (; count > 1; count = (count + 1) / 2) {
        if (branch != NULL) {
            memcpy(branch[depth], leaves[1], 32);
        }
        depth++;
        for (size_t i = 0; i < count; i += 2) {
            hash_pair(leaves[i], leaves[i + 1 < count ? i + 1 : i], leaves[i / 2]);
        }
    }
    return depth;
}
