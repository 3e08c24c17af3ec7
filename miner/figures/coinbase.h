/* What a job's coinbase transaction tells of the block to be found: its height, what it pays. Pure.
 *
 * Stratum gives the transaction in two pieces around a gap, the extranonces. Wherever the gap is,
 * nothing that counts may lie in it. The transaction's form is that of the Bitcoin protocol
 * (developer reference, "raw transaction format"; BIP 144 where a pool left the witness in), the
 * height that of BIP 34.
 */
#ifndef HB_MINER_COINBASE_H
#define HB_MINER_COINBASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

/* No sum of coins can be larger: 21 million of them, in satoshi. */
#define COINBASE_MOST_SAT UINT64_C(2100000000000000)
/* No block is that high within two hundred years; what claims to be is no height. */
#define COINBASE_MOST_HEIGHT 10000000U

/* Borrowed bytes; `gap_len` unknown ones lie between the two. */
struct coinbase_parts {
    const uint8_t *head, *tail;
    size_t head_len, gap_len, tail_len;
};

struct coinbase {
    bool height_known;   /* false before version 2 blocks, and where a pool hides it */
    uint32_t height;     /* of the block to be found                                */
    uint64_t reward_sat; /* all outputs together, whoever they pay: subsidy and fees */
};

/* False, with `err` saying what is odd, unless the parts are one whole coinbase transaction whose
 * outputs can be read. The height is handed out also then, if it was reached. */
HB_MUST_USE bool coinbase_read(const struct coinbase_parts *parts, struct coinbase *coinbase,
                               struct hb_err *err);

#endif
