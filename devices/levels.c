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

bool levels_take(struct heater_caps *caps, const struct config_powers *given, const double *usual,
                 int count, struct hb_err *err)
{
    if (given->count != 0 && given->count != (size_t)count) {
        return hb_fail(err, HB_ERR_USAGE, "levels: expected %d powers, got %zu", count,
                       given->count);
    }
    for (int i = 0; i < count; i++) {
        caps->tier_w[i] = given->count > 0 ? given->w[i] : usual[i];
    }
    caps->tier_count = (uint8_t)count;
    caps->min_w = caps->tier_w[0];
    caps->max_w = caps->tier_w[count - 1];
    return true;
}

int levels_index(const struct heater_caps *caps, double power_w)
{
    for (int i = 0; i < caps->tier_count; i++) {
        if (fabs(caps->tier_w[i] - power_w) < 0.5) {
            return i;
        }
    }
    return -1;
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
