/* A node's block template as a struct: the answer to getblocktemplate, read and checked (BIP 22,
 * 23, 9, 145). Pure.
 *
 * What is handed out can be mined: whatever this miner cannot honour is refused with a reason. The
 * order and choice of transactions is the node's and is not touched.
 */
#ifndef HB_MINER_BLOCK_TEMPLATE_H
#define HB_MINER_BLOCK_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "miner/job.h"

struct json;

enum {
    BLOCK_BYTES_MAX = 4 * 1000 * 1000, /* BIP 141: of a block with its witnesses           */
    BLOCK_TXS_MAX = 16666,             /* a transaction weighs 240 at least, a block 4e6   */
    BLOCK_AUX_MAX = 40,                /* what BIP 22's coinbaseaux may add to the coinbase */
    TEMPLATE_ID_MAX = 200,
};

/* Bits of a block's version that are free for all (BIP 320). */
#define BLOCK_ROLLING_MASK 0x1fffe000U

struct block_template {
    uint32_t height, version, nbits;
    uint32_t curtime, mintime, maxtime; /* Unix seconds; the node's clock and its bounds */
    uint64_t reward;                    /* subsidy and fees, in satoshi                  */
    uint8_t prevhash[32];               /* as in a header                                */
    uint8_t target[32];
    uint32_t rolling_mask; /* version bits that mean nothing and may be rolled */
    bool segwit;           /* the coinbase needs a commitment and a witness    */
    uint8_t commitment[32];
    bool takes_proposals; /* the node judges a block before it has its proof of work (BIP 23) */
    char longpoll_id[TEMPLATE_ID_MAX + 1]; /* "": the node does not offer to wait */
    char work_id[TEMPLATE_ID_MAX + 1];     /* to be sent back with a block; "": none */
    size_t aux_len;
    uint8_t aux[BLOCK_AUX_MAX];
    size_t branch_count;
    uint8_t branches[JOB_BRANCH_MAX][32]; /* from the coinbase up to the root */
    uint64_t weight, weight_limit;        /* of all transactions but the coinbase; 0: not told */
    uint64_t size_limit;                  /* of a whole block, in bytes; 0: not told */
    size_t tx_count, txs_len;             /* without the coinbase */
    uint8_t *txs;                         /* one after the other, as a block holds them */
};

/* Reads the "result" of getblocktemplate. NULL, with `err`, if it is refused. The commitment to the
 * witnesses is computed from the transactions' hashes and must agree with the node's own. Free with
 * block_template_free. */
HB_MUST_USE struct block_template *block_template_read(const struct json *result,
                                                       struct hb_err *err);
/* NULL is allowed. */
void block_template_free(struct block_template *block);

/* Seconds for a header's time field: the node's time when the template came and what has passed
 * since, within its bounds. */
uint32_t block_template_time(const struct block_template *block, int64_t age_s);

#endif
