/* The energy that the processor packages have used, from Linux's powercap (intel-rapl, which serves
 * AMD as well).
 *
 * Packages are summed. Their parts (cores, graphics, memory) are not counted again, and neither is
 * `psys`, which where it exists contains the packages and is often wrong. The counters wrap after
 * minutes to hours. Reading them takes root or CAP_DAC_READ_SEARCH on most systems
 * (CVE-2020-8694); the limits, which everybody may read, tell what the packages are built for.
 */
#ifndef HB_MINER_RAPL_H
#define HB_MINER_RAPL_H

#include "ground/time.h"

struct rapl;

enum rapl_access {
    RAPL_NONE,   /* there are no counters */
    RAPL_DENIED, /* there are, but we may not read them */
    RAPL_LOST,   /* they cannot be read now */
    RAPL_OK,
};

/* Looks for packages below `sysfs_root`. NULL when memory is short. */
struct rapl *rapl_create(const char *sysfs_root);
/* NULL is allowed. */
void rapl_destroy(struct rapl *rapl);
/* Reads the counters; call it four times a second. Packages that appear later are found. */
void rapl_read(struct rapl *rapl, hb_mono now);
enum rapl_access rapl_access(const struct rapl *rapl);
/* Joules of all packages since the first reading; NaN unless RAPL_OK. It stands still while the
 * counters cannot be read. */
double rapl_energy_j(const struct rapl *rapl);
/* Watts of all packages over the last 2 s; NaN where unreadable. */
double rapl_power_w(const struct rapl *rapl);
/* Sum of the packages' long-term power limits; NaN if one does not tell, or tells nonsense. */
double rapl_limit_w(const struct rapl *rapl);

#endif
