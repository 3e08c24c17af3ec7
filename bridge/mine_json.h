/* The JSON stream of `heatbridge mine --json`: one line a second with all figures. Pure.
 *
 * Every key is always there; unknown is null. `heatbridge mine --help` and docs/engine.md list
 * them.
 */
#ifndef HB_BRIDGE_MINE_JSON_H
#define HB_BRIDGE_MINE_JSON_H

#include "miner/engine.h"

/* One line without its end; owned by the caller, free with free(). */
char *mine_json_line(const struct miner_stats *stats, const struct miner_pool_stats *pools,
                     size_t pool_count, double uptime_s);

#endif
