#include "bridge/control/plausible.h"

#include <math.h>

static const double lowest_c = -20, highest_c = 45, jump_k = 2, fahrenheit_k = 1.5;
enum { JUMP_MS = 3 * 60000, JUMP_WINDOW_MS = 10 * 60000, FAHRENHEIT_MS = 3600000, JUMPS_MAX = 3 };

static bool looks_like_fahrenheit(const struct plausible *filter, double sample_c, hb_mono at)
{
    const double as_f = filter->good.value * 1.8 + 32;
    return mono_age_ms(at, filter->good.at) < FAHRENHEIT_MS && as_f - filter->good.value > 10 &&
           fabs(sample_c - as_f) < fahrenheit_k;
}

static bool is_jump(struct plausible *filter, double sample_c, hb_mono at)
{
    if (mono_age_ms(at, filter->good.at) >= JUMP_MS ||
        fabs(sample_c - filter->good.value) <= jump_k) {
        return false;
    }
    if (filter->jumps > 0 && mono_age_ms(at, filter->jumps_since) >= JUMP_WINDOW_MS) {
        filter->jumps = 0;
    }
    if (filter->jumps >= JUMPS_MAX) {
        return false; /* it stays there: the room really is that warm or cold */
    }
    if (filter->jumps++ == 0) {
        filter->jumps_since = at;
    }
    return true;
}

static enum plausible_verdict judge(struct plausible *filter, double sample_c, hb_mono at)
{
    if (!isfinite(sample_c) || sample_c < lowest_c || sample_c > highest_c) {
        return PLAUSIBLE_OUT_OF_RANGE;
    }
    if (!mono_is_set(filter->good.at)) {
        return PLAUSIBLE_TAKEN;
    }
    if (looks_like_fahrenheit(filter, sample_c, at)) {
        return PLAUSIBLE_FAHRENHEIT;
    }
    return is_jump(filter, sample_c, at) ? PLAUSIBLE_JUMP : PLAUSIBLE_TAKEN;
}

enum plausible_verdict plausible_take(struct plausible *filter, double sample_c, hb_mono at)
{
    const enum plausible_verdict verdict = judge(filter, sample_c, at);
    if (verdict == PLAUSIBLE_TAKEN) {
        if (mono_is_set(filter->good.at) && fabs(sample_c - filter->good.value) > jump_k) {
            filter->jumps = 0;
        }
        filter->good = reading_make(sample_c, at, PROVENANCE_METERED);
    } else {
        filter->last_discarded = at;
        filter->discarded_total++;
    }
    return verdict;
}

bool plausible_is_doubting(const struct plausible *filter, hb_mono now, int64_t stale_after_ms)
{
    return mono_is_set(filter->last_discarded) && filter->last_discarded.ms > filter->good.at.ms &&
           mono_age_ms(now, filter->last_discarded) <= stale_after_ms;
}
