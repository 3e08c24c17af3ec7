/* What became of our shares: which were sent, which are awaited, and why one was refused. Pure. */
#ifndef HB_MINER_SHARE_BOOK_H
#define HB_MINER_SHARE_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/time.h"
#include "miner/engine.h"
#include "miner/stratum/share_event.h"

enum {
    SHARE_BOOK_PENDING = 64,
    SHARE_BOOK_SENT = 1024, /* shares that are surely remembered; up to twice as many are */
    SHARE_BOOK_SLOTS = 2 * SHARE_BOOK_SENT,
    SHARE_BOOK_PER_SECOND = 20,
};

/* A share that was sent and not yet answered. */
struct share_pending {
    int64_t id; /* of the request; 0: none */
    hb_mono sent_at;
    struct share_event share;
    bool ambiguous_bits, whole_bits; /* whether and how the version bits can be understood */
};

/* Two generations of a hash table: when the younger is full, the older is forgotten. */
struct share_generation {
    uint64_t marks[SHARE_BOOK_SLOTS]; /* 0 where free */
    size_t count;
};

struct share_book {
    struct share_pending pending[SHARE_BOOK_PENDING]; /* the oldest gives way */
    size_t pending_next;
    struct share_generation generations[2];
    size_t young;
    hb_mono second; /* beginning of the second that is counted */
    int in_second;
};

/* True if a share with this hash was sent, among the last 1024 at least. */
bool share_book_knows(const struct share_book *book, const uint8_t hash[32]);
/* False when 20 shares have been sent within a second: a pool with a difficulty far too low must
 * not be flooded. */
HB_MUST_USE bool share_book_may_send(struct share_book *book, hb_mono now);
/* Remembers the share, and that request `pending->id` carried it. */
void share_book_sent(struct share_book *book, const uint8_t hash[32],
                     const struct share_pending *pending);
/* True, once, if `id` is a share's; `pending` is filled then. */
HB_MUST_USE bool share_book_answered(struct share_book *book, int64_t id,
                                     struct share_pending *pending);
/* The connection ended: answers will not come any more. What was sent stays known. */
void share_book_disconnected(struct share_book *book);

/* The kind of a refusal from its code (21 to 25 are agreed on) or, failing that, its words. */
enum share_reject share_reject_kind(int code, const char *text);

#endif
