#include "miner/pacer.h"

#include <math.h>

enum {
    CHUNK_MIN = 256,
    CHUNK_MAX = 65536,
    MEASURE_NS = 4 * 1000 * 1000,
};
#define CHUNK_S      0.0005 /* length of one step: what a change has to wait for */
#define CHUNK_FULL_S 0.002
#define SAVED_S      0.2 /* how long we may be held off and still catch up */

static uint32_t chunk_of(const struct pacer *pacer, double seconds)
{
    const double hashes = fmin(fmax(pacer->rate_hs * seconds, CHUNK_MIN), CHUNK_MAX);
    return (uint32_t)hashes & ~63U;
}

void pacer_set_duty(struct pacer *pacer, double duty_ratio, int64_t now_ns)
{
    pacer->duty_ratio = duty_ratio;
    pacer->credit = 0;
    pacer->last_ns = now_ns;
}

static void grant(struct pacer *pacer, int64_t now_ns)
{
    const double elapsed_s = (double)(now_ns - pacer->last_ns) * 1e-9;
    pacer->last_ns = now_ns;
    if (pacer->duty_ratio >= PACER_FULL_DUTY) {
        return;
    }
    pacer->credit += pacer->rate_hs * pacer->duty_ratio * elapsed_s;
    const double most =
        fmax(pacer->rate_hs * pacer->duty_ratio * SAVED_S, 2.0 * chunk_of(pacer, CHUNK_S));
    if (pacer->credit > most) {
        pacer->forfeited += pacer->credit - most;
        pacer->credit = most;
    }
}

uint32_t pacer_take(struct pacer *pacer, int64_t now_ns)
{
    grant(pacer, now_ns);
    if (pacer->duty_ratio >= PACER_FULL_DUTY) {
        return chunk_of(pacer, CHUNK_FULL_S);
    }
    const uint32_t chunk = chunk_of(pacer, CHUNK_S);
    const bool unknown = pacer->rate_hs <= 0 && pacer->duty_ratio > 0;
    return unknown || pacer->credit >= chunk ? chunk : 0;
}

void pacer_pay(struct pacer *pacer, uint32_t hashes, int64_t cpu_ns)
{
    if (pacer->duty_ratio < PACER_FULL_DUTY) {
        pacer->credit -= hashes;
    }
    pacer->measured_hashes += hashes;
    pacer->measured_ns += cpu_ns;
    if (pacer->measured_ns < MEASURE_NS) {
        return;
    }
    const double rate_hs = pacer->measured_hashes * 1e9 / (double)pacer->measured_ns;
    pacer->rate_hs += pacer->rate_hs <= 0 ? rate_hs : 0.1 * (rate_hs - pacer->rate_hs);
    pacer->measured_hashes = 0;
    pacer->measured_ns = 0;
}

int64_t pacer_next_period(int64_t now_ns, double phase)
{
    const int64_t shift = (int64_t)(phase * (double)PACER_PERIOD_NS);
    return ((now_ns - shift) / PACER_PERIOD_NS + 1) * PACER_PERIOD_NS + shift;
}
