#include "miner/kernels.h"

#define KERNEL_LANES 8
#include "miner/kernel_lanes.h"

static bool usable(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

const struct sha256d_kernel kernel_avx2 = {"avx2-8", usable, lanes_scan};
