/* What the demo pool knows of Bitcoin: jobs, block headers, double SHA-256 by OpenSSL, difficulty.
 *
 * Shares no code with miner/ on purpose: the pool is the outside judge of the engine. Byte orders:
 * everything is kept as it is hashed; only Stratum's text form differs (each 4-byte word of the
 * previous hash reversed, integers as big-endian hex).
 */
#ifndef HB_TESTS_POOL_WORK_H
#define HB_TESTS_POOL_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/err.h"
#include "plumbing/json.h"
#include "tests/pool/blocks.h"

enum {
    WORK_COINBASE_MAX = 512, /* bytes of each half of a coinbase */
    WORK_BRANCHES_MAX = 16,
    WORK_EXTRANONCE_MAX = 16,
};

struct work_job {
    char id[33];
    uint64_t serial;
    uint8_t prevhash[32];
    uint8_t coinb1[WORK_COINBASE_MAX], coinb2[WORK_COINBASE_MAX];
    size_t coinb1_len, coinb2_len;
    uint8_t branch[WORK_BRANCHES_MAX][32];
    size_t branch_count;
    uint32_t version, nbits, ntime;
    bool clean;
};

/* The fields of a share that make its header. */
struct pool_share {
    uint8_t extranonce1[WORK_EXTRANONCE_MAX], extranonce2[WORK_EXTRANONCE_MAX];
    size_t extranonce1_len, extranonce2_len;
    uint32_t version, ntime, nonce;
};

/* A job on a real block's header fields with a made-up coinbase that leaves room for `extranonce`
 * bytes of extranonce1 and extranonce2 together. */
void work_job_make(struct work_job *job, const struct pool_block *block, uint64_t serial,
                   size_t extranonce);
/* A job from the parameters of a recorded mining.notify. */
bool work_job_parse(struct work_job *job, const struct json *params, uint64_t serial,
                    struct hb_err *err);
/* Parameters of mining.notify for the job; owned by the caller. */
struct json *work_job_params(const struct work_job *job);

/* Hash of the share's header on that job, as hashed (its last bytes are the zeros). */
void work_hash(const struct work_job *job, const struct pool_share *share, uint8_t hash[32]);
/* Difficulty that a hash reaches: 0xffff * 2^208 / hash. */
double work_difficulty(const uint8_t hash[32]);

/* Difficulty of a block with that compact target. */
double work_nbits_difficulty(uint32_t nbits);

/* Exactly `len` bytes from exactly 2 * len hex digits. */
bool work_hex(const char *text, uint8_t *bytes, size_t len);
/* A 32-bit number from exactly eight hex digits. */
bool work_hex32(const char *text, uint32_t *value);
/* Writes 2 * len digits and a terminator. */
void work_to_hex(const uint8_t *bytes, size_t len, char *text);
/* The hash as people write it: most significant byte first. 65 bytes. */
void work_hash_text(const uint8_t hash[32], char text[65]);

#endif
