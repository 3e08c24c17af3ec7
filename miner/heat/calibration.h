/* Learns how many watts a hash rate takes, and how sure that is. Pure.
 *
 * power = idle + swing * load + bulge * 4 * load * (1 - load), where load is the hash rate over a
 * fixed reference. At one clock heat is linear in hashes; the bulge is what turbo makes of it, for
 * a core that runs alone runs faster at a higher voltage.
 *
 * The three numbers are followed by a Kalman filter. That is least squares which forgets, but only
 * what new readings can replace: what is drawn beside hashing (fans, disks, other programs) within
 * seconds, watts per hash over an hour. Watts per hash are learnt only while the load moves because
 * somebody wants it to: when it moves because another program began to draw power and the heat is
 * held, the two are confounded. At other times surprises are put down to idle alone. Readings that
 * stray are cut back unless they insist. Power never falls with load, whatever is read.
 */
#ifndef HB_MINER_CALIBRATION_H
#define HB_MINER_CALIBRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/time.h"

enum { CALIBRATION_IDLE, CALIBRATION_SWING, CALIBRATION_BULGE, CALIBRATION_TERMS };

struct calibration {
    double w[CALIBRATION_TERMS];
    double cov[CALIBRATION_TERMS][CALIBRATION_TERMS]; /* W^2 */
    double prior_w[CALIBRATION_TERMS];                /* standard deviation of knowing nothing */
    double others_var;                                /* W^2, of what draws beside hashing     */
    double scale_w;                                   /* swing that was assumed at first       */
    uint32_t readings;                                /* taken in                              */
    int32_t strays;                                   /* in a row on one side, negative: below */
    hb_mono last;                                     /* reading */
};

/* What is worth keeping over a restart. */
struct calibration_values {
    double w[CALIBRATION_TERMS], sd_w[CALIBRATION_TERMS];
};

/* Begins with an assumption; 0 <= idle_w < full_w. */
void calibration_init(struct calibration *c, double idle_w, double full_w);
/* Begins with what was learnt before; false, with nothing changed, if that is not plausible. */
HB_MUST_USE bool calibration_restore(struct calibration *c, const struct calibration_values *v);
void calibration_get(const struct calibration *c, struct calibration_values *v);
/* Takes a reading: `power_w` on average while the load was `load` (0 to about 1) on average.
 * `moved`: the load has just been moved on purpose. Readings must not overlap. False if it is
 * nonsense. */
bool calibration_note(struct calibration *c, double load, double power_w, bool moved, hb_mono now);
/* The power at a load, and the standard deviation of that figure. */
double calibration_power_w(const struct calibration *c, double load);
double calibration_error_w(const struct calibration *c, double load);
/* The load at which that power is drawn; 0 if it is drawn anyway. May be above 1. */
double calibration_load(const struct calibration *c, double power_w);

#endif
