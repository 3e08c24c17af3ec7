/* How fast a thread hashes, learnt from what it did: now, and when its processor is fully at work.
 * Pure.
 *
 * A rate is counted per second of processor time, so other programs do not distort it. The two
 * differ because processors run fast while little is asked of them (turbo), or slowly (governors
 * that save power), and "full" must not change its meaning with the load: a duty is a fraction of
 * the rate measured at the highest duty seen. Single readings that stray move it little; a lasting
 * change is believed after an eighth of a second of hashing.
 */
#ifndef HB_MINER_RATE_H
#define HB_MINER_RATE_H

#include <stdint.h>

struct rate {
    double now_hs;     /* over the last few milliseconds of hashing; 0 until measured  */
    double full_hs;    /* at the highest duty seen; 0 until measured                   */
    double known_at;   /* the duty at which `full_hs` was measured; fades over hours   */
    double hashes;     /* of the reading in progress                                   */
    int64_t ns;        /* its processor time                                           */
    uint32_t readings; /* averaged in `full_hs`, at most RATE_READINGS                 */
    int32_t strays;    /* readings in a row that were far off, negative: below         */
    double turbo;      /* after rate_other_work: what `full_hs` was relative to now    */
};

/* The full rate is an average over so many readings of 2 ms. */
enum { RATE_READINGS = 1000 };

/* Begins with a full rate known from before, measured at the duty `known_at`; 0: nothing known. */
void rate_init(struct rate *rate, double full_hs, double known_at);
/* From now on the work is of another kind, of which a second makes more or fewer hashes: the first
 * reading tells how much. */
void rate_other_work(struct rate *rate);
/* Takes `hashes` that were computed in `cpu_ns` of processor time at a duty of `duty_ratio`. */
void rate_note(struct rate *rate, uint32_t hashes, int64_t cpu_ns, double duty_ratio);

#endif
