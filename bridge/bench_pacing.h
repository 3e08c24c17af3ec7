/* heatbridge bench pacing: is the fraction of full hashing that is asked for also delivered? */
#ifndef HB_BRIDGE_BENCH_PACING_H
#define HB_BRIDGE_BENCH_PACING_H

/* Prints a line of JSON per duty, each measured for `seconds`; returns an exit status. */
int bench_pacing(double seconds);

#endif
