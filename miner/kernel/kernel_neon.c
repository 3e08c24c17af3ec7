#include <arm_neon.h>

#include "miner/kernel/kernels.h"

/* A shift that inserts makes a rotation of two instructions; a select makes a choice of one. */
#define KERNEL_ROTATE(x, n)      vsriq_n_u32(vshlq_n_u32(x, 32 - (n)), x, n)
#define KERNEL_CHOICE(e, f, g)   vbslq_u32(e, f, g)
#define KERNEL_MAJORITY(a, b, c) vbslq_u32((a) ^ (b), c, b)
#include "miner/kernel/kernel_lanes.h"

static bool usable(void)
{
    return true; /* part of every 64-bit ARM */
}

const struct sha256d_kernel kernel_neon = {"neon-4", usable, lanes_scan};
