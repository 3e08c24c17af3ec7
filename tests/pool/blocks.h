/* Real block headers whose version, previous hash, difficulty bits and time the demo pool's jobs
 * carry. */
#ifndef HB_TESTS_POOL_BLOCKS_H
#define HB_TESTS_POOL_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

struct pool_block {
    const char *name;
    const char *header; /* 160 hex digits, as hashed */
};

extern const struct pool_block pool_blocks[];
extern const size_t pool_block_count;

#endif
