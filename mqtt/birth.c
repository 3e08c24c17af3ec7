#include "mqtt/birth.h"

/* SplitMix64 (Steele, Lea, Flood 2014): enough for a jitter, and the same on every machine. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static hb_mono later(hb_mono a, hb_mono b)
{
    return a.ms > b.ms ? a : b;
}

/* An earlier round takes a later one with it. */
static void schedule(struct birth *birth, hb_mono due, bool full)
{
    birth->due = mono_earlier(birth->due, due);
    birth->full = birth->full || full;
}

void birth_init(struct birth *birth, uint64_t seed)
{
    *birth = (struct birth){.random = seed};
}

void birth_connected(struct birth *birth, hb_mono now)
{
    birth->connected = true;
    birth->full = false;
    birth->due = mono_add_ms(now, BIRTH_LISTEN_MS);
    birth->tidy_due = mono_add_ms(now, BIRTH_TIDY_MS);
}

void birth_lost(struct birth *birth)
{
    birth->connected = false;
    birth->full = false;
    birth->due = (hb_mono){0};
    birth->tidy_due = (hb_mono){0};
}

void birth_ha_online(struct birth *birth, hb_mono now)
{
    const uint64_t span = BIRTH_JITTER_MAX_MS - BIRTH_JITTER_MIN_MS + 1;
    const int64_t jitter_ms = BIRTH_JITTER_MIN_MS + (int64_t)(next_random(&birth->random) % span);
    if (birth->connected) {
        schedule(birth, mono_add_ms(now, jitter_ms), true);
    }
}

void birth_reconfigured(struct birth *birth, hb_mono now)
{
    if (birth->connected) {
        schedule(birth, now, false);
    }
}

enum birth_round birth_take(struct birth *birth, hb_mono now)
{
    const hb_mono due = birth_wake(birth);
    if (!mono_is_set(due) || due.ms > now.ms) {
        return BIRTH_ROUND_NONE;
    }
    const bool full = birth->full && mono_is_set(birth->due) && birth->due.ms <= now.ms;
    if (mono_is_set(birth->due) && birth->due.ms <= now.ms) {
        birth->due = (hb_mono){0};
        birth->full = false;
    }
    if (mono_is_set(birth->tidy_due) && birth->tidy_due.ms <= now.ms) {
        birth->tidy_due = (hb_mono){0};
    }
    return full ? BIRTH_ROUND_FULL : BIRTH_ROUND_CHANGES;
}

void birth_sent(struct birth *birth, hb_mono now)
{
    birth->not_before = mono_add_ms(now, BIRTH_SPACING_MS);
}

hb_mono birth_wake(const struct birth *birth)
{
    const hb_mono due = mono_earlier(birth->due, birth->tidy_due);
    return mono_is_set(due) ? later(due, birth->not_before) : due;
}
