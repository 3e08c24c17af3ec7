#include "devices/levels.h"

#include <math.h>
#include <stdlib.h>

static int by_power(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

/* Leaves powers above 0, ascending, each once, none above `most_w` but the least of all. */
static size_t tidy(double *w, size_t count, double most_w)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (isfinite(w[i]) && w[i] > 0) {
            w[kept++] = w[i];
        }
    }
    if (kept == 0) {
        return 0;
    }
    qsort(w, kept, sizeof *w, by_power);
    size_t distinct = 1;
    for (size_t i = 1; i < kept && w[i] <= most_w; i++) {
        if (w[i] > w[distinct - 1]) {
            w[distinct++] = w[i];
        }
    }
    return distinct;
}

bool levels_fill(struct heater_caps *caps, double *w, size_t count, double most_w)
{
    size_t levels = tidy(w, count, most_w);
    if (levels == 0) {
        return false;
    }
    size_t tiers = levels < HEATER_TIERS ? levels : HEATER_TIERS;
    for (size_t i = 0; i < tiers; i++) {
        size_t from = tiers == levels ? i : (i * (levels - 1) + (tiers - 1) / 2) / (tiers - 1);
        caps->tier_w[i] = w[from];
    }
    caps->tier_count = (uint8_t)tiers;
    caps->min_w = caps->tier_w[0];
    caps->max_w = caps->tier_w[tiers - 1];
    caps->step_w = 0;
    return true;
}

size_t levels_nearest(const double *w, size_t count, double power_w)
{
    size_t nearest = 0;
    for (size_t i = 1; i < count; i++) {
        if (fabs(w[i] - power_w) < fabs(w[nearest] - power_w)) {
            nearest = i;
        }
    }
    return nearest;
}
