/* `heatbridge bench core`: how long the core takes for a tick over one room and over a thousand. */
#ifndef HB_BRIDGE_BENCH_CORE_H
#define HB_BRIDGE_BENCH_CORE_H

/* Measures for about `seconds` (0.1 to 3600) in all and prints one JSON line. Returns the exit
 * status: 0, or 1 without memory. */
int bench_core(double seconds);

#endif
