#include "miner/job.h"

#include <string.h>

#include "miner/kernel/sha256.h"

enum { GROUP_BITS = 6 };
_Static_assert(1 << GROUP_BITS == JOB_PIECE_VERSIONS_MAX, "a group of versions fills a piece");

uint32_t job_usable_mask(uint32_t version, uint32_t mask)
{
    return mask & ~version;
}

void job_roll_version(uint8_t *header, uint32_t version_bits)
{
    for (size_t i = 0; i < 4; i++) {
        header[i] ^= (uint8_t)(version_bits >> (8 * i));
    }
}

void job_set_nonce(uint8_t header[80], uint32_t nonce)
{
    for (size_t i = 0; i < 4; i++) {
        header[76 + i] = (uint8_t)(nonce >> (8 * i));
    }
}

static void store_le(uint8_t *bytes, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
}

void job_extranonce2_bytes(uint64_t extranonce2, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const size_t place = size - 1 - i;
        bytes[i] = (uint8_t)(place < 8 ? extranonce2 >> (8 * place) : 0);
    }
}

/* The leaf of the merkle tree that is ours, and the walk up. */
static void merkle_root(const struct job *job, uint64_t extranonce2, uint8_t root[32])
{
    const struct job_notify *n = &job->notify;
    uint8_t coinbase[JOB_COINBASE_MAX + JOB_EXTRANONCE1_MAX + JOB_EXTRANONCE2_MAX];
    size_t used = 0;
    memcpy(coinbase, n->coinbase, n->coinb1_len);
    used += n->coinb1_len;
    memcpy(coinbase + used, job->extranonce.prefix, job->extranonce.size1);
    used += job->extranonce.size1;
    job_extranonce2_bytes(extranonce2, coinbase + used, job->extranonce.size2);
    used += job->extranonce.size2;
    memcpy(coinbase + used, n->coinbase + n->coinb1_len, n->coinb2_len);
    used += n->coinb2_len;
    sha256d_digest(coinbase, used, root);
    for (size_t i = 0; i < n->branch_count; i++) {
        uint8_t pair[64];
        memcpy(pair, root, 32);
        memcpy(pair + 32, n->branches[i], 32);
        sha256d_digest(pair, sizeof pair, root);
    }
}

void job_make_header(const struct job *job, uint64_t extranonce2, uint32_t ntime,
                     uint32_t version_bits, uint32_t nonce, uint8_t header[80])
{
    const struct job_notify *n = &job->notify;
    store_le(header, n->version ^ version_bits);
    for (size_t i = 0; i < 32; i++) {
        header[4 + i] = n->prevhash[i ^ 3];
    }
    merkle_root(job, extranonce2, header + 36);
    store_le(header + 68, ntime);
    store_le(header + 72, n->nbits);
    job_set_nonce(header, nonce);
}

static unsigned count_bits(uint32_t mask)
{
    unsigned count = 0;
    for (; mask != 0; mask &= mask - 1) {
        count++;
    }
    return count;
}

/* Spreads the low bits of `index` over the bits of `mask`. */
static uint32_t deposit(uint64_t index, uint32_t mask)
{
    uint32_t bits = 0;
    for (; mask != 0; mask &= mask - 1, index >>= 1) {
        if ((index & 1) != 0) {
            bits |= mask & (~mask + 1);
        }
    }
    return bits;
}

/* Takes the low `bits` of a counter away and returns them; a width of 64 takes all. */
static uint64_t take_bits(uint64_t *counter, unsigned bits)
{
    const uint64_t low = bits >= 64 ? *counter : *counter & ((UINT64_C(1) << bits) - 1);
    *counter = bits >= 64 ? 0 : *counter >> bits;
    return low;
}

/* The next group of versions: those whose numbers differ in the lowest bits only. */
static void take_versions(uint64_t *counter, uint32_t mask, struct job_piece *piece)
{
    const unsigned rolled = count_bits(mask);
    const unsigned together = rolled < GROUP_BITS ? rolled : GROUP_BITS;
    const uint64_t group = take_bits(counter, rolled - together) << together;
    piece->version_count = 1U << together;
    for (uint32_t i = 0; i < piece->version_count; i++) {
        piece->version_bits[i] = deposit(group + i, mask);
    }
}

void job_make_piece(const struct job *job, uint64_t index, struct job_piece *piece)
{
    const uint32_t mask = job_usable_mask(job->notify.version, job->version_mask);
    const unsigned extranonce2_bits = (unsigned)job->extranonce.size2 * 8;
    const uint64_t range = take_bits(&index, 8);
    piece->first_nonce = (uint32_t)range * JOB_PIECE_NONCES;
    piece->nonce_count = JOB_PIECE_NONCES;
    take_versions(&index, mask, piece);
    piece->extranonce2 = job->extranonce2_first + take_bits(&index, extranonce2_bits);
    if (extranonce2_bits < 64) {
        piece->extranonce2 &= (UINT64_C(1) << extranonce2_bits) - 1;
    }
    piece->ntime = job->notify.ntime + (uint32_t)index;
    job_make_header(job, piece->extranonce2, piece->ntime, 0, piece->first_nonce, piece->header);
}

void job_make_own(struct job *job, uint64_t serial, uint32_t ntime)
{
    memset(job, 0, sizeof *job);
    job->serial = serial;
    job->own = true;
    job->extranonce.size2 = 8;
    job->notify.version = 0x20000000;
    job->version_mask = 0x1fffe000;
    job->notify.nbits = 0x1d00ffff;
    job->notify.ntime = ntime;
}
