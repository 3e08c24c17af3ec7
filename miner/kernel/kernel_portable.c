#include "miner/kernel/kernels.h"

#include "miner/kernel/kernel_lanes.h"

static bool usable(void)
{
    return true;
}

const struct sha256d_kernel kernel_portable = {"portable-4", usable, lanes_scan};
