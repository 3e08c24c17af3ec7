/* What became of our shares: which were sent, which are awaited, and why one was refused. Pure. */
#ifndef HB_MINER_SHARE_BOOK_H
#define HB_MINER_SHARE_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/time.h"
#include "miner/engine.h"

enum { SHARE_BOOK_PENDING = 64, SHARE_BOOK_SENT = 256, SHARE_BOOK_PER_SECOND = 20 };

struct share_book {
    int64_t pending[SHARE_BOOK_PENDING]; /* ids of submits, 0 where free; the oldest gives way */
    size_t pending_next;
    uint8_t sent[SHARE_BOOK_SENT][16]; /* lower halves of the hashes of shares sent last */
    size_t sent_next;
    hb_mono second; /* beginning of the second that is counted */
    int in_second;
};

/* True once per hash among the last 256: false means that this share was sent before. */
HB_MUST_USE bool share_book_is_new(struct share_book *book, const uint8_t hash[32]);
/* False when 20 shares have been sent within a second: a pool with a difficulty far too low must
 * not be flooded. */
HB_MUST_USE bool share_book_may_send(struct share_book *book, hb_mono now);
/* Remembers that request `id` carried a share. */
void share_book_sent(struct share_book *book, int64_t id);
/* True, once, if `id` is a share's. */
HB_MUST_USE bool share_book_answered(struct share_book *book, int64_t id);

/* The kind of a refusal from its code (21 to 25 are agreed on) or, failing that, its words. */
enum share_reject share_reject_kind(int code, const char *text);

#endif
