/* Difficulty for one miner, so that its shares come about every five seconds. Pure.
 *
 * Powers of two only: ASICs compare against such masks anyway, and a step of a factor of two is
 * hysteresis enough. Five seconds, because each share is evidence of heat: a stop shows within a
 * minute, and a quarter of an hour gives the hash rate to some 15 %.
 */
#ifndef HB_MINER_VARDIFF_H
#define HB_MINER_VARDIFF_H

#include <stdbool.h>

#include "ground/attr.h"
#include "ground/time.h"

#define VARDIFF_INTERVAL_S 5.0

struct vardiff {
    double difficulty;
    double floor;  /* never below this */
    hb_mono since; /* shares are counted from here */
    unsigned shares;
};

/* `difficulty` is a first guess; both sane. */
void vardiff_start(struct vardiff *vardiff, double difficulty, double floor, hb_mono now);
/* A share came. */
void vardiff_note(struct vardiff *vardiff);
/* True if the difficulty was changed. Call it after each share and about once a second. The miner
 * is given no more than `ceiling`, so the difficulty does not go beyond the next power of two. */
HB_MUST_USE bool vardiff_adjust(struct vardiff *vardiff, double ceiling, hb_mono now);

#endif
