#include "miner/kernel/kernel_shani.h"

#include "miner/kernel/kernels.h"

static bool usable(void)
{
    return has_sha() && __builtin_cpu_supports("avx") != 0;
}

const struct sha256d_kernel kernel_shani_avx = {"shani-avx", usable, shani_scan};
