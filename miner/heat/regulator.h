/* Reads the machine's sensors, lets miner/heat/heat.h decide the duty, and tells people what
 * changed. */
#ifndef HB_MINER_REGULATOR_H
#define HB_MINER_REGULATOR_H

#include <stdbool.h>

#include "ground/attr.h"
#include "ground/time.h"
#include "miner/engine.h"
#include "miner/heat/workers.h"
#include "plumbing/log.h"

struct regulator;

/* Sensors are looked for below `sysfs_root`; the processor is kept below `max_cpu_c`. `log` is
 * borrowed. NULL when memory is short. */
HB_MUST_USE struct regulator *regulator_create(const char *sysfs_root, double max_cpu_c,
                                               const struct hb_log *log);
/* NULL is allowed. */
void regulator_destroy(struct regulator *regulator);

/* What was learnt before about this machine; copied. It is used by the next regulator_set_scale. */
void regulator_remember(struct regulator *regulator, const struct miner_calibration *kept);
void regulator_set_scale(struct regulator *regulator, const struct miner_scale *scale);
/* Fills what is about watts; false if nothing was learnt that is worth keeping. */
HB_MUST_USE bool regulator_keep(const struct regulator *regulator, struct miner_calibration *kept);

/* All three return the duty from now on. Step four times a second; `hashrate_hs` is that of the
 * last two seconds, NaN if not known. */
double regulator_want_duty(struct regulator *regulator, double duty_ratio);
double regulator_want_power(struct regulator *regulator, double power_w);
double regulator_step(struct regulator *regulator, const struct workers_stats *workers,
                      double hashrate_hs, hb_mono now);
/* A reading of an external meter. */
void regulator_note_meter(struct regulator *regulator, double power_w, hb_mono now);

/* As in miner_rated_w. */
double regulator_rated_w(const struct regulator *regulator);
/* Fills in the members of the statistics that are about duty, power and temperature. */
void regulator_get_stats(const struct regulator *regulator, struct miner_stats *stats);

#endif
