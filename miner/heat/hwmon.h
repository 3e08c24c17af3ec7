/* How warm the processor is, from Linux's hwmon sensors, else from its thermal zones. */
#ifndef HB_MINER_HWMON_H
#define HB_MINER_HWMON_H

#include "ground/time.h"

struct hwmon;

/* Looks for the processors' sensors below `sysfs_root`. NULL when memory is short. */
struct hwmon *hwmon_create(const char *sysfs_root);
/* NULL is allowed. */
void hwmon_destroy(struct hwmon *hwmon);
/* Reads the sensors; call it four times a second. Lost and new ones are looked for. */
void hwmon_read(struct hwmon *hwmon, hb_mono now);
/* The warmest processor, degrees Celsius; NaN if there is no sensor, or one cannot be read. */
double hwmon_cpu_c(const struct hwmon *hwmon);
/* The lowest temperature that a sensor calls critical; NaN if none tells. */
double hwmon_critical_c(const struct hwmon *hwmon);

#endif
