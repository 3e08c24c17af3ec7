/* Hash rate of a miner that is only seen through its shares, with a 95 % confidence interval. Pure.
 *
 * Shares of difficulty D come as a Poisson process, one per D * 2^48/65535 hashes on average. Time
 * is counted in exposure, the integral of dt over hashes per share: in it the rate of shares is the
 * hash rate itself, whatever became of the difficulty meanwhile. So n shares in exposure x say
 * n / x, and the limits of the interval are Garwood's exact ones (Biometrika 28, 1936).
 *
 * The estimate is over the last quarter of an hour, or less: when chance
 * hardly explains the difference between the latest shares and those before them (binomial test),
 * what came before is forgotten. So noise averages out, and a miner that stops shows in a minute or
 * two.
 */
#ifndef HB_MINER_SHARE_RATE_H
#define HB_MINER_SHARE_RATE_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/attr.h"
#include "ground/time.h"

enum { SHARE_RATE_SLOTS = 256, SHARE_RATE_SPAN_MS = 15 * 60 * 1000, SHARE_RATE_LEAST_MS = 15000 };

/* A moment on both scales. */
struct share_moment {
    hb_mono at;
    double exposure;
};

struct share_rate {
    double hashes_per_share;
    struct share_moment since, now;
    struct share_moment share[SHARE_RATE_SLOTS]; /* those after `since`; the oldest is at `first` */
    size_t first, count;
};

struct share_estimate {
    double hashrate_hs, low_hs, high_hs; /* best guess, and the 95 % interval around it */
    size_t shares;                       /* that it rests on                            */
    double span_s;                       /* in so long                                  */
};

/* Begins to watch a miner that was given `difficulty`, sane. */
void share_rate_start(struct share_rate *rate, double difficulty, hb_mono now);
/* From now on the miner's shares have this difficulty. */
void share_rate_set_difficulty(struct share_rate *rate, double difficulty, hb_mono now);
/* A share came that meets the difficulty in force. */
void share_rate_note(struct share_rate *rate, hb_mono now);
/* Time passes: call it about once a second, so that silence is noticed. */
void share_rate_tick(struct share_rate *rate, hb_mono now);
/* False during the first SHARE_RATE_LEAST_MS, when nothing can be said. */
HB_MUST_USE bool share_rate_get(const struct share_rate *rate, struct share_estimate *estimate);

#endif
