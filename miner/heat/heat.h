/* Turns the heat that is asked for into a duty, four times a second, and says what is drawn. Pure:
 * sensors and time are arguments.
 *
 * The best meter there is teaches a calibration, and the calibration says which hash rate draws the
 * power asked for. A better meter replaces a lesser one, never the other way round: they measure
 * different things (the wall socket, the processor package), and watts must not change their
 * meaning when a meter falls silent. Without any meter the assumption stands, and says so.
 */
#ifndef HB_MINER_HEAT_H
#define HB_MINER_HEAT_H

#include <stdbool.h>

#include "ground/time.h"
#include "miner/engine.h"
#include "miner/heat/calibration.h"
#include "miner/heat/guard.h"

/* The least duty of a heater that is on: below, the share of the wake-ups would count. */
#define HEAT_LEAST_DUTY 0.005

/* What is known at one moment. */
struct heat_sample {
    hb_mono now;
    double hashes;      /* computed since the start */
    double hashrate_hs; /* over the last two seconds; NaN: not known                          */
    double full_hs;     /* at duty 1; 0: not known */
    double package_j;   /* used by the processor since some moment; NaN: unreadable         */
    double package_w;   /* over the last two seconds; NaN: unreadable */
    double cpu_c;       /* NaN: unreadable */
    bool hashing;       /* there is work and a duty above 0 */
};

/* Where a stretch began over which power and hash rate are compared. */
struct heat_stretch {
    hb_mono since; /* unset: not begun */
    double hashes, package_j;
};

struct heat {
    enum miner_meter meter;         /* that is allowed */
    enum miner_power_source source; /* the best met so far */
    struct calibration calibration;
    struct guard guard;
    double reference_hs; /* load 1; 0: not known yet */
    bool by_power;       /* what is asked for is watts, else a duty */
    double wanted;
    double duty_ratio;    /* as last decided */
    double steady_ratio;  /* from which the duty has not moved much ...                       */
    hb_mono steady_since; /* ... since then */
    double place;         /* what was wanted when it was last moved, of full ... */
    bool moves;           /* ... since the last step ... */
    hb_mono moved;        /* ... or when that was */
    struct heat_stretch package, metered;
    bool metered_anew; /* the load has moved since the external meter was last learnt from */
    double metered_w;  /* NaN: none */
    hb_mono metered_at;
    struct heat_sample last;
};

/* Begins with nothing wanted; max_c: see guard.h. */
void heat_init(struct heat *heat, double max_c, double critical_c);
/* What the watts are thought to be, until a meter says. Forgets what was learnt. */
void heat_set_scale(struct heat *heat, const struct miner_scale *scale);
/* Goes on from what was learnt before; false, with nothing changed, if it does not fit. */
HB_MUST_USE bool heat_restore(struct heat *heat, const struct miner_calibration *kept);
/* Makes what was learnt with one kernel a first guess for another one, whose full rate is
 * `full_hs`: what is drawn without hashing holds, and a busy core draws about as much. */
void heat_carry_over(struct miner_calibration *kept, double full_hs);
/* False if nothing was learnt that is worth keeping. Fills all but kernel, threads and the
 * full rate. */
HB_MUST_USE bool heat_keep(const struct heat *heat, struct miner_calibration *kept);

void heat_want_duty(struct heat *heat, double duty_ratio);
void heat_want_power(struct heat *heat, double power_w);
/* A reading of an external meter, averaged by it over an unknown time of seconds. */
void heat_note_meter(struct heat *heat, double power_w, hb_mono now);

/* Learns, and decides the duty from now on. */
double heat_step(struct heat *heat, const struct heat_sample *sample);
/* Decides the duty anew after another wish, with what is known. */
double heat_decide(struct heat *heat);

/* Fills in the members of the statistics that are about power and temperature. */
void heat_get_stats(const struct heat *heat, struct miner_stats *stats);

#endif
