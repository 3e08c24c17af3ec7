/* A heater's abilities, pure: are they sane, what does the configuration leave of them, and is a
 * power within them? */
#ifndef HB_DEVICES_CAPS_H
#define HB_DEVICES_CAPS_H

#include "bridge/config.h"
#include "bridge/heater.h"

/* Smallest difference of powers that counts, W: below any device's resolution. */
#define CAPS_EPSILON_W 1e-6

/* False if a driver declared nonsense: not finite, 0 < min_w <= max_w broken, tiers not ascending
 * from min_w to max_w, negative times. */
HB_MUST_USE bool caps_check(const struct heater_caps *caps, struct hb_err *err);

/* Applies min_power, max_power, min_on, min_off and max_writes_per_day of the configuration, which
 * can only narrow: a larger minimum, a smaller maximum, longer dwell, fewer writes. Tiers outside
 * disappear. False, naming the key,
 * if nothing is left. */
HB_MUST_USE bool caps_narrow(struct heater_caps *caps, const struct config_heater *config,
                             struct hb_err *err);

/* True for 0 and for min_w to max_w, and with tiers only for one of them; never if the heater is
 * only observed. */
HB_MUST_USE bool caps_allow(const struct heater_caps *caps, double power_w, struct hb_err *err);

/* Whether two are the same in everything. */
bool caps_same(const struct heater_caps *a, const struct heater_caps *b);

/* The largest power one level, or one part of the range, below the largest; min_w at least. */
double caps_step_down_w(const struct heater_caps *caps);
/* Lowers the largest power; the smallest one stays possible whatever `max_w` says. */
void caps_cut(struct heater_caps *caps, double max_w);

#endif
