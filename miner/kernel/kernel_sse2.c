#include "miner/kernel/kernels.h"

#define KERNEL_LANES    4
#define KERNEL_STREAMS  1
#define KERNEL_CONSTANT lanes
#include "miner/kernel/kernel_frame.h"

kernel_schedule kernel_sse2_schedule;
kernel_hash kernel_sse2_hash;

static size_t scan(const struct sha256d_work *work, uint32_t first, uint32_t count,
                   struct sha256d_hit *hits, size_t capacity)
{
    const struct kernel_range range = {work, first, count};
    return kernel_search(&range, kernel_sse2_schedule, kernel_sse2_hash, hits, capacity);
}

/* Part of every x86-64 processor; SSE4.1 has nothing more for this. */
static bool usable(void)
{
    return true;
}

const struct sha256d_kernel kernel_sse2 = {"sse2-4", usable, scan};
