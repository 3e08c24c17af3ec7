/* What a meter teaches about a heater's own figure of its power, pure: one factor, learnt slowly,
 * robust against readings that do not belong together, and bounded.
 */
#ifndef HB_DEVICES_CALIBRATION_H
#define HB_DEVICES_CALIBRATION_H

#include <stdint.h>

/* A pair of readings further apart than this belongs to different things: it teaches nothing. */
#define CALIBRATION_MOST 3.0
/* Readings before the factor is used. */
#define CALIBRATION_SURE 20

struct calibration {
    double factor;  /* metered over the heater's own figure; nothing is learnt while count is 0 */
    uint32_t count; /* readings that it was learnt from, up to a number that no longer matters   */
};

/* Two powers of the same moment, while the heater is on and steady. */
void calibration_learn(struct calibration *calibration, double metered_w, double own_w);
/* The factor, 1/CALIBRATION_MOST to CALIBRATION_MOST, once it is known well enough; else 0. */
double calibration_factor(const struct calibration *calibration);

#endif
