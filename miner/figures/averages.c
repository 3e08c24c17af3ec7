#include "miner/figures/averages.h"

#include <math.h>

static size_t slot_back(const struct averages *averages, size_t back)
{
    return (averages->next + AVERAGES_SLOTS - back) % AVERAGES_SLOTS;
}

void averages_note(struct averages *averages, hb_mono now, double count)
{
    averages->last_at = now;
    averages->last_count = count;
    if (averages->used > 0 &&
        mono_age_ms(now, averages->at[slot_back(averages, 1)]) < AVERAGES_STEP_MS) {
        return;
    }
    averages->at[averages->next] = now;
    averages->count[averages->next] = count;
    averages->next = (averages->next + 1) % AVERAGES_SLOTS;
    averages->used += averages->used < AVERAGES_SLOTS ? 1 : 0;
}

double averages_per_s(const struct averages *averages, int64_t span_ms)
{
    size_t first = slot_back(averages, 1);
    for (size_t back = 1; back <= averages->used; back++) {
        first = slot_back(averages, back);
        if (mono_age_ms(averages->last_at, averages->at[first]) >= span_ms) {
            break;
        }
    }
    const int64_t age_ms = mono_age_ms(averages->last_at, averages->at[first]);
    return averages->used > 0 && age_ms > 0
               ? (averages->last_count - averages->count[first]) * 1000 / (double)age_ms
               : NAN;
}
