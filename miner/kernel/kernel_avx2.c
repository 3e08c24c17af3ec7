#include "miner/kernel/kernels.h"

#define KERNEL_LANES    8
#define KERNEL_STREAMS  1
#define KERNEL_CONSTANT lanes
#include "miner/kernel/kernel_frame.h"

kernel_schedule kernel_avx2_schedule;
kernel_hash kernel_avx2_hash;

static size_t scan(const struct sha256d_work *work, uint32_t first, uint32_t count,
                   struct sha256d_hit *hits, size_t capacity)
{
    const struct kernel_range range = {work, first, count};
    return kernel_search(&range, kernel_avx2_schedule, kernel_avx2_hash, hits, capacity);
}

static bool usable(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

const struct sha256d_kernel kernel_avx2 = {"avx2-8", usable, scan};
