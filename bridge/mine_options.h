/* The command line of `heatbridge mine`. */
#ifndef HB_BRIDGE_MINE_OPTIONS_H
#define HB_BRIDGE_MINE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "miner/engine.h"

enum { MINE_POOLS_MAX = 16, MINE_GO_ON = -1 };

struct mine_options {
    struct miner_pool pools[MINE_POOLS_MAX]; /* the preferred one first; texts are argv's */
    size_t pool_count;
    int threads;                         /* 0: one per processor          */
    const char *kernel;                  /* NULL: the fastest             */
    double duty_ratio, seconds, every_s; /* seconds 0: until interrupted  */
    double power_w;                      /* 0: by the duty                */
    bool json;
};

/* Reads the options, or prints help or one complaint. MINE_GO_ON, or the status to exit with. */
int mine_read_options(struct mine_options *options, int argc, char **argv);

#endif
