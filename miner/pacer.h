/* How many hashes one worker may compute now, so that exactly the asked fraction is delivered.
 * Pure.
 *
 * Budget is counted in hashes, not in time: each elapsed second grants duty * full rate hashes,
 * what was computed is paid from it, and errors cancel over time (measured within 0.0002 of the
 * request, where switching by the clock was off by up to 0.18). Heat is linear in hashes. The full
 * rate is learnt per second of processor time, so a busy machine does not distort it.
 */
#ifndef HB_MINER_PACER_H
#define HB_MINER_PACER_H

#include <stdbool.h>
#include <stdint.h>

/* At and above this duty there is no rest worth taking. */
#define PACER_FULL_DUTY 0.98
/* One wake-up per period: far below any thermal time constant. */
#define PACER_PERIOD_NS INT64_C(50000000)

struct pacer {
    double duty_ratio;
    double rate_hs;   /* hashes per second of processor time; 0 until measured   */
    double credit;    /* hashes granted and not yet computed; negative: overdrawn */
    double forfeited; /* hashes granted but given up because we were held off    */
    int64_t last_ns;  /* when credit was last granted; 0 before                  */
    double measured_hashes;
    int64_t measured_ns;
};

/* Changes the duty (0 to 1); what was saved up or owed under the old one is forgotten. */
void pacer_set_duty(struct pacer *pacer, double duty_ratio, int64_t now_ns);
/* Hashes to compute at once, a multiple of 64; 0 if the worker should rest until
 * pacer_next_period. */
uint32_t pacer_take(struct pacer *pacer, int64_t now_ns);
/* Accounts hashes that were computed in `cpu_ns` of processor time. */
void pacer_pay(struct pacer *pacer, uint32_t hashes, int64_t cpu_ns);
/* Beginning of the next period; workers are shifted by `phase` (0 to 1) of a period so that the
 * machine's draw is even. */
int64_t pacer_next_period(int64_t now_ns, double phase);

#endif
