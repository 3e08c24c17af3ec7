#include "miner/solo/block_template.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "miner/difficulty.h"
#include "miner/hex.h"
#include "miner/kernel/sha256.h"
#include "miner/solo/merkle.h"
#include "plumbing/json.h"

enum { COMMITMENT_PREFIX = 6, COMMITMENT_SCRIPT = 38, REWARD_DIGITS = 16 };
#define REWARD_MAX  2.1e15 /* all coins that there will ever be, in satoshi */
#define WEIGHT_MAX  4e6
#define MAXTIME_MAX 4294967295.0

/* Rules of the network under which blocks of ours are made. */
static const char *const known_rules[] = {"csv", "segwit", "taproot"};

/* --- numbers and texts --------------------------------------------------------------------------
 */

/* A whole number from `least` to `most`; `fallback` >= 0 where it is absent. */
static bool read_whole(const struct json *object, const char *name, double least, double most,
                       double fallback, double *value, struct hb_err *err)
{
    const struct json *member = json_get(object, name);
    if (member == NULL && fallback >= 0) {
        *value = fallback;
        return true;
    }
    if (!json_number(member, value)) {
        return hb_fail(err, HB_ERR_INPUT, "%s: expected a whole number from %.0f to %.0f, got %s",
                       name, least, most, member == NULL ? "nothing" : "something else");
    }
    if (*value < least || *value > most || floor(*value) != *value) {
        return hb_fail(err, HB_ERR_INPUT, "%s: expected a whole number from %.0f to %.0f, got %.*g",
                       name, least, most, REWARD_DIGITS, *value);
    }
    return true;
}

static bool read_u32(const struct json *object, const char *name, double least, double fallback,
                     uint32_t *value, struct hb_err *err)
{
    double number = 0;
    if (!read_whole(object, name, least, UINT32_MAX, fallback, &number, err)) {
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

static bool read_u64(const struct json *object, const char *name, double most, double fallback,
                     uint64_t *value, struct hb_err *err)
{
    double number = 0;
    if (!read_whole(object, name, 0, most, fallback, &number, err)) {
        return false;
    }
    *value = (uint64_t)number;
    return true;
}

/* 64 digits, printed most significant first, into the order that is hashed. */
static bool read_hash(const struct json *object, const char *name, uint8_t hash[32],
                      struct hb_err *err)
{
    uint8_t printed[32];
    const char *text = json_string(json_get(object, name));
    if (text == NULL || !hex_decode(text, printed, sizeof printed)) {
        return hb_fail(err, HB_ERR_INPUT, "%s: expected 64 hexadecimal digits", name);
    }
    for (size_t i = 0; i < 32; i++) {
        hash[i] = printed[31 - i];
    }
    return true;
}

/* An optional text. */
static bool read_id(const struct json *object, const char *name, char *id, struct hb_err *err)
{
    const struct json *member = json_get(object, name);
    const char *text = member == NULL ? "" : json_string(member);
    if (text == NULL || !text_copy(id, TEMPLATE_ID_MAX + 1, text)) {
        return hb_fail(err, HB_ERR_INPUT, "%s: expected a text of at most %d characters", name,
                       TEMPLATE_ID_MAX);
    }
    return true;
}

/* --- header -------------------------------------------------------------------------------------
 */

/* Versions are signed, but every one of today begins with the bits 001 (BIP 9). */
static bool read_version(const struct json *result, struct block_template *block,
                         struct hb_err *err)
{
    double version = 0;
    if (!read_whole(result, "version", 4, INT32_MAX, -1, &version, err)) {
        return false;
    }
    block->version = (uint32_t)version;
    return true;
}

static bool read_target(const struct json *result, struct block_template *block, struct hb_err *err)
{
    static const uint8_t zero[32];
    uint8_t told[32];
    const char *bits = json_string(json_get(result, "bits"));
    if (bits == NULL || strlen(bits) != 8 || !hex_to_u32(bits, &block->nbits)) {
        return hb_fail(err, HB_ERR_INPUT, "bits: expected 8 hexadecimal digits");
    }
    difficulty_nbits_to_target(block->nbits, block->target);
    if (memcmp(block->target, zero, sizeof zero) == 0) {
        return hb_fail(err, HB_ERR_INPUT, "bits: expected a target above 0, got '%s'", bits);
    }
    if (json_get(result, "target") == NULL) {
        return true;
    }
    return read_hash(result, "target", told, err) &&
           (memcmp(told, block->target, sizeof told) == 0 ||
            hb_fail(err, HB_ERR_INPUT, "target: expected what bits %s stand for", bits));
}

static bool read_times(const struct json *result, struct block_template *block, struct hb_err *err)
{
    if (!read_u32(result, "curtime", 1, -1, &block->curtime, err) ||
        !read_u32(result, "mintime", 0, 0, &block->mintime, err) ||
        !read_u32(result, "maxtime", 0, MAXTIME_MAX, &block->maxtime, err)) {
        return false;
    }
    return block->mintime <= block->maxtime ||
           hb_fail(err, HB_ERR_INPUT, "mintime: expected at most maxtime %" PRIu32 ", got %" PRIu32,
                   block->maxtime, block->mintime);
}

/* The workers use all nonces, which is what every node of today allows. */
static bool read_nonces(const struct json *result, struct hb_err *err)
{
    const struct json *member = json_get(result, "noncerange");
    const char *range = json_string(member);
    return member == NULL || (range != NULL && strcmp(range, "00000000ffffffff") == 0) ||
           hb_fail(err, HB_ERR_INPUT, "noncerange: expected '00000000ffffffff'");
}

static bool read_header(const struct json *result, struct block_template *block, struct hb_err *err)
{
    return read_version(result, block, err) &&
           read_hash(result, "previousblockhash", block->prevhash, err) &&
           read_target(result, block, err) && read_times(result, block, err) &&
           read_nonces(result, err) && read_u32(result, "height", 1, -1, &block->height, err) &&
           (block->height <= INT32_MAX ||
            hb_fail(err, HB_ERR_INPUT, "height: expected at most %d, got %" PRIu32, INT32_MAX,
                    block->height));
}

/* --- rules --------------------------------------------------------------------------------------
 */

static bool is_known_rule(const char *rule)
{
    for (size_t i = 0; i < sizeof known_rules / sizeof known_rules[0]; i++) {
        if (strcmp(known_rules[i], rule) == 0) {
            return true;
        }
    }
    return false;
}

/* A rule that begins with '!' changes how blocks are made: unknown ones must not be mined under
 * (BIP 9). */
static bool read_rules(const struct json *result, struct block_template *block, struct hb_err *err)
{
    if (json_get(result, "signet_challenge") != NULL) {
        return hb_fail(err, HB_ERR_INPUT,
                       "signet: its blocks must be signed by its keepers, so it cannot be mined");
    }
    const struct json *rules = json_get(result, "rules");
    for (const struct json *item = json_first(rules); item != NULL; item = json_next(item)) {
        const char *rule = json_string(item);
        if (rule == NULL) {
            return hb_fail(err, HB_ERR_INPUT, "rules: expected a list of texts");
        }
        const bool must = rule[0] == '!';
        rule += must ? 1 : 0;
        if (must && !is_known_rule(rule)) {
            char shown[40];
            text_copy_printable(shown, sizeof shown, rule, strlen(rule));
            return hb_fail(err, HB_ERR_INPUT, "rules: '%s' is not known to this miner", shown);
        }
        block->segwit = block->segwit || strcmp(rule, "segwit") == 0;
    }
    return true;
}

/* Bits with a meaning, asked for or on offer, keep the value that the node gave them. */
static bool read_rolling(const struct json *result, struct block_template *block,
                         struct hb_err *err)
{
    uint32_t required = 0;
    if (!read_u32(result, "vbrequired", 0, 0, &required, err)) {
        return false;
    }
    uint32_t taken = required;
    const struct json *available = json_get(result, "vbavailable");
    for (const struct json *item = json_first(available); item != NULL; item = json_next(item)) {
        double bit = 0;
        if (!json_number(item, &bit) || bit < 0 || bit > 31 || floor(bit) != bit) {
            return hb_fail(err, HB_ERR_INPUT, "vbavailable: expected bits from 0 to 31");
        }
        taken |= UINT32_C(1) << (unsigned)bit;
    }
    block->rolling_mask = BLOCK_ROLLING_MASK & ~taken;
    return true;
}

/* --- coinbase -----------------------------------------------------------------------------------
 */

static bool read_aux(const struct json *result, struct block_template *block, struct hb_err *err)
{
    const struct json *aux = json_get(result, "coinbaseaux");
    for (const struct json *item = json_first(aux); item != NULL; item = json_next(item)) {
        const char *text = json_string(item);
        size_t size = 0;
        if (text == NULL || !hex_decode_upto(text, block->aux + block->aux_len,
                                             BLOCK_AUX_MAX - block->aux_len, &size)) {
            return hb_fail(err, HB_ERR_INPUT,
                           "coinbaseaux: expected at most %d bytes as hexadecimal digits",
                           BLOCK_AUX_MAX);
        }
        block->aux_len += size;
    }
    return true;
}

static bool has_text(const struct json *list, const char *text)
{
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        const char *one = json_string(item);
        if (one != NULL && strcmp(one, text) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_coinbase(const struct json *result, struct block_template *block,
                          struct hb_err *err)
{
    if (json_get(result, "coinbasevalue") == NULL) {
        return hb_fail(err, HB_ERR_INPUT,
                       "coinbasevalue: expected the reward; a node that makes the coinbase itself "
                       "would pay somebody else");
    }
    block->takes_proposals = has_text(json_get(result, "capabilities"), "proposal");
    return read_u64(result, "coinbasevalue", REWARD_MAX, -1, &block->reward, err) &&
           read_aux(result, block, err) && read_id(result, "longpollid", block->longpoll_id, err) &&
           read_id(result, "workid", block->work_id, err);
}

/* --- transactions -------------------------------------------------------------------------------
 */

/* The leaves of both trees; the coinbase's come first. */
struct leaves {
    uint8_t (*txids)[32], (*wtxids)[32];
};

/* Counts, and measures what is to be allocated. */
static bool measure_txs(const struct json *txs, struct block_template *block, struct hb_err *err)
{
    size_t digits = 0;
    if (!json_is_array(txs)) {
        return hb_fail(err, HB_ERR_INPUT, "transactions: expected a list");
    }
    for (const struct json *tx = json_first(txs); tx != NULL; tx = json_next(tx)) {
        const char *data = json_string(json_get(tx, "data"));
        const size_t len = data == NULL ? 0 : strlen(data);
        if (len == 0 || len % 2 != 0) {
            return hb_fail(err, HB_ERR_INPUT,
                           "transactions[%zu]: data: expected hexadecimal digits", block->tx_count);
        }
        digits += len;
        block->tx_count++;
        if (block->tx_count > BLOCK_TXS_MAX || digits > 2 * (size_t)BLOCK_BYTES_MAX) {
            return hb_fail(err, HB_ERR_INPUT,
                           "transactions: expected at most %d and %d bytes, got more",
                           BLOCK_TXS_MAX, BLOCK_BYTES_MAX);
        }
    }
    block->txs_len = digits / 2;
    return true;
}

static bool read_tx(const struct json *tx, size_t index, struct block_template *block, size_t *used,
                    const struct leaves *leaves, struct hb_err *err)
{
    size_t size = 0;
    uint64_t weight = 0;
    const char *data = json_string(json_get(tx, "data"));
    if (!hex_decode_upto(data, block->txs + *used, block->txs_len - *used, &size)) {
        hb_fail(err, HB_ERR_INPUT, "data: expected hexadecimal digits");
    } else if (read_hash(tx, "txid", leaves->txids[1 + index], err) &&
               read_hash(tx, "hash", leaves->wtxids[1 + index], err) &&
               read_u64(tx, "weight", WEIGHT_MAX, 0, &weight, err)) {
        *used += size;
        block->weight += weight;
        return true;
    }
    hb_err_prefix(err, "transactions[%zu]", index);
    return false;
}

/* What the coinbase commits to (BIP 141): the root over the witness hashes, its own counted as
 * zero, and 32 reserved bytes, zero as well. */
static void compute_commitment(struct block_template *block, const struct leaves *leaves)
{
    uint8_t both[64] = {0};
    memset(leaves->wtxids[0], 0, 32);
    (void)merkle_fold(leaves->wtxids, block->tx_count + 1, NULL);
    memcpy(both, leaves->wtxids[0], 32);
    sha256d_digest(both, sizeof both, block->commitment);
}

static bool check_commitment(const struct json *result, const struct block_template *block,
                             struct hb_err *err)
{
    static const uint8_t prefix[COMMITMENT_PREFIX] = {0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed};
    uint8_t script[COMMITMENT_SCRIPT];
    const struct json *member = json_get(result, "default_witness_commitment");
    const char *text = json_string(member);
    if (member == NULL) {
        return true;
    }
    if (text == NULL || !hex_decode(text, script, sizeof script) ||
        memcmp(script, prefix, sizeof prefix) != 0 ||
        memcmp(script + sizeof prefix, block->commitment, 32) != 0) {
        return hb_fail(err, HB_ERR_INPUT,
                       "default_witness_commitment: expected the one that follows from the "
                       "transactions (BIP 141)");
    }
    return true;
}

static bool read_tx_list(const struct json *result, struct block_template *block,
                         const struct leaves *leaves, struct hb_err *err)
{
    size_t used = 0;
    size_t index = 0;
    const struct json *txs = json_get(result, "transactions");
    for (const struct json *tx = json_first(txs); tx != NULL; tx = json_next(tx)) {
        if (!read_tx(tx, index++, block, &used, leaves, err)) {
            return false;
        }
    }
    if (block->segwit) {
        compute_commitment(block, leaves);
        if (!check_commitment(result, block, err)) {
            return false;
        }
    }
    memset(leaves->txids[0], 0, 32);
    block->branch_count = merkle_fold(leaves->txids, block->tx_count + 1, block->branches);
    return true;
}

static bool read_txs(const struct json *result, struct block_template *block, struct hb_err *err)
{
    struct leaves leaves = {NULL, NULL};
    bool good = false;
    if (!measure_txs(json_get(result, "transactions"), block, err)) {
        return false;
    }
    block->txs = malloc(block->txs_len + 1);
    leaves.txids = calloc(block->tx_count + 1, sizeof *leaves.txids);
    leaves.wtxids = calloc(block->tx_count + 1, sizeof *leaves.wtxids);
    if (block->txs == NULL || leaves.txids == NULL || leaves.wtxids == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
    } else {
        good = read_tx_list(result, block, &leaves, err);
    }
    free(leaves.txids);
    free(leaves.wtxids);
    return good;
}

static bool read_limits(const struct json *result, struct block_template *block, struct hb_err *err)
{
    if (!read_u64(result, "weightlimit", UINT32_MAX, 0, &block->weight_limit, err) ||
        !read_u64(result, "sizelimit", UINT32_MAX, 0, &block->size_limit, err)) {
        return false;
    }
    if (block->weight_limit > 0 && block->weight > block->weight_limit) {
        return hb_fail(err, HB_ERR_INPUT,
                       "transactions: expected a weight of at most %" PRIu64 ", got %" PRIu64,
                       block->weight_limit, block->weight);
    }
    return true;
}

/* --- all ----------------------------------------------------------------------------------------
 */

struct block_template *block_template_read(const struct json *result, struct hb_err *err)
{
    if (!json_is_object(result)) {
        hb_fail(err, HB_ERR_INPUT, "block template: expected an object");
        return NULL;
    }
    struct block_template *block = calloc(1, sizeof *block);
    if (block == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    if (!read_rules(result, block, err) || !read_header(result, block, err) ||
        !read_rolling(result, block, err) || !read_coinbase(result, block, err) ||
        !read_txs(result, block, err) || !read_limits(result, block, err)) {
        hb_err_prefix(err, "block template");
        block_template_free(block);
        return NULL;
    }
    return block;
}

void block_template_free(struct block_template *block)
{
    if (block != NULL) {
        free(block->txs);
        free(block);
    }
}

uint32_t block_template_time(const struct block_template *block, int64_t age_s)
{
    int64_t time = (int64_t)block->curtime + (age_s > 0 ? age_s : 0);
    if (time < block->mintime) {
        time = block->mintime;
    }
    return time > block->maxtime ? block->maxtime : (uint32_t)time;
}
