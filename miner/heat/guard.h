/* Keeps the processor below a temperature by lowering the duty, and never raises it. Pure.
 *
 * Above the limit the duty is reduced smoothly (proportional and integral), so that a processor
 * with a clogged fan settles at the limit instead of swinging. At the critical temperature it is
 * off until it has cooled well below the limit. A sensor that was there and is not any more is a
 * warning: after ten seconds the duty is held at what every cooler can bear.
 */
#ifndef HB_MINER_GUARD_H
#define HB_MINER_GUARD_H

#include <stdbool.h>

#include "ground/time.h"

/* Duty at most while a sensor that was there cannot be read. */
#define GUARD_BLIND_RATIO 0.25
/* The duty that is allowed again only when so much below the limit. */
#define GUARD_COOL_K 5.0

enum guard_state {
    GUARD_OPEN,     /* as much as is wanted */
    GUARD_WARM,     /* reduced to hold the limit */
    GUARD_CRITICAL, /* off until cool */
    GUARD_BLIND,    /* reduced because the sensor is gone */
};

struct guard {
    double limit_c, critical_c;
    enum guard_state state;
    double level;   /* integral part, 0 to 1 */
    double allowed; /* 0 to 1 */
    double cpu_c;   /* smoothed; NaN before the first reading */
    hb_mono last;   /* step */
    hb_mono seen;   /* when the sensor was last readable; unset: never */
};

/* Holds `limit_c`, or 10 K below what the sensor calls critical (NaN: it does not say) if that is
 * less. Off 10 K above that limit. */
void guard_init(struct guard *guard, double limit_c, double critical_c);
/* The duty, at most `wanted`, that is allowed at `cpu_c` (NaN: unreadable). Call it four times a
 * second or so. */
double guard_step(struct guard *guard, double cpu_c, double wanted, hb_mono now);

/* The same as of the last step, for another wish. */
static inline double guard_allows(const struct guard *guard, double wanted)
{
    return wanted < guard->allowed ? wanted : guard->allowed;
}

#endif
