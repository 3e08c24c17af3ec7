#include "miner/kernels.h"

#define KERNEL_LANES    16
#define KERNEL_STREAMS  2
#define KERNEL_CONSTANT uint32_t
#define KERNEL_SCHEDULE kernel_avx512_schedule
#define KERNEL_HASH     kernel_avx512_hash
#include "miner/kernel_frame.h"

static bool usable(void)
{
    return __builtin_cpu_supports("avx512f") != 0;
}

const struct sha256d_kernel kernel_avx512 = {"avx512-16", usable, kernel_scan};
