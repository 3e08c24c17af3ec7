/* The rows of the kernel table; only kernel.c and the files that define them include this. */
#ifndef HB_MINER_KERNELS_H
#define HB_MINER_KERNELS_H

#include "miner/kernel/kernel.h"

/* Four lanes in the compiler's own vectors: every processor. */
extern const struct sha256d_kernel kernel_portable;
#if defined(__x86_64__)
/* The SHA instructions, without and with AVX around them. */
extern const struct sha256d_kernel kernel_shani, kernel_shani_avx;
/* Assembly: four, eight and two times sixteen lanes. */
extern const struct sha256d_kernel kernel_sse2;
extern const struct sha256d_kernel kernel_avx2;
extern const struct sha256d_kernel kernel_avx512;
#elif defined(__aarch64__)
/* The SHA instructions of ARMv8; four lanes with its vector instructions. */
extern const struct sha256d_kernel kernel_armv8, kernel_neon;
#endif

#endif
