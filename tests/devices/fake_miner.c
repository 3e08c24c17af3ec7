#include "tests/devices/fake_miner.h"

#include <math.h>
#include <string.h>

struct miner_engine fake_miner_make(void)
{
    struct miner_engine engine = {.stats = {.link = MINER_LINK_OK,
                                            .full_hashrate_hs = 10e6,
                                            .package_w = NAN,
                                            .cpu_c = NAN,
                                            .kernel = "fake"}};
    memcpy(engine.stats.pool, "pool.example:3333", sizeof "pool.example:3333");
    return engine;
}

void miner_set_duty(struct miner_engine *engine, double duty_ratio)
{
    engine->sets++;
    engine->stats.duty_ratio = duty_ratio;
    engine->stats.hashing = duty_ratio > 0;
    engine->stats.hashrate_hs = duty_ratio * engine->stats.full_hashrate_hs;
}

void miner_get_stats(const struct miner_engine *engine, struct miner_stats *stats)
{
    *stats = engine->stats;
}
