/* Shares the power a room asks for among its heaters, within what each can hold. Pure.
 *
 * Heaters that are on come first, each up to its maximum. What is less than a heater's smallest
 * power, or between two of its fixed levels, is given on average: energy asked for and not
 * delivered adds up until a pulse is worth its start (slow sigma-delta). Times between switching on
 * and off are kept; only a limit or an explicit off ends a heater's time early.
 */
#ifndef HB_BRIDGE_CONTROL_ALLOCATOR_H
#define HB_BRIDGE_CONTROL_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/heater.h"

enum allocator_hold { HOLD_NONE, HOLD_MIN_ON, HOLD_MIN_OFF };

struct allocator_heater {
    const struct heater_caps *caps;
    double limit_w;           /* most it may get now; below its smallest power: it must be off */
    double now_w;             /* commanded at present; 0: off */
    hb_mono switched;         /* last change between on and off; unset: never */
    hb_mono written;          /* last change of its power; unset: never */
    double next_w;            /* out: to be commanded */
    enum allocator_hold hold; /* out: a dwell time that decided */
};

struct allocator {
    hb_mono at;     /* of the last call; unset: none */
    double asked_w; /* at the last call */
    double debt_ws; /* energy asked for and not yet delivered */
};

/* Fills `next_w` and `hold` of each of `count` heaters for `asked_w`, so that together they stay
 * within `limit_w`. `wanted` false: everything off at once. */
void allocator_share(struct allocator *allocator, double asked_w, double limit_w, bool wanted,
                     struct allocator_heater *heaters, size_t count, hb_mono now);

/* Power that a heater can hold nearest to `power_w` and at most `limit_w`; 0 if there is none. */
double allocator_level(const struct heater_caps *caps, double power_w, double limit_w);

#endif
