/* A mining engine made of a struct, in place of miner/: what the engine's heater asks and tells. */
#ifndef HB_TESTS_DEVICES_FAKE_MINER_H
#define HB_TESTS_DEVICES_FAKE_MINER_H

#include "miner/engine.h"

struct miner_engine {
    struct miner_stats stats;         /* what miner_get_stats answers */
    struct miner_pool_stats pools[6]; /* what miner_get_pools answers */
    size_t pool_count;
    unsigned sets;  /* calls of miner_set_duty and miner_set_power; the duty goes into stats */
    double asked_w; /* by the last miner_set_power */
    struct miner_scale scale; /* as last set */
    double rated_w;           /* what miner_rated_w answers */
    double noted_w;           /* by the last miner_note_power */
};

/* An engine of 10 MH/s that does not hash yet, with a pool. */
struct miner_engine fake_miner_make(void);

#endif
