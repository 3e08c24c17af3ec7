/* House time: real time, run faster in the demo; and how punctual the ticks are. Pure. */
#ifndef HB_BRIDGE_APP_TICKER_H
#define HB_BRIDGE_APP_TICKER_H

#include "ground/time.h"

struct ticker {
    double scale; /* house time per real time, >= 1 */
    hb_mono real_start;
    hb_wall wall_start;
    hb_mono last_real; /* of the last tick */
    double worst_late_ms;
    int period_ms; /* real time between ticks */
};

/* One tick per second of house time, but no more than 100 per real second. */
void ticker_init(struct ticker *ticker, double scale, hb_mono now, hb_wall wall);

/* House time for a real time. */
hb_mono ticker_mono(const struct ticker *ticker, hb_mono real);
/* At scale 1 this is `wall`, clock steps included; faster time begins at the start's wall clock. */
hb_wall ticker_wall(const struct ticker *ticker, hb_mono real, hb_wall wall);

/* Notes that a tick happens now, for the worst lateness. */
void ticker_tick(struct ticker *ticker, hb_mono real);

#endif
