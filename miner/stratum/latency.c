#include "miner/stratum/latency.h"

#include <math.h>

enum { PER_DOUBLING = 8 };

/* Bucket i holds the durations d with 1 + d from 2^(i/8) to 2^((i+1)/8): 0 has a place too. */
static int bucket_of(double ms)
{
    const double place = floor(PER_DOUBLING * log2(1 + ms));
    return place < LATENCY_BUCKETS - 1 ? (int)place : LATENCY_BUCKETS - 1;
}

void latency_note(struct latency *latency, double ms)
{
    const double sane_ms = ms > 0 ? ms : 0;
    latency->count++;
    latency->buckets[bucket_of(sane_ms)]++;
    latency->sum_ms += sane_ms;
    latency->max_ms = fmax(latency->max_ms, sane_ms);
}

double latency_quantile_ms(const struct latency *latency, double quantile)
{
    if (latency->count == 0) {
        return NAN;
    }
    const double wanted = fmax(1, ceil(quantile * latency->count));
    uint32_t seen = 0;
    int bucket = 0;
    while (bucket < LATENCY_BUCKETS - 1 && seen + latency->buckets[bucket] < wanted) {
        seen += latency->buckets[bucket++];
    }
    const double middle_ms = exp2((bucket + 0.5) / PER_DOUBLING) - 1;
    return fmin(middle_ms, latency->max_ms);
}

double latency_mean_ms(const struct latency *latency)
{
    return latency->count == 0 ? NAN : latency->sum_ms / latency->count;
}
