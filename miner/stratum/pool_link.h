/* A Stratum pool as a source of work: its connection and its session, joined. */
#ifndef HB_MINER_POOL_LINK_H
#define HB_MINER_POOL_LINK_H

#include "miner/work_source.h"

extern const struct work_source_kind pool_link_kind;

#endif
