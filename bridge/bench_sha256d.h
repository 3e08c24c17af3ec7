/* `heatbridge bench sha256d`: the hashing kernel beside OpenSSL's double hash, one thread each. */
#ifndef HB_BRIDGE_BENCH_SHA256D_H
#define HB_BRIDGE_BENCH_SHA256D_H

/* Measures both in turns for `seconds` (0.1 to 3600) in all and prints one JSON line. Returns the
 * exit status: 0, or 1 if no kernel is right. */
int bench_sha256d(double seconds);

#endif
