/* Which processors hash, so that the rest of the machine feels it least.
 *
 * Threads are given to physical cores first, the fast ones before the slow ones, and to their
 * second hardware threads last. Cores to be spared are left out whole, the slowest first.
 */
#ifndef HB_MINER_CORES_H
#define HB_MINER_CORES_H

#include <stddef.h>

enum { CORES_MAX = 1024 };

/* One logical processor. */
struct core {
    int cpu;      /* its number                                                          */
    int core;     /* number of the first logical processor of its physical core          */
    double speed; /* of different kinds of cores relative to each other; 0: not told     */
};

/* Numbers of the processors that this process may use (affinity mask, cpuset), ascending; returns
 * how many, at least 1. */
size_t cores_allowed(int cpus[CORES_MAX]);
/* Describes `count` processors by what is below `sysfs_root`. What is not told there makes a core
 * of its own. */
void cores_read(const char *sysfs_root, const int *cpus, size_t count, struct core *cores);
/* Pure. Sorts `cores`, puts the numbers of those for `threads` threads (0: as many as there are)
 * into `cpus` while sparing `spare` physical cores (but never the last), and returns how many
 * these are: at most `count`, at least 1 if `count` is. */
size_t cores_choose(struct core *cores, size_t count, size_t threads, size_t spare, int *cpus);

#endif
