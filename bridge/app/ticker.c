#include "bridge/app/ticker.h"

enum { SECOND_MS = 1000, PERIOD_MIN_MS = 10 };

void ticker_init(struct ticker *ticker, double scale, hb_mono now, hb_wall wall)
{
    const int period_ms = (int)(SECOND_MS / scale);
    *ticker = (struct ticker){
        .scale = scale,
        .real_start = now,
        .wall_start = wall,
        .period_ms = period_ms < PERIOD_MIN_MS ? PERIOD_MIN_MS : period_ms,
    };
}

static int64_t scaled_ms(const struct ticker *ticker, hb_mono real)
{
    return (int64_t)((double)mono_age_ms(real, ticker->real_start) * ticker->scale);
}

hb_mono ticker_mono(const struct ticker *ticker, hb_mono real)
{
    return ticker->scale > 1 ? mono_add_ms(ticker->real_start, scaled_ms(ticker, real)) : real;
}

hb_wall ticker_wall(const struct ticker *ticker, hb_mono real, hb_wall wall)
{
    return ticker->scale > 1 ? (hb_wall){ticker->wall_start.ms + scaled_ms(ticker, real)} : wall;
}

void ticker_tick(struct ticker *ticker, hb_mono real)
{
    if (mono_is_set(ticker->last_real)) {
        const double late_ms = (double)(mono_age_ms(real, ticker->last_real) - ticker->period_ms);
        if (late_ms > ticker->worst_late_ms) {
            ticker->worst_late_ms = late_ms;
        }
    }
    ticker->last_real = real;
}
