/* Average rate of a growing counter over the last two seconds. Pure. */
#ifndef HB_MINER_METER_H
#define HB_MINER_METER_H

#include <stddef.h>

#include "ground/time.h"

enum { METER_SLOTS = 32, METER_SPAN_MS = 2000 };

struct meter {
    hb_mono at[METER_SLOTS];
    double count[METER_SLOTS];
    size_t used, next;
};

/* Notes the counter's value; call it every METER_SPAN_MS / 8 or so. */
void meter_note(struct meter *meter, hb_mono now, double count);
/* Growth per second from the oldest note within the span to the newest; NaN before two notes. */
double meter_per_s(const struct meter *meter);

#endif
