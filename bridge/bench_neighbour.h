/* heatbridge bench neighbour: what does another program feel of the hashing? */
#ifndef HB_BRIDGE_BENCH_NEIGHBOUR_H
#define HB_BRIDGE_BENCH_NEIGHBOUR_H

/* Prints a line of JSON for a machine at rest, beside the engine at full duty, and beside a miner
 * of ordinary priority, in turns that take `seconds` each in all; returns an exit status. */
int bench_neighbour(double seconds);

#endif
