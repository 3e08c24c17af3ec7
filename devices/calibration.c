#include "devices/calibration.h"

#include <math.h>
#include <stdbool.h>

enum { COUNT_MOST = 1000, MEMORY = 200 };
/* Once the factor is known, a pair can move it as if it were at most so far away: outliers count as
 * much as ordinary noise. */
#define SURPRISE_MOST 0.1

void calibration_learn(struct calibration *c, double metered_w, double own_w)
{
    const double ratio = metered_w / own_w;
    if (!(metered_w > 0 && own_w > 0 && ratio <= CALIBRATION_MOST &&
          ratio >= 1 / CALIBRATION_MOST)) {
        return;
    }
    if (c->count == 0 || !(c->factor > 0) || !isfinite(c->factor)) {
        *c = (struct calibration){.factor = ratio, .count = 1};
        return;
    }
    double surprise = log(ratio / c->factor);
    if (c->count >= CALIBRATION_SURE) {
        surprise = fmax(-SURPRISE_MOST, fmin(SURPRISE_MOST, surprise));
    }
    const uint32_t weight = c->count < MEMORY ? c->count + 1 : MEMORY;
    c->factor *= exp(surprise / weight);
    c->factor = fmax(1 / CALIBRATION_MOST, fmin(CALIBRATION_MOST, c->factor));
    c->count += c->count < COUNT_MOST;
}

double calibration_factor(const struct calibration *c)
{
    const bool known = c->count >= CALIBRATION_SURE && c->factor >= 1 / CALIBRATION_MOST &&
                       c->factor <= CALIBRATION_MOST;
    return known ? c->factor : 0;
}
