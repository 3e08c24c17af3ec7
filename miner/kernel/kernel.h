/* The hashing kernels: each searches a range of nonces of one block header, and is a row of a
 * table. */
#ifndef HB_MINER_KERNEL_H
#define HB_MINER_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

/* Ranges given to a kernel are multiples of this many nonces (the widest kernel's lanes). */
#define KERNEL_STEP 32
/* Versions of a header that can be searched together. */
#define KERNEL_VERSIONS_MAX 64

/* What the first block of one version of the header leaves for the second. */
struct sha256d_chain {
    uint32_t midstate[8]; /* after the first 64 bytes                                         */
    uint32_t round3[8];   /* working variables after round 3 for W3 = 0: W3 is added to a and
                             e only                                                           */
    uint32_t early[3];    /* h + K + W of rounds 4, 5 and 6, still without the nonce          */
};

/* All that does not depend on the nonce, worked out once per header. The header's second block is
 * W0..W2 (end of the merkle root, time, bits), W3 the nonce, then padding that is always the same.
 * The version is in the first block: headers that differ in it alone share the schedule of the
 * second, a third of the first hash ("overt AsicBoost"). */
struct sha256d_work {
    uint32_t w16, w17;  /* schedule words without the nonce                                 */
    uint32_t w18, w19;  /* their nonce-independent parts                                    */
    uint32_t top_limit; /* hits have the 32 most significant bits of their hash <= this     */
    uint32_t version_count;
    struct sha256d_chain chain[KERNEL_VERSIONS_MAX];
};

/* Prepares the search of `header`, whose nonce field is ignored, in `version_count` (1 to
 * KERNEL_VERSIONS_MAX) versions: `version_bits[i]` is the exclusive-or of version i and the
 * header's. Takes some 0.3 us for each. */
void sha256d_prepare(struct sha256d_work *work, const uint8_t header[80],
                     const uint32_t *version_bits, size_t version_count, uint32_t top_limit);

struct sha256d_hit {
    uint32_t nonce;
    uint32_t version; /* index into version_bits */
};

struct sha256d_kernel {
    const char *name;
    /* Whether this processor can run it. */
    bool (*usable)(void);
    /* Hashes `count` nonces (a multiple of KERNEL_STEP) from `first` on, wrapping at 2^32, in each
     * version: count * version_count hashes. Stores the hits in any order, at most `capacity`; more
     * are passed over. Returns how many were stored. */
    size_t (*scan)(const struct sha256d_work *work, uint32_t first, uint32_t count,
                   struct sha256d_hit *hits, size_t capacity);
};

/* Kernel `index` of the table; NULL after the last. */
const struct sha256d_kernel *kernel_at(size_t index);

/* Lets the kernel find the nonces of known blocks and compares it with plain SHA-256 for a loose
 * limit; false, with the reason, if it is wrong. The search takes about a millisecond. */
HB_MUST_USE bool kernel_self_test(const struct sha256d_kernel *kernel, struct hb_err *err);

/* The kernel that hashes fastest here, by the race of kernel_choice.h; NULL if none is right. */
const struct sha256d_kernel *kernel_choose(struct hb_err *err);

#endif
