#include "miner/proxy/share_rate.h"

#include <math.h>

#include "miner/difficulty.h"
#include "miner/figures/gamma.h"

static const double tail = 0.025;
/* The latest so many shares (0: the silence since the last) are held against those before them. A
 * change is believed when chance would show the like with this probability; the fewer shares would
 * be left, the surer it must be. */
static const struct look {
    size_t recent;
    double odds;
} looks[] = {{0, 1e-6}, {4, 1e-6}, {12, 1e-5}, {24, 1e-4}, {40, 1e-4}};
enum { LOOKS = sizeof looks / sizeof looks[0], KEEP_AT_LEAST = 32 };

/* --- changes ------------------------------------------------------------------------------
 */

/* P(X <= hits) of `tries` tries that hit with `chance` each. */
static double binomial_up_to(size_t hits, size_t tries, double chance)
{
    double sum = 0;
    for (size_t k = 0; k <= hits && k <= tries; k++) {
        const double ways = gamma_log((double)tries + 1) - gamma_log((double)k + 1) -
                            gamma_log((double)(tries - k) + 1);
        sum += exp(ways + (double)k * log(chance) + (double)(tries - k) * log1p(-chance));
    }
    return sum;
}

static const struct share_moment *share_at(const struct share_rate *rate, size_t index)
{
    return &rate->share[(rate->first + index) % SHARE_RATE_SLOTS];
}

/* Forgets everything up to and including the share of that index. */
static void forget(struct share_rate *rate, size_t index)
{
    rate->since = *share_at(rate, index);
    rate->first = (rate->first + index + 1) % SHARE_RATE_SLOTS;
    rate->count -= index + 1;
}

/* The probability that chance alone sets the latest `recent` shares so far apart from those before
 * them, in the direction in which they are. */
static double odds_of(const struct share_rate *rate, size_t recent)
{
    const double all = rate->now.exposure - rate->since.exposure;
    const double part = rate->now.exposure - share_at(rate, rate->count - recent - 1)->exposure;
    /* The share that begins the stretch belongs to neither side. */
    const size_t tries = rate->count - 1;
    if (!(part > 0 && part < all) || tries == 0) {
        return 1;
    }
    const double chance = part / all;
    const double fewer = binomial_up_to(recent, tries, chance);
    const double more = recent == 0 ? 1 : 1 - binomial_up_to(recent - 1, tries, chance);
    return fmin(fewer, more);
}

/* With little to forget, a false alarm costs little. */
static double believed_odds(const struct look *look, size_t count)
{
    const double odds = count <= 8 ? 1e-2 : count <= 16 ? 1e-3 : 0;
    return fmax(odds, look->odds);
}

static void look_for_change(struct share_rate *rate)
{
    for (size_t i = 0; i < LOOKS && rate->count > looks[i].recent; i++) {
        const size_t recent = looks[i].recent;
        if (odds_of(rate, recent) < believed_odds(&looks[i], rate->count)) {
            forget(rate, rate->count - recent - 1);
            return;
        }
    }
}

static void drop_old(struct share_rate *rate)
{
    while (rate->count > KEEP_AT_LEAST &&
           mono_age_ms(rate->now.at, share_at(rate, 0)->at) > SHARE_RATE_SPAN_MS) {
        forget(rate, 0);
    }
}

/* --- the door -----------------------------------------------------------------------------------
 */

static void advance(struct share_rate *rate, hb_mono now)
{
    const int64_t elapsed_ms = mono_age_ms(now, rate->now.at);
    if (elapsed_ms > 0) {
        rate->now.exposure += (double)elapsed_ms / 1000 / rate->hashes_per_share;
        rate->now.at = now;
    }
}

void share_rate_start(struct share_rate *rate, double difficulty, hb_mono now)
{
    *rate = (struct share_rate){.hashes_per_share = difficulty * DIFFICULTY_HASHES,
                                .since = {.at = now},
                                .now = {.at = now}};
}

void share_rate_set_difficulty(struct share_rate *rate, double difficulty, hb_mono now)
{
    advance(rate, now);
    rate->hashes_per_share = difficulty * DIFFICULTY_HASHES;
}

void share_rate_note(struct share_rate *rate, hb_mono now)
{
    advance(rate, now);
    if (rate->count == SHARE_RATE_SLOTS) {
        forget(rate, 0);
    }
    rate->share[(rate->first + rate->count) % SHARE_RATE_SLOTS] = rate->now;
    rate->count++;
    look_for_change(rate);
}

void share_rate_tick(struct share_rate *rate, hb_mono now)
{
    advance(rate, now);
    drop_old(rate);
    look_for_change(rate);
}

bool share_rate_get(const struct share_rate *rate, struct share_estimate *estimate)
{
    const int64_t span_ms = mono_age_ms(rate->now.at, rate->since.at);
    const double exposure = rate->now.exposure - rate->since.exposure;
    if (span_ms < SHARE_RATE_LEAST_MS || !(exposure > 0)) {
        return false;
    }
    const double count = (double)rate->count;
    const double low = rate->count == 0 ? 0 : gamma_quantile(count, tail);
    const double high = gamma_quantile(count + 1, 1 - tail);
    *estimate = (struct share_estimate){.hashrate_hs = count / exposure,
                                        .low_hs = low / exposure,
                                        .high_hs = high / exposure,
                                        .shares = rate->count,
                                        .span_s = (double)span_ms / 1000};
    return true;
}
