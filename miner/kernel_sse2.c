#include "miner/kernels.h"

#define KERNEL_LANES    4
#define KERNEL_STREAMS  1
#define KERNEL_CONSTANT lanes
#define KERNEL_SCHEDULE kernel_sse2_schedule
#define KERNEL_HASH     kernel_sse2_hash
#include "miner/kernel_frame.h"

/* Part of every x86-64 processor; SSE4.1 has nothing more for this. */
static bool usable(void)
{
    return true;
}

const struct sha256d_kernel kernel_sse2 = {"sse2-4", usable, kernel_scan};
