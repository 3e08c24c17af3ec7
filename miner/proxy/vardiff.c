#include "miner/proxy/vardiff.h"

#include <math.h>
#include <stddef.h>

/* With so many shares, seen or expected, a rate that is off by the factor is no accident. */
static const struct look {
    double shares, factor;
} looks[] = {{3, 6}, {6, 3}, {16, 2}, {40, 1.8}};
static const double enough_shares = 60;

static double power_of_two(double number)
{
    return exp2(round(log2(number)));
}

static void count_anew(struct vardiff *vardiff, hb_mono now)
{
    vardiff->since = now;
    vardiff->shares = 0;
}

void vardiff_start(struct vardiff *vardiff, double difficulty, double floor, hb_mono now)
{
    vardiff->floor = floor;
    vardiff->difficulty = fmax(power_of_two(difficulty), floor);
    count_anew(vardiff, now);
}

void vardiff_note(struct vardiff *vardiff)
{
    vardiff->shares++;
}

static bool is_off(double seen, double ratio)
{
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        if (seen >= looks[i].shares && (ratio > looks[i].factor || ratio < 1 / looks[i].factor)) {
            return true;
        }
    }
    return false;
}

/* The difficulty within floor and ceiling; the floor counts for more. */
static double within(const struct vardiff *vardiff, double difficulty, double ceiling)
{
    const double highest = exp2(ceil(log2(ceiling)));
    return fmax(fmin(difficulty, highest), vardiff->floor);
}

bool vardiff_adjust(struct vardiff *vardiff, double ceiling, hb_mono now)
{
    const double before = vardiff->difficulty;
    const double expected = (double)mono_age_ms(now, vardiff->since) / 1000 / VARDIFF_INTERVAL_S;
    const double seen = fmax(expected, vardiff->shares);
    const double ratio = (vardiff->shares + 0.5) / (expected + 0.5);
    vardiff->difficulty = within(vardiff, before, ceiling);
    if (is_off(seen, ratio)) {
        vardiff->difficulty = within(vardiff, power_of_two(vardiff->difficulty * ratio), ceiling);
        count_anew(vardiff, now);
    } else if (seen >= enough_shares) {
        count_anew(vardiff, now);
    }
    return vardiff->difficulty != before;
}
