/* The last word of `heatbridge mine`: what was done, proven, drawn and earned. Pure. */
#ifndef HB_BRIDGE_MINE_SUMMARY_H
#define HB_BRIDGE_MINE_SUMMARY_H

#include <stddef.h>

#include "miner/engine.h"

enum { MINE_SUMMARY_MAX = 4096 };

/* Several lines, each with its end, of at most 79 columns unless a pool's name is long. What is not
 * known is left out; that the money is not known is told. */
void mine_summary_print(const struct miner_stats *stats, const struct miner_pool_stats *pools,
                        size_t pool_count, double uptime_s, char summary[MINE_SUMMARY_MAX]);

#endif
