/* What the processor draws and how warm it is, as Linux tells it below a sysfs root.
 *
 * Power: the energy counters of the packages (powercap intel-rapl:N, on AMD as well), summed. They
 * are readable by root only on most systems. Temperature: hwmon's processor sensors, else thermal
 * zones. What cannot be read is NaN.
 */
#ifndef HB_MINER_POWER_H
#define HB_MINER_POWER_H

#include "ground/time.h"

struct power_meter;

/* Looks for sensors below `sysfs_root` ("/sys"), once. NULL when memory is short. */
struct power_meter *power_create(const char *sysfs_root);
/* NULL is allowed. */
void power_destroy(struct power_meter *meter);
/* Reads the sensors; call it about twice a second (the counters wrap after minutes). */
void power_read(struct power_meter *meter, hb_mono now);
/* Watts of all packages over the last ~5 s; NaN where unreadable. */
double power_package_w(const struct power_meter *meter);
/* Degrees Celsius; NaN where unreadable. */
double power_cpu_c(const struct power_meter *meter);

#endif
