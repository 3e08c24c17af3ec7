/* Physics of a simulated heater, pure: power that follows its set-point with a lag, and a chip that
 * warms with it. */
#ifndef HB_DEVICES_SIMULATED_MODEL_H
#define HB_DEVICES_SIMULATED_MODEL_H

#include "ground/time.h"

struct simulated_model {
    double standby_w;   /* drawn while off                                            */
    double max_w;       /* at which the chip is `chip_rise_k` above its inlet           */
    double lag_s;       /* time constant of the power; 0: at once                       */
    double chip_lag_s;  /* time constant of the chip temperature                        */
    double inlet_c;     /* air that it takes in                                          */
    double chip_rise_k; /* in equilibrium at max_w                                       */
    double hash_per_j;  /* hashes per joule above standby; 0: does not compute           */
    /* state */
    double set_w; /* 0: off */
    double power_w, chip_c;
    hb_mono at; /* unset before the first step */
};

/* Off, at standby power and the temperature of the air. */
void simulated_model_rest(struct simulated_model *model);
/* Moves the state to `now`, exactly for any step. A time that goes backwards changes nothing. */
void simulated_model_step(struct simulated_model *model, hb_mono now);
/* What it computes at its present power, H/s. */
double simulated_model_hashrate_hs(const struct simulated_model *model);

#endif
