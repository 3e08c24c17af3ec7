#include "tests/devices/fake_miner.h"

#include <math.h>
#include <string.h>

struct miner_engine fake_miner_make(void)
{
    struct miner_engine engine = {.stats = {.link = MINER_LINK_OK,
                                            .full_hashrate_hs = 10e6,
                                            .idle_w = 0,
                                            .full_w = 65,
                                            .package_w = NAN,
                                            .cpu_c = NAN,
                                            .figures = {.economics = economics_none(),
                                                        .average_15m_hs = NAN,
                                                        .shares = {.hashrate_hs = NAN}},
                                            .kernel = "fake"},
                                  .rated_w = NAN,
                                  .noted_w = NAN};
    memcpy(engine.stats.pool, "pool.example:3333", sizeof "pool.example:3333");
    return engine;
}

void miner_set_scale(struct miner_engine *engine, const struct miner_scale *scale)
{
    engine->scale = *scale;
    if (engine->stats.calibrated_by == MINER_POWER_MODELLED) {
        engine->stats.idle_w = scale->idle_w;
        engine->stats.full_w = scale->full_w;
    }
}

double miner_rated_w(const struct miner_engine *engine)
{
    return engine->rated_w;
}

void miner_note_power(struct miner_engine *engine, double power_w)
{
    engine->noted_w = power_w;
}

/* A straight line between idle and full, as the engine has it before it learns. */
void miner_set_power(struct miner_engine *engine, double power_w)
{
    const struct miner_stats *s = &engine->stats;
    const double duty = (power_w - s->idle_w) / (s->full_w - s->idle_w);
    engine->asked_w = power_w;
    miner_set_duty(engine, power_w > 0 ? fmin(fmax(duty, 0), 1) : 0);
    engine->stats.power_w = fmax(power_w, s->idle_w);
}

void miner_set_duty(struct miner_engine *engine, double duty_ratio)
{
    engine->sets++;
    engine->stats.duty_ratio = engine->stats.wanted_ratio = duty_ratio;
    engine->stats.hashing = duty_ratio > 0;
    engine->stats.hashrate_hs = duty_ratio * engine->stats.full_hashrate_hs;
}

void miner_get_stats(const struct miner_engine *engine, struct miner_stats *stats)
{
    *stats = engine->stats;
}

size_t miner_get_pools(const struct miner_engine *engine, struct miner_pool_stats *list, size_t max)
{
    for (size_t i = 0; i < engine->pool_count && i < max; i++) {
        list[i] = engine->pools[i];
    }
    return engine->pool_count;
}
