#include "devices/simulated_model.h"

#include <math.h>

/* First-order approach to `goal` over `elapsed_s`. */
static double approach(double value, double goal, double elapsed_s, double lag_s)
{
    return lag_s > 0 ? goal + (value - goal) * exp(-elapsed_s / lag_s) : goal;
}

static double goal_w(const struct simulated_model *model)
{
    return model->set_w > 0 ? model->set_w : model->standby_w;
}

void simulated_model_rest(struct simulated_model *model)
{
    model->set_w = 0;
    model->power_w = model->standby_w;
    model->chip_c = model->inlet_c;
    model->at = (hb_mono){0};
}

void simulated_model_step(struct simulated_model *model, hb_mono now)
{
    if (!mono_is_set(model->at)) {
        model->at = now;
    }
    double elapsed_s = (double)mono_age_ms(now, model->at) / 1000;
    if (elapsed_s < 0) {
        return;
    }
    /* The chip's lag is much longer than the power's, so it may follow the power at the step's end.
     */
    model->power_w = approach(model->power_w, goal_w(model), elapsed_s, model->lag_s);
    double warm_c = model->inlet_c + model->chip_rise_k * model->power_w / model->max_w;
    model->chip_c = approach(model->chip_c, warm_c, elapsed_s, model->chip_lag_s);
    model->at = now;
}

double simulated_model_hashrate_hs(const struct simulated_model *model)
{
    return fmax(0, model->power_w - model->standby_w) * model->hash_per_j;
}
