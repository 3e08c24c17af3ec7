#include "miner/heat/guard.h"

#include <math.h>
#include <string.h>

enum { HOLD_MS = 10000 };
#define GAIN_PER_K       0.04
#define GAIN_PER_K_S     0.006
#define SMOOTH_S         1.0
#define LONGEST_STEP_S   2.0
#define CRITICAL_ABOVE_K 10.0

void guard_init(struct guard *guard, double limit_c, double critical_c)
{
    memset(guard, 0, sizeof *guard);
    guard->limit_c = fmin(limit_c, critical_c - CRITICAL_ABOVE_K); /* fmin passes over NaN */
    guard->critical_c = guard->limit_c + CRITICAL_ABOVE_K;
    guard->level = guard->allowed = 1;
    guard->cpu_c = NAN;
}

static double clamp01(double value)
{
    return fmax(fmin(value, 1), 0);
}

/* A hiccup is waited out with what was allowed last. */
static void without_sensor(struct guard *guard, hb_mono now)
{
    if (!mono_is_set(guard->seen) || mono_age_ms(now, guard->seen) < HOLD_MS) {
        return;
    }
    guard->state = GUARD_BLIND;
    guard->allowed = fmin(guard->allowed, GUARD_BLIND_RATIO);
    guard->level = guard->allowed;
    guard->cpu_c = NAN;
}

static void regulate(struct guard *guard, double wanted, double elapsed_s)
{
    const double below_k = guard->limit_c - guard->cpu_c;
    if (below_k < 0) {
        guard->level = fmin(guard->level, wanted); /* begin with what is being done */
    }
    guard->level = clamp01(guard->level + GAIN_PER_K_S * below_k * elapsed_s);
    guard->allowed = clamp01(guard->level + GAIN_PER_K * fmin(below_k, 0));
    if (guard->allowed < wanted) {
        guard->state = GUARD_WARM;
    } else if (below_k > GUARD_COOL_K || guard->state == GUARD_BLIND) {
        guard->state = GUARD_OPEN;
    }
}

static void with_sensor(struct guard *guard, double cpu_c, double wanted, double elapsed_s)
{
    const double weight = isnan(guard->cpu_c) ? 1 : clamp01(elapsed_s / SMOOTH_S);
    guard->cpu_c = isnan(guard->cpu_c) ? cpu_c : guard->cpu_c + weight * (cpu_c - guard->cpu_c);
    if (cpu_c >= guard->critical_c) {
        guard->state = GUARD_CRITICAL;
    } else if (guard->state == GUARD_CRITICAL && cpu_c <= guard->limit_c - GUARD_COOL_K) {
        guard->state = GUARD_WARM;
    }
    if (guard->state == GUARD_CRITICAL) {
        guard->level = guard->allowed = 0;
        return;
    }
    regulate(guard, wanted, elapsed_s);
}

double guard_step(struct guard *guard, double cpu_c, double wanted, hb_mono now)
{
    const bool first = !mono_is_set(guard->last);
    const double elapsed_s =
        first ? 0 : fmin((double)mono_age_ms(now, guard->last) / 1000, LONGEST_STEP_S);
    guard->last = now;
    if (isnan(cpu_c)) {
        without_sensor(guard, now);
    } else {
        with_sensor(guard, cpu_c, wanted, elapsed_s);
        guard->seen = now;
    }
    return guard_allows(guard, wanted);
}
