/* The hash rate that accepted shares prove, with the doubt that luck leaves, and whether it agrees
 * with the hashes that were counted. Pure.
 *
 * A share of difficulty d is found once in d * 2^48 / 65535 hashes on average, so the difficulties
 * of accepted shares, added up, estimate the work. For equal difficulties the interval is the exact
 * one of a Poisson count (Garwood, Biometrika 28, 1936); as pools change the difficulty, it is
 * computed in its form for weighted counts: Fay and Feuer, "Confidence intervals for directly
 * standardized rates: a method based on the gamma distribution", Statistics in Medicine 16, 1997,
 * which never covers less than it says. Everything is over the last hour of work for pools, in
 * steps of a minute.
 */
#ifndef HB_MINER_SHARE_STATS_H
#define HB_MINER_SHARE_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "ground/time.h"

enum { SHARE_STATS_SLOTS = 60, SHARE_STATS_SLOT_MS = 60 * 1000 };

/* Odds of an interval that shall be shown, and of one whose breach shall mean something: looked at
 * all the time, it is left by luck alone about once in ten years. */
#define SHARE_STATS_SHOWN_LEVEL 0.95
#define SHARE_STATS_ALARM_LEVEL (1 - 1e-6)

/* Whether accepted shares and counted hashes tell the same story. */
enum share_check {
    SHARE_CHECK_UNKNOWN, /* too little work yet to tell                                       */
    SHARE_CHECK_AGREES,
    SHARE_CHECK_BELOW, /* shares are missing: refused, late, or hashes that were none         */
    SHARE_CHECK_ABOVE, /* more shares than the hashes can explain: the count is wrong         */
};

struct share_slot {
    double work, work_squared; /* of accepted shares: sums of difficulty and of its square   */
    double heaviest;           /* largest difficulty in force or accepted                    */
    double hashes;             /* counted on pools' jobs                                     */
    int64_t worked_ms;         /* time with a pool's job                                     */
    uint32_t shares;
};

/* All zero at first. */
struct share_stats {
    struct share_slot slots[SHARE_STATS_SLOTS];
    size_t current;
    hb_mono since; /* beginning of the current slot */
};

/* Accepted shares over the last hour. */
struct share_evidence {
    uint32_t shares;
    double work_s;          /* seconds with a pool's job                                          */
    double hashrate_hs;     /* best guess, over those seconds; NaN before there are any           */
    double low_hs, high_hs; /* interval of SHARE_STATS_SHOWN_LEVEL; NaN likewise              */
    double counted_hs;      /* by hashes counted over the same time; NaN likewise             */
    enum share_check check;
};

/* An accepted share of the difficulty that was asked of it (not the one that it reached). */
void share_stats_accepted(struct share_stats *stats, hb_mono now, double difficulty);
/* `hashes` more were counted during the last `elapsed_ms`, on a pool's job of that difficulty. */
void share_stats_worked(struct share_stats *stats, hb_mono now, double hashes, int64_t elapsed_ms,
                        double difficulty);
void share_stats_get(const struct share_stats *stats, struct share_evidence *evidence);

/* "agrees", "below", "above" or NULL for unknown. */
const char *share_check_word(enum share_check check);

/* Interval of the expected value of a sum of weighted Poisson counts: `sum` and `squares` of the
 * weights observed, the largest `weight` possible, 0 < level < 1. */
struct share_interval {
    double low, high;
};
struct share_interval share_stats_interval(double sum, double squares, double weight, double level);

#endif
