#include "miner/kernels.h"

#define KERNEL_LANES    8
#define KERNEL_STREAMS  1
#define KERNEL_CONSTANT lanes
#define KERNEL_SCHEDULE kernel_avx2_schedule
#define KERNEL_HASH     kernel_avx2_hash
#include "miner/kernel_frame.h"

static bool usable(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

const struct sha256d_kernel kernel_avx2 = {"avx2-8", usable, kernel_scan};
