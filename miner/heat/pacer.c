#include "miner/heat/pacer.h"

#include <math.h>
#include <string.h>

enum { CHUNK_MIN = 256, CHUNK_MAX = 65536, STEP = 64, PERIODS_ASLEEP_MAX = 50 };
#define CHUNK_S      0.0005 /* length of one step: what a change has to wait for             */
#define CHUNK_FULL_S 0.002
#define PULSE_MIN_S  0.0005 /* shorter pulses are saved up: waking up costs as well          */
#define SAVED_S      1.0    /* how long we may be held off and still catch up                */
#define S_PER_NS     1e-9

void pacer_init(struct pacer *pacer, double phase, double ramp_s)
{
    memset(pacer, 0, sizeof *pacer);
    pacer->phase = phase;
    pacer->ramp_per_s = ramp_s > 0 ? 1 / ramp_s : 0;
}

/* --- the ramp -----------------------------------------------------------------------------------
 */

static int64_t ramp_end_ns(const struct pacer *pacer)
{
    const double distance = fabs(pacer->duty_ratio - pacer->from_ratio);
    return pacer->ramp_per_s > 0
               ? pacer->ramp_ns + (int64_t)(distance / pacer->ramp_per_s / S_PER_NS)
               : pacer->ramp_ns;
}

double pacer_duty(const struct pacer *pacer, int64_t now_ns)
{
    const double moved = pacer->ramp_per_s * (double)(now_ns - pacer->ramp_ns) * S_PER_NS;
    if (now_ns >= ramp_end_ns(pacer)) {
        return pacer->duty_ratio;
    }
    return pacer->from_ratio + (pacer->duty_ratio > pacer->from_ratio ? moved : -moved);
}

/* Area under the duty, in seconds at full. */
static double full_s(const struct pacer *pacer, int64_t from_ns, int64_t to_ns)
{
    const int64_t end_ns = ramp_end_ns(pacer);
    double area_ns = 0;
    if (from_ns < end_ns) {
        const int64_t until_ns = to_ns < end_ns ? to_ns : end_ns;
        area_ns = (pacer_duty(pacer, from_ns) + pacer_duty(pacer, until_ns)) / 2 *
                  (double)(until_ns - from_ns);
        from_ns = until_ns;
    }
    return (area_ns + pacer->duty_ratio * (double)(to_ns - from_ns)) * S_PER_NS;
}

/* --- granting -----------------------------------------------------------------------------------
 */

static uint32_t chunk_of(const struct pacer *pacer, double seconds)
{
    const double hashes = fmin(fmax(pacer->rate.now_hs * seconds, CHUNK_MIN), CHUNK_MAX);
    return (uint32_t)hashes & ~(uint32_t)(STEP - 1);
}

static bool at_full(const struct pacer *pacer, int64_t now_ns)
{
    return pacer_duty(pacer, now_ns) >= PACER_FULL_DUTY;
}

static void forfeit(struct pacer *pacer, double most)
{
    if (pacer->balance > most) {
        pacer->forfeited += pacer->balance - most;
        pacer->balance = most;
    }
}

static void grant(struct pacer *pacer, int64_t now_ns)
{
    if (now_ns <= pacer->last_ns) {
        return;
    }
    const double hashes = pacer->rate.full_hs * full_s(pacer, pacer->last_ns, now_ns);
    pacer->last_ns = now_ns;
    pacer->balance += hashes;
    if (at_full(pacer, now_ns)) {
        forfeit(pacer, 0); /* there is no time left in which to catch up */
        return;
    }
    const double saved = pacer->rate.full_hs * pacer_duty(pacer, now_ns) * SAVED_S;
    forfeit(pacer, fmax(saved, 2.0 * chunk_of(pacer, CHUNK_S)));
}

static void start_from(struct pacer *pacer, double from_ratio, int64_t at_ns)
{
    pacer->from_ratio = from_ratio;
    pacer->ramp_ns = at_ns;
}

void pacer_resume(struct pacer *pacer, int64_t now_ns)
{
    start_from(pacer, 0, now_ns);
    pacer->balance = 0;
    pacer->last_ns = now_ns;
    pacer->in_pulse = false;
}

void pacer_set_duty(struct pacer *pacer, double duty_ratio, int64_t at_ns)
{
    if (duty_ratio <= 0 || pacer->duty_ratio <= 0) {
        pacer->duty_ratio = duty_ratio;
        pacer_resume(pacer, at_ns);
        return;
    }
    grant(pacer, at_ns);
    const double from_ratio = pacer_duty(pacer, at_ns);
    pacer->duty_ratio = duty_ratio;
    start_from(pacer, from_ratio, at_ns);
}

static int64_t next_boundary_ns(const struct pacer *pacer, int64_t now_ns)
{
    const int64_t shift_ns = (int64_t)(pacer->phase * (double)PACER_PERIOD_NS);
    return ((now_ns - shift_ns) / PACER_PERIOD_NS + 1) * PACER_PERIOD_NS + shift_ns;
}

/* What may be computed in the period that ends at `end_ns`. */
static double available(const struct pacer *pacer, int64_t end_ns)
{
    return pacer->balance + pacer->rate.full_hs * full_s(pacer, pacer->last_ns, end_ns);
}

uint32_t pacer_take(struct pacer *pacer, int64_t now_ns)
{
    grant(pacer, now_ns);
    if (pacer->duty_ratio <= 0) {
        return 0;
    }
    if (pacer->rate.full_hs <= 0 || pacer->rate.now_hs <= 0) {
        return CHUNK_MIN; /* to learn the rate */
    }
    if (at_full(pacer, now_ns)) {
        return chunk_of(pacer, CHUNK_FULL_S);
    }
    const uint32_t chunk = chunk_of(pacer, CHUNK_S);
    const double may = available(pacer, next_boundary_ns(pacer, now_ns));
    const double least = pacer->in_pulse ? STEP : chunk_of(pacer, PULSE_MIN_S);
    pacer->in_pulse = may >= least;
    if (!pacer->in_pulse) {
        return 0;
    }
    return may < chunk ? (uint32_t)may & ~(uint32_t)(STEP - 1) : chunk;
}

void pacer_pay(struct pacer *pacer, uint32_t hashes, int64_t cpu_ns, int64_t now_ns)
{
    pacer->balance -= hashes;
    if (at_full(pacer, now_ns)) {
        pacer->balance = fmax(pacer->balance, -(double)hashes); /* faster than ever is no debt */
    }
    rate_note(&pacer->rate, hashes, cpu_ns, pacer_duty(pacer, now_ns));
}

int64_t pacer_wake(const struct pacer *pacer, int64_t now_ns)
{
    const int64_t next_ns = next_boundary_ns(pacer, now_ns);
    const double per_period =
        pacer->rate.full_hs * pacer->duty_ratio * (double)PACER_PERIOD_NS * S_PER_NS;
    if (now_ns < ramp_end_ns(pacer) || per_period <= 0) {
        return next_ns;
    }
    const double missing =
        chunk_of(pacer, PULSE_MIN_S) - available(pacer, next_ns + PACER_PERIOD_NS);
    const double periods = ceil(fmax(missing, 0) / per_period);
    return next_ns + (int64_t)fmin(periods, PERIODS_ASLEEP_MAX) * PACER_PERIOD_NS;
}
