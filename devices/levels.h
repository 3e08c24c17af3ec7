/* Fixed levels of power: those that a device tells (profiles, presets), brought down to as many as
 * a heater may have, and those that its owner gives. Pure. */
#ifndef HB_DEVICES_LEVELS_H
#define HB_DEVICES_LEVELS_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config_item.h"
#include "bridge/heater.h"
#include "ground/err.h"

/* Fills min_w, max_w and the tiers of `caps` from powers in any order, without those above `most_w`
 * unless none is left otherwise; thinned out evenly to HEATER_TIERS, with the ends kept. False if
 * there is no finite power above 0. Sorts `w` in place. */
bool levels_fill(struct heater_caps *caps, double *w, size_t count, double most_w);

/* Takes `count` levels of power as they are: those `given` by the owner, or `usual` if there are
 * none. False if it is another number of them. */
HB_MUST_USE bool levels_take(struct heater_caps *caps, const struct config_powers *given,
                             const double *usual, int count, struct hb_err *err);
/* Which of the tiers that power is; -1 if it is none, as 0 W. */
int levels_index(const struct heater_caps *caps, double power_w);

/* Index of the power nearest to `power_w`; `count` is not 0. */
size_t levels_nearest(const double *w, size_t count, double power_w);

#endif
