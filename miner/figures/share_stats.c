#include "miner/figures/share_stats.h"

#include <math.h>
#include <string.h>

#include "miner/difficulty.h"
#include "miner/figures/gamma.h"

/* With fewer shares expected, not even their total absence would mean anything. */
#define ALARM_SHARES_MIN 20.0

static void turn_to(struct share_stats *stats, hb_mono now)
{
    if (!mono_is_set(stats->since)) {
        stats->since = now;
    }
    int64_t slots = mono_age_ms(now, stats->since) / SHARE_STATS_SLOT_MS;
    if (slots <= 0) {
        return;
    }
    stats->since = mono_add_ms(stats->since, slots * SHARE_STATS_SLOT_MS);
    if (slots > SHARE_STATS_SLOTS) {
        slots = SHARE_STATS_SLOTS;
    }
    for (; slots > 0; slots--) {
        stats->current = (stats->current + 1) % SHARE_STATS_SLOTS;
        memset(&stats->slots[stats->current], 0, sizeof stats->slots[0]);
    }
}

void share_stats_accepted(struct share_stats *stats, hb_mono now, double difficulty)
{
    turn_to(stats, now);
    struct share_slot *slot = &stats->slots[stats->current];
    slot->shares++;
    slot->work += difficulty;
    slot->work_squared += difficulty * difficulty;
    slot->heaviest = fmax(slot->heaviest, difficulty);
}

void share_stats_worked(struct share_stats *stats, hb_mono now, double hashes, int64_t elapsed_ms,
                        double difficulty)
{
    turn_to(stats, now);
    struct share_slot *slot = &stats->slots[stats->current];
    slot->hashes += hashes;
    slot->worked_ms += elapsed_ms;
    slot->heaviest = fmax(slot->heaviest, difficulty);
}

static struct share_slot sum_slots(const struct share_stats *stats)
{
    struct share_slot sum = {0};
    for (size_t i = 0; i < SHARE_STATS_SLOTS; i++) {
        const struct share_slot *slot = &stats->slots[i];
        sum.work += slot->work;
        sum.work_squared += slot->work_squared;
        sum.heaviest = fmax(sum.heaviest, slot->heaviest);
        sum.hashes += slot->hashes;
        sum.worked_ms += slot->worked_ms;
        sum.shares += slot->shares;
    }
    return sum;
}

struct share_interval share_stats_interval(double sum, double squares, double weight, double level)
{
    const double tail = (1 - level) / 2;
    const double above_sum = sum + weight;
    const double above_squares = squares + weight * weight;
    return (struct share_interval){
        .low = sum > 0 ? squares / sum * gamma_quantile(sum * sum / squares, tail) : 0,
        .high = above_squares / above_sum *
                gamma_quantile(above_sum * above_sum / above_squares, 1 - tail),
    };
}

static enum share_check check(const struct share_slot *sum)
{
    const double counted = sum->hashes / DIFFICULTY_HASHES;
    if (counted < ALARM_SHARES_MIN * sum->heaviest) {
        return SHARE_CHECK_UNKNOWN;
    }
    const struct share_interval interval =
        share_stats_interval(sum->work, sum->work_squared, sum->heaviest, SHARE_STATS_ALARM_LEVEL);
    if (counted > interval.high) {
        return SHARE_CHECK_BELOW;
    }
    return counted < interval.low ? SHARE_CHECK_ABOVE : SHARE_CHECK_AGREES;
}

void share_stats_get(const struct share_stats *stats, struct share_evidence *evidence)
{
    const struct share_slot sum = sum_slots(stats);
    *evidence = (struct share_evidence){.shares = sum.shares,
                                        .work_s = (double)sum.worked_ms / 1000,
                                        .hashrate_hs = NAN,
                                        .low_hs = NAN,
                                        .high_hs = NAN,
                                        .counted_hs = NAN};
    if (sum.worked_ms <= 0 || !(sum.heaviest > 0)) {
        return;
    }
    const double hs = DIFFICULTY_HASHES / evidence->work_s; /* per difficulty */
    const struct share_interval interval =
        share_stats_interval(sum.work, sum.work_squared, sum.heaviest, SHARE_STATS_SHOWN_LEVEL);
    evidence->hashrate_hs = sum.work * hs;
    evidence->low_hs = interval.low * hs;
    evidence->high_hs = interval.high * hs;
    evidence->counted_hs = sum.hashes / evidence->work_s;
    evidence->check = check(&sum);
}

const char *share_check_word(enum share_check check)
{
    static const char *const words[] = {NULL, "agrees", "below", "above"};
    return words[check];
}
