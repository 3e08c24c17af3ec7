/* Watts that hold a room at its target: PI with feed-forward and anti-windup. Pure.
 *
 *   v  = loss * (target - outdoor) + Kp * (target - room) + I        asked for
 *   u  = v limited to what the heaters can deliver                   the answer
 *   I' = Kp/Ti * (target - room) + (u - v)/Tt                        back-calculation
 *
 * Kp = 0.45 of the heaters' power per K, Ti = 90 min, Tt = 45 min: the values for a room of which
 * nothing is known. While the answer is limited the integral does not move further that way, so a
 * step of the target leaves nothing to unwind.
 */
#ifndef HB_BRIDGE_CONTROL_THERMOSTAT_H
#define HB_BRIDGE_CONTROL_THERMOSTAT_H

#include <stdbool.h>

#include "ground/time.h"

struct thermostat {
    hb_mono at;         /* of the last step; unset: none yet */
    double integral_w;  /* learnt: what the feed-forward does not know */
    bool feeds_forward; /* the last step knew the outdoor temperature */
    double feed_w;      /* its feed-forward */
};

struct thermostat_input {
    hb_mono at;
    double target_c, room_c;  /* finite */
    double outdoor_c;         /* NaN: not known */
    double heat_loss_w_per_k; /* 0: not known */
    double max_w;             /* of all heaters of the room; sets the gain */
    double available_w;       /* that they could deliver now: limits and faults taken off */
    bool learns; /* false while a heater does not do what it is told: the integral stays */
};

/* Power asked for, 0 to available_w. Irregular steps are fine; after a gap of more than 10 minutes
 * the integral goes on from where it was. */
double thermostat_step(struct thermostat *thermostat, const struct thermostat_input *in);

/* Time passes without control (window open, no temperature, off): the integral stays. */
void thermostat_rest(struct thermostat *thermostat, hb_mono at);

#endif
