/* Fixed levels of power that a device tells (profiles, presets), brought down to as many as a
 * heater may have. Pure. */
#ifndef HB_DEVICES_LEVELS_H
#define HB_DEVICES_LEVELS_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/heater.h"

/* Fills min_w, max_w and the tiers of `caps` from powers in any order, without those above `most_w`
 * unless none is left otherwise; thinned out evenly to HEATER_TIERS, with the ends kept. False if
 * there is no finite power above 0. Sorts `w` in place. */
bool levels_fill(struct heater_caps *caps, double *w, size_t count, double most_w);

/* Index of the power nearest to `power_w`; `count` is not 0. */
size_t levels_nearest(const double *w, size_t count, double power_w);

#endif
