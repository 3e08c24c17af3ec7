/* `heatbridge bench sha256d`: the hashing kernels beside OpenSSL's double hash. */
#ifndef HB_BRIDGE_BENCH_SHA256D_H
#define HB_BRIDGE_BENCH_SHA256D_H

/* Measures every kernel that this processor can run, with one thread and with one per CPU, without
 * version rolling ("versions":1) and with, for `seconds` (0.1 to 3600) in all, and prints one JSON
 * line for each: millions of hashes per second of processor time (summed over the threads), cycles
 * per hash and where they are from ("perf" or "clock"), the ratio to OpenSSL, which takes turns
 * with the kernel, and with several threads the ratio to one. Returns the exit status: 0, or 1 if a
 * kernel is wrong. */
int bench_sha256d(double seconds);

#endif
