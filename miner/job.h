/* From a pool's job to block headers: coinbase, merkle root, version rolling, counting. Pure.
 *
 * Byte order (each rule proved by recorded shares in the tests): the coinbase is coinb1,
 * extranonce1, extranonce2, coinb2; the merkle root is dsha(root, branch) for each branch; a header
 * is version (little-endian), previous hash with each 4-byte word of the pool's text reversed,
 * root, time, bits and nonce (little-endian).
 */
#ifndef HB_MINER_JOB_H
#define HB_MINER_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"

#define JOB_ID_MAX          128
#define JOB_COINBASE_MAX    (24 * 1024) /* coinb1 and coinb2 together: some 600 outputs         */
#define JOB_BRANCH_MAX      32
#define JOB_EXTRANONCE1_MAX 32
#define JOB_EXTRANONCE2_MAX 16

/* What mining.notify says, decoded. */
struct job_notify {
    char id[JOB_ID_MAX + 1];
    uint8_t prevhash[32]; /* in the pool's order */
    size_t coinb1_len, coinb2_len;
    uint8_t coinbase[JOB_COINBASE_MAX]; /* coinb1, then coinb2 */
    size_t branch_count;
    uint8_t branches[JOB_BRANCH_MAX][32];
    uint32_t version, nbits, ntime;
    bool clean;
};

struct job_extranonce {
    size_t size1, size2;
    uint8_t prefix[JOB_EXTRANONCE1_MAX]; /* extranonce1 */
};

/* All that workers need to make headers on their own. A plain value: copy it. */
struct job {
    uint64_t serial; /* ours, never repeated; names the job in candidates                       */
    struct job_notify notify;
    struct job_extranonce extranonce;
    uint64_t extranonce2_first; /* where counting begins                                        */
    uint32_t version_mask;      /* bits that may be rolled; 0 if the pool did not agree         */
    double difficulty;          /* of a share, as it was when the job came                      */
    uint8_t target[32];         /* the same as a number                                         */
    bool own;                   /* work of our own to keep warm; its results are thrown away    */
};

/* Bits of `mask` that can be rolled without ambiguity. Servers differ in how they apply the version
 * bits of a submit (replace, or, exclusive or) and agree only where the job's version has zeros. */
uint32_t job_usable_mask(uint32_t version, uint32_t mask);

/* Versions of a header that are searched together, if so many bits may be rolled. */
#define JOB_PIECE_VERSIONS_MAX 64

/* One piece of work: a header without its nonce, a range of nonces, and a group of versions to
 * search in that range. Pieces are numbered from 0 and differ from each other in at least one of
 * nonce range, versions (no two groups overlap), extranonce2 and time. */
struct job_piece {
    uint8_t header[80]; /* in the job's own version */
    uint32_t first_nonce, nonce_count;
    uint64_t extranonce2;
    uint32_t ntime;
    uint32_t version_count;                        /* a power of 2; 1 without version rolling */
    uint32_t version_bits[JOB_PIECE_VERSIONS_MAX]; /* rolled version exclusive-or the job's */
};

#define JOB_PIECE_NONCES (1U << 24)

/* Makes piece `index`: nonce ranges first, then groups of versions, then extranonce2, then seconds.
 */
void job_make_piece(const struct job *job, uint64_t index, struct job_piece *piece);

/* Header for given fields; the nonce field is filled as well. */
void job_make_header(const struct job *job, uint64_t extranonce2, uint32_t ntime,
                     uint32_t version_bits, uint32_t nonce, uint8_t header[80]);

/* Exclusive-ors `version_bits` into the version of a header (its first four bytes). */
void job_roll_version(uint8_t *header, uint32_t version_bits);

/* Puts `nonce` into a header. */
void job_set_nonce(uint8_t header[80], uint32_t nonce);

/* extranonce2 as bytes: the number, most significant first, in the last bytes of `size`. */
void job_extranonce2_bytes(uint64_t extranonce2, uint8_t *bytes, size_t size);

/* A job nobody gave: for heating without a pool. Its target is zero; its version rolls, so that a
 * hash costs the same energy as with most pools. */
void job_make_own(struct job *job, uint64_t serial, uint32_t ntime);

#endif
