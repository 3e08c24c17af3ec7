#include "miner/solo/solo_job.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "miner/hex.h"
#include "miner/kernel/sha256.h"

/* Every byte of the coinbase without extranonces, witness included, is less. */
enum { SCRIPT_MAX = 100, COINBASE_MAX = 512, WITNESS = 36, HEADER = 80, COUNT_MAX = 5 };

/* Not final: a coinbase's lock time then counts, which sets it apart from all others (BIP 54). */
#define SEQUENCE 0xfffffffeU

static const char tag[] = "/heatbridge/";

/* Bytes that grow at the end. The callers' buffers hold the most that can come. */
struct bytes {
    uint8_t *at;
    size_t len;
};

static void put(struct bytes *out, const void *data, size_t len)
{
    memcpy(out->at + out->len, data, len);
    out->len += len;
}

/* Least significant byte first. */
static void put_le(struct bytes *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const uint8_t byte = (uint8_t)(value >> (8 * i));
        put(out, &byte, 1);
    }
}

/* Bitcoin's variable-length count. */
static void put_count(struct bytes *out, size_t count)
{
    if (count < 0xfd) {
        put_le(out, count, 1);
    } else if (count <= 0xffff) {
        put_le(out, 0xfd, 1);
        put_le(out, count, 2);
    } else {
        put_le(out, 0xfe, 1);
        put_le(out, count, 4);
    }
}

/* A script that pushes a number, in the shortest form: OP_1 to OP_16, or a length and bytes with
 * room for the sign (BIP 34). */
static void put_height(struct bytes *out, uint32_t height)
{
    enum { OP_1 = 0x51 };
    if (height <= 16) {
        put_le(out, OP_1 + height - 1, 1);
        return;
    }
    size_t size = 1;
    while (size < 4 && height >> (8 * size - 1) != 0) {
        size++;
    }
    put_le(out, size, 1);
    put_le(out, height, size);
}

static void put_output(struct bytes *out, uint64_t value, const uint8_t *script, size_t len)
{
    put_le(out, value, 8);
    put_count(out, len);
    put(out, script, len);
}

static void put_commitment(struct bytes *out, const uint8_t commitment[32])
{
    uint8_t script[38] = {0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed};
    memcpy(script + 6, commitment, 32);
    put_output(out, 0, script, sizeof script);
}

/* Up to where extranonce1 goes. */
static void put_first_half(struct bytes *out, const struct block_template *block)
{
    static const uint8_t none[32];
    uint8_t script_bytes[SCRIPT_MAX];
    struct bytes script = {script_bytes, 0};
    const size_t extranonce = SOLO_EXTRANONCE1 + SOLO_EXTRANONCE2;
    put_height(&script, block->height);
    put(&script, block->aux, block->aux_len);
    put_le(&script, extranonce, 1);
    put_le(out, 2, 4);
    put_count(out, 1);
    put(out, none, sizeof none);
    put_le(out, UINT32_MAX, 4);
    put_count(out, script.len + extranonce + 1 + strlen(tag));
    put(out, script.at, script.len);
}

/* From behind extranonce2 on. */
static void put_second_half(struct bytes *out, const struct block_template *block,
                            const struct solo_payee *payee)
{
    put_count(out, strlen(tag));
    put(out, tag, strlen(tag));
    put_le(out, SEQUENCE, 4);
    put_count(out, block->segwit ? 2 : 1);
    put_output(out, block->reward, payee->address.script, payee->address.script_len);
    if (block->segwit) {
        put_commitment(out, block->commitment);
    }
    put_le(out, block->height - 1, 4);
}

static bool check_room(const struct block_template *block, size_t coinbase_len, struct hb_err *err)
{
    const size_t witness = block->segwit ? WITNESS : 0;
    const uint64_t size = HEADER + COUNT_MAX + coinbase_len + witness + block->txs_len;
    const uint64_t weight = 4 * (uint64_t)(HEADER + COUNT_MAX + coinbase_len) + witness;
    if (block->weight_limit > 0 && block->weight + weight > block->weight_limit) {
        return hb_fail(err, HB_ERR_INPUT,
                       "block template: no room for a coinbase: its transactions weigh %" PRIu64
                       " of %" PRIu64,
                       block->weight, block->weight_limit);
    }
    if (block->size_limit > 0 && size > block->size_limit) {
        return hb_fail(err, HB_ERR_INPUT,
                       "block template: no room for a coinbase: its transactions have %zu bytes "
                       "of %" PRIu64,
                       block->txs_len, block->size_limit);
    }
    return true;
}

bool solo_job_make(const struct block_template *block, const struct solo_payee *payee,
                   uint32_t ntime, struct job *job, struct hb_err *err)
{
    memset(job, 0, sizeof *job);
    struct job_notify *notify = &job->notify;
    struct bytes out = {notify->coinbase, 0};
    put_first_half(&out, block);
    notify->coinb1_len = out.len;
    put_second_half(&out, block, payee);
    notify->coinb2_len = out.len - notify->coinb1_len;
    for (size_t i = 0; i < 32; i++) {
        notify->prevhash[i] = block->prevhash[i ^ 3];
    }
    notify->branch_count = block->branch_count;
    memcpy(notify->branches, block->branches, block->branch_count * sizeof block->branches[0]);
    notify->version = block->version;
    notify->nbits = block->nbits;
    notify->ntime = ntime;
    job->extranonce.size1 = SOLO_EXTRANONCE1;
    job->extranonce.size2 = SOLO_EXTRANONCE2;
    memcpy(job->extranonce.prefix, payee->extranonce1, SOLO_EXTRANONCE1);
    job->version_mask = block->rolling_mask;
    return check_room(block, out.len + SOLO_EXTRANONCE1 + SOLO_EXTRANONCE2, err);
}

/* --- the whole block ----------------------------------------------------------------------------
 */

/* The coinbase as it is hashed for the merkle tree, without its witness. */
static void put_coinbase(struct bytes *out, const struct job *job, uint64_t extranonce2)
{
    const struct job_notify *notify = &job->notify;
    uint8_t second[SOLO_EXTRANONCE2];
    job_extranonce2_bytes(extranonce2, second, sizeof second);
    put(out, notify->coinbase, notify->coinb1_len);
    put(out, job->extranonce.prefix, job->extranonce.size1);
    put(out, second, sizeof second);
    put(out, notify->coinbase + notify->coinb1_len, notify->coinb2_len);
}

/* The same as it stands in a block: marker and flag behind the version, and before the lock time
 * the witness, 32 bytes of zero (BIP 141, 144). */
static void put_witness_coinbase(struct bytes *out, const struct bytes *coinbase)
{
    static const uint8_t marker_and_flag[] = {0, 1};
    static const uint8_t reserved[32];
    put(out, coinbase->at, 4);
    put(out, marker_and_flag, sizeof marker_and_flag);
    put(out, coinbase->at + 4, coinbase->len - 8);
    put_count(out, 1);
    put_count(out, sizeof reserved);
    put(out, reserved, sizeof reserved);
    put(out, coinbase->at + coinbase->len - 4, 4);
}

static bool root_is(const uint8_t header[80], const struct bytes *coinbase, const struct job *job)
{
    uint8_t pair[64];
    uint8_t root[32];
    sha256d_digest(coinbase->at, coinbase->len, root);
    for (size_t i = 0; i < job->notify.branch_count; i++) {
        memcpy(pair, root, 32);
        memcpy(pair + 32, job->notify.branches[i], 32);
        sha256d_digest(pair, sizeof pair, root);
    }
    return memcmp(header + 36, root, 32) == 0;
}

static char *print_hex(const struct bytes *out, struct hb_err *err)
{
    char *text = malloc(2 * out->len + 1);
    if (text == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    hex_encode(text, out->at, out->len);
    return text;
}

char *solo_block_print(const struct block_template *block, const struct solo_payee *payee,
                       const uint8_t header[80], uint64_t extranonce2, struct hb_err *err)
{
    static const size_t most = HEADER + COUNT_MAX + COINBASE_MAX;
    uint8_t coinbase_bytes[COINBASE_MAX];
    struct bytes coinbase = {coinbase_bytes, 0};
    char *text = NULL;
    struct job *job = malloc(sizeof *job);
    struct bytes out = {malloc(most + block->txs_len), 0};
    if (job == NULL || out.at == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        goto out;
    }
    if (!solo_job_make(block, payee, 0, job, err)) {
        goto out;
    }
    put_coinbase(&coinbase, job, extranonce2);
    if (memcmp(header + 4, block->prevhash, 32) != 0 || !root_is(header, &coinbase, job)) {
        hb_fail(err, HB_ERR_STATE, "the header belongs to another block");
        goto out;
    }
    put(&out, header, HEADER);
    put_count(&out, block->tx_count + 1);
    if (block->segwit) {
        put_witness_coinbase(&out, &coinbase);
    } else {
        put(&out, coinbase.at, coinbase.len);
    }
    put(&out, block->txs, block->txs_len);
    text = print_hex(&out, err);
out:
    free(out.at);
    free(job);
    return text;
}
