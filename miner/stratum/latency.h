/* How long answers take: a histogram of milliseconds with buckets an eighth of a doubling wide, so
 * that a quantile is right within 5 %. Pure. */
#ifndef HB_MINER_LATENCY_H
#define HB_MINER_LATENCY_H

#include <stdint.h>

enum { LATENCY_BUCKETS = 144 }; /* the last begins at 2^18 ms, more than four minutes */

struct latency {
    uint32_t count, buckets[LATENCY_BUCKETS];
    double sum_ms, max_ms;
};

/* Counts one answer; less than 0 counts as 0. */
void latency_note(struct latency *latency, double ms);
/* The duration that the fraction `quantile` (0 to 1) of answers did not exceed, NaN without any. */
double latency_quantile_ms(const struct latency *latency, double quantile);
/* NaN without any. */
double latency_mean_ms(const struct latency *latency);

#endif
