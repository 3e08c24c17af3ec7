/* What a kernel must do, checked against a hash that is trusted. Needs neither cmocka nor a library
 * outside ground/ and miner/, so that the checks also run on emulated processors.
 *
 * A check returns false with the kernel and what it got wrong in `err`. */
#ifndef HB_TESTS_MINER_KERNEL_CHECK_H
#define HB_TESTS_MINER_KERNEL_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/err.h"
#include "miner/kernel/kernel.h"

/* Double SHA-256 of a header by someone else than the kernels. */
typedef void kernel_check_hash(const uint8_t header[80], uint8_t hash[32]);

/* The block's nonce is found from 2^16 below it, alone and as one of several versions. */
bool kernel_check_block(const struct sha256d_kernel *kernel, const uint8_t header[80],
                        const uint8_t hash[32], struct hb_err *err);

/* Works out the truth about a small window of nonces around the wrap at 2^32, for the next one. */
void kernel_check_prepare(kernel_check_hash *hash);
/* In that window: every lane and alignment, 1 to KERNEL_VERSIONS_MAX versions, the limit to the
 * bit, and no more hits than there is room for. */
bool kernel_check_window(const struct sha256d_kernel *kernel, struct hb_err *err);

/* A header, range and versions at random, and all that a kernel must find there: a hash in sixteen
 * is a hit, so each lane has many. */
struct kernel_case {
    uint8_t header[80];
    uint32_t first, count, versions, limit;
    uint32_t version_bits[KERNEL_VERSIONS_MAX];
    size_t hit_count;
    struct sha256d_hit *hits; /* by nonce, then version */
};

/* `count` nonces, rounded down to KERNEL_STEP, in `versions` versions; one seed, one case. */
void kernel_case_make(struct kernel_case *made, uint64_t seed, uint32_t count, uint32_t versions,
                      kernel_check_hash *hash);
void kernel_case_free(struct kernel_case *made);
/* The kernel finds those hits, each once, and no other. */
bool kernel_check_case(const struct sha256d_kernel *kernel, const struct kernel_case *made,
                       struct hb_err *err);

#endif
