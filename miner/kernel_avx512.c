#include "miner/kernels.h"

#define KERNEL_LANES 16
#include "miner/kernel_lanes.h"

static bool usable(void)
{
    return __builtin_cpu_supports("avx512f") != 0;
}

const struct sha256d_kernel kernel_avx512 = {"avx512-16", usable, lanes_scan};
