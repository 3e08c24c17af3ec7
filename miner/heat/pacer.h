/* How many hashes one worker may compute now, so that exactly the asked fraction is delivered.
 * Pure.
 *
 * Budget is counted in hashes, not in time: each second grants duty * full rate hashes, what was
 * computed is paid from it, and errors cancel over time (measured within 0.0002 of the request,
 * where switching by the clock was off by up to 0.18). Heat is linear in hashes.
 *
 * Time is divided into periods whose boundaries are the same for all workers but for their phase.
 * A worker computes at the beginning of each period what is granted until its end, and rests for
 * the remainder: a pulse of duty * period. With phases evenly spread, so many workers are busy at
 * any moment as the total duty says, rounded down or up, which is the smoothest that switching can
 * be. A change of duty is a ramp, so that power supply and mains see no step; only off is at once.
 */
#ifndef HB_MINER_PACER_H
#define HB_MINER_PACER_H

#include <stdbool.h>
#include <stdint.h>

#include "miner/heat/rate.h"

/* At and above this duty there is no rest worth taking. */
#define PACER_FULL_DUTY 0.995
/* One pulse per period. Far below any thermal time constant, and short enough that the pulse cut in
 * two by either end of a 10 s window is at most 0.05 % of full scale; 50 a second is above the
 * range in which eyes see lamps flicker. */
#define PACER_PERIOD_NS INT64_C(20000000)

struct pacer {
    struct rate rate;
    double phase;      /* 0 to 1 of a period                                                 */
    double ramp_per_s; /* how fast the duty moves; 0: at once                                */
    double duty_ratio; /* asked for                                                          */
    double from_ratio; /* where the ramp began ...                                           */
    int64_t ramp_ns;   /* ... and when                                                       */
    double balance;    /* hashes granted until last_ns and not computed; negative: ahead     */
    double forfeited;  /* hashes granted but given up, because others had the processor      */
    int64_t last_ns;   /* until when hashes were granted                                     */
    bool in_pulse;
};

/* Begins at duty 0. `ramp_s`: how long from 0 to full; 0: at once. */
void pacer_init(struct pacer *pacer, double phase, double ramp_s);
/* Changes the duty (0 to 1) from `at_ns` on, which may lie a little in the past: workers that were
 * told at the same time ramp together. Down to 0, and from 0 on, nothing is owed. */
void pacer_set_duty(struct pacer *pacer, double duty_ratio, int64_t at_ns);
/* Begins to heat from nothing at the duty asked for, ramping up: after a time without work. */
void pacer_resume(struct pacer *pacer, int64_t now_ns);
/* The duty at this moment of the ramp. */
double pacer_duty(const struct pacer *pacer, int64_t now_ns);
/* Hashes to compute at once, a multiple of 64; 0 if the worker should rest until pacer_wake. */
uint32_t pacer_take(struct pacer *pacer, int64_t now_ns);
/* Accounts hashes that were computed in `cpu_ns` of processor time, until `now_ns`. */
void pacer_pay(struct pacer *pacer, uint32_t hashes, int64_t cpu_ns, int64_t now_ns);
/* After pacer_take gave 0: the beginning of the next period that is worth waking up for. */
int64_t pacer_wake(const struct pacer *pacer, int64_t now_ns);

#endif
