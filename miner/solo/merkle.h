/* Bitcoin's merkle tree over double SHA-256, an odd node paired with itself. Pure. */
#ifndef HB_MINER_MERKLE_H
#define HB_MINER_MERKLE_H

#include <stddef.h>
#include <stdint.h>

/* Folds the tree of `count` >= 1 leaves up in place: leaves[0] becomes the root. What the first
 * leaf meets on its way up goes to `branch`, which may be NULL or must have room for 32; returns
 * their number. The first leaf itself does not influence the branch. */
size_t merkle_fold(uint8_t (*leaves)[32], size_t count, uint8_t (*branch)[32]);

#endif
