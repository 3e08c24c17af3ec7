#include "mqtt/backoff.h"

void mqtt_backoff_init(struct mqtt_backoff *backoff, uint32_t seed)
{
    *backoff = (struct mqtt_backoff){.random = seed != 0 ? seed : 1};
}

void mqtt_backoff_connected(struct mqtt_backoff *backoff, hb_mono now)
{
    backoff->up_since = now;
}

/* Marsaglia's xorshift32; its state is never 0. */
static uint32_t next_random(struct mqtt_backoff *backoff)
{
    uint32_t x = backoff->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    backoff->random = x;
    return x;
}

static int64_t between(struct mqtt_backoff *backoff, int64_t low_ms, int64_t high_ms)
{
    return low_ms + (int64_t)next_random(backoff) % (high_ms - low_ms + 1);
}

int64_t mqtt_backoff_failed(struct mqtt_backoff *backoff)
{
    int64_t ceiling_ms = BACKOFF_FIRST_MS;
    for (unsigned i = 0; i < backoff->failures && ceiling_ms < BACKOFF_CAP_MS; i++) {
        ceiling_ms *= 2;
    }
    if (ceiling_ms > BACKOFF_CAP_MS) {
        ceiling_ms = BACKOFF_CAP_MS;
    }
    backoff->failures++;
    return between(backoff, ceiling_ms / 2, ceiling_ms);
}

/* Notes a short session; true if it makes a fight of the last few. */
static bool note_short(struct mqtt_backoff *backoff, hb_mono now)
{
    backoff->short_losses[backoff->short_loss_count++ % BACKOFF_FIGHT_LOSSES] = now;
    if (backoff->short_loss_count < BACKOFF_FIGHT_LOSSES) {
        return false;
    }
    const hb_mono oldest = backoff->short_losses[backoff->short_loss_count % BACKOFF_FIGHT_LOSSES];
    return mono_age_ms(now, oldest) <= BACKOFF_FIGHT_WINDOW_MS;
}

int64_t mqtt_backoff_lost(struct mqtt_backoff *backoff, hb_mono now, bool *fight)
{
    *fight = false;
    if (mono_age_ms(now, backoff->up_since) >= BACKOFF_SHORT_SESSION_MS) {
        backoff->failures = 0;
        backoff->short_loss_count = 0;
        return mqtt_backoff_failed(backoff);
    }
    *fight = note_short(backoff, now);
    if (!*fight) {
        return mqtt_backoff_failed(backoff);
    }
    backoff->short_loss_count = 0;
    return between(backoff, BACKOFF_FIGHT_WINDOW_MS, BACKOFF_FIGHT_WINDOW_MS * 11 / 10);
}
