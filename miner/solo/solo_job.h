/* Blocks of our own from a node's template: the coinbase, work for the hashing threads, and the
 * finished block (BIP 34, 141; BIP 54 for the coinbase's lock time). Pure. */
#ifndef HB_MINER_SOLO_JOB_H
#define HB_MINER_SOLO_JOB_H

#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "miner/job.h"
#include "miner/solo/address.h"
#include "miner/solo/block_template.h"

enum { SOLO_EXTRANONCE1 = 4, SOLO_EXTRANONCE2 = 8 };

/* What the coinbase holds beside the template's own. */
struct solo_payee {
    struct address address;
    uint8_t extranonce1[SOLO_EXTRANONCE1]; /* tells engines with the same address apart */
};

/* Makes work: `job` is filled but for serial, share target and extranonce2_first. `ntime` is the
 * header's time. False, with `err`, if the coinbase does not fit beside the transactions. */
HB_MUST_USE bool solo_job_make(const struct block_template *block, const struct solo_payee *payee,
                               uint32_t ntime, struct job *job, struct hb_err *err);

/* The whole block as hexadecimal text, for `submitblock` and proposals; free it. NULL, with `err`,
 * if the header is not one of this template and payee with that extranonce2. */
HB_MUST_USE char *solo_block_print(const struct block_template *block,
                                   const struct solo_payee *payee, const uint8_t header[80],
                                   uint64_t extranonce2, struct hb_err *err);

#endif
