#include "devices/miner_pools.h"

#include "ground/text.h"

void miner_pools_tell(const struct miner_pool_stats list[HEATER_POOLS], size_t count,
                      struct heater_pools *pools)
{
    static const enum refusal refusals[REJECT_COUNT] = {
        [REJECT_STALE] = REFUSAL_STALE,
        [REJECT_DUPLICATE] = REFUSAL_DUPLICATE,
        [REJECT_LOW_DIFFICULTY] = REFUSAL_LOW_DIFFICULTY,
        [REJECT_UNAUTHORIZED] = REFUSAL_UNAUTHORIZED,
        [REJECT_OTHER] = REFUSAL_OTHER,
    };
    pools->count = (uint8_t)(count < HEATER_POOLS ? count : HEATER_POOLS);
    for (size_t i = 0; i < pools->count; i++) {
        struct heater_pool *pool = &pools->list[i];
        (void)text_copy(pool->pool, sizeof pool->pool, list[i].pool);
        pool->accepted = list[i].accepted;
        pool->answer_p50_ms = list[i].answer_p50_ms;
        pool->answer_p95_ms = list[i].answer_p95_ms;
        for (size_t kind = 0; kind < REJECT_COUNT; kind++) {
            pool->refused[refusals[kind]] = list[i].rejected[kind];
        }
    }
}

enum pool_link miner_pools_link(enum miner_link link)
{
    static const enum pool_link map[] = {[MINER_LINK_NONE] = POOL_NONE,
                                         [MINER_LINK_CONNECTING] = POOL_CONNECTING,
                                         [MINER_LINK_OK] = POOL_OK,
                                         [MINER_LINK_LOST] = POOL_LOST};
    return map[link];
}
