#include "miner/figures/meter.h"

#include <math.h>

void meter_note(struct meter *meter, hb_mono now, double count)
{
    meter->at[meter->next] = now;
    meter->count[meter->next] = count;
    meter->next = (meter->next + 1) % METER_SLOTS;
    meter->used += meter->used < METER_SLOTS ? 1 : 0;
}

double meter_per_s(const struct meter *meter)
{
    if (meter->used < 2) {
        return NAN;
    }
    const size_t last = (meter->next + METER_SLOTS - 1) % METER_SLOTS;
    size_t first = last;
    for (size_t back = 1; back < meter->used; back++) {
        const size_t slot = (last + METER_SLOTS - back) % METER_SLOTS;
        first = slot;
        if (mono_age_ms(meter->at[last], meter->at[slot]) >= METER_SPAN_MS) {
            break;
        }
    }
    const int64_t span_ms = mono_age_ms(meter->at[last], meter->at[first]);
    return span_ms > 0 ? (meter->count[last] - meter->count[first]) * 1000.0 / (double)span_ms
                       : NAN;
}
