#include "bridge/control/thermostat.h"

#include <math.h>
#include <stdint.h>

static const double gain_per_k = 0.45;
static const double integral_time_s = 90 * 60, tracking_time_s = 45 * 60;
static const int64_t longest_gap_ms = 10 * 60000;

static double clamp(double value, double low, double high)
{
    return fmin(fmax(value, low), high);
}

static double feed_forward_w(const struct thermostat_input *in, bool *known)
{
    *known = isfinite(in->outdoor_c) && in->heat_loss_w_per_k > 0;
    return *known ? in->heat_loss_w_per_k * (in->target_c - in->outdoor_c) : 0;
}

/* When the outdoor temperature gets lost the integral takes over what it gave, and hands back as
 * much of it as it has learnt when it is known again: the sum stays where it was. */
static double feed_without_bump_w(struct thermostat *thermostat, const struct thermostat_input *in)
{
    bool known;
    const double feed_w = feed_forward_w(in, &known);
    if (known && !thermostat->feeds_forward) {
        thermostat->integral_w -= clamp(thermostat->integral_w, 0, fmax(feed_w, 0));
    } else if (!known && thermostat->feeds_forward) {
        thermostat->integral_w += thermostat->feed_w;
    }
    thermostat->feeds_forward = known;
    thermostat->feed_w = feed_w;
    return feed_w;
}

static double elapsed_s(const struct thermostat *thermostat, const struct thermostat_input *in)
{
    const int64_t elapsed_ms = mono_age_ms(in->at, thermostat->at);
    if (!mono_is_set(thermostat->at) || elapsed_ms < 0 || elapsed_ms > longest_gap_ms) {
        return 0;
    }
    return (double)elapsed_ms / 1000;
}

static void integrate(struct thermostat *thermostat, const struct thermostat_input *in,
                      double asked_w, double given_w, double step_s)
{
    const double error_k = in->target_c - in->room_c;
    const double excess_w = given_w - asked_w; /* negative while limited from above */
    double slope_w = excess_w / tracking_time_s;
    if (error_k * -excess_w <= 0) {
        slope_w += gain_per_k * in->max_w / integral_time_s * error_k;
    }
    thermostat->integral_w =
        clamp(thermostat->integral_w + slope_w * step_s, -in->max_w, in->max_w);
}

double thermostat_step(struct thermostat *thermostat, const struct thermostat_input *in)
{
    const double step_s = elapsed_s(thermostat, in);
    const double feed_w = feed_without_bump_w(thermostat, in);
    const double error_k = in->target_c - in->room_c;
    const double asked_w = feed_w + gain_per_k * in->max_w * error_k + thermostat->integral_w;
    const double given_w = clamp(asked_w, 0, fmax(in->available_w, 0));
    if (in->learns) {
        integrate(thermostat, in, asked_w, given_w, step_s);
    }
    thermostat->at = in->at;
    return given_w;
}

void thermostat_rest(struct thermostat *thermostat, hb_mono at)
{
    thermostat->at = at;
}
