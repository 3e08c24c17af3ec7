/* The pools behind a miner of ours, as a heater tells them: for the drivers that mine. */
#ifndef HB_DEVICES_MINER_POOLS_H
#define HB_DEVICES_MINER_POOLS_H

#include <stddef.h>

#include "bridge/heater.h"
#include "miner/engine.h"

/* Fills the list of `pools` with the first of `count` from `list`, at most HEATER_POOLS; `count`
 * may be larger than the list is long. */
void miner_pools_tell(const struct miner_pool_stats list[HEATER_POOLS], size_t count,
                      struct heater_pools *pools);

/* The same link in a heater's words. */
enum pool_link miner_pools_link(enum miner_link link);

#endif
