#include "bridge/house/room.h"

#include <math.h>

static const double kwh_j = 3.6e6;
/* Explicit steps are stable well below the fastest time constant of any room here. */
static const double longest_step_s = 10;

struct house_room_parameters house_living_room(void)
{
    return (struct house_room_parameters){
        .air_j_per_k = 0.25 * kwh_j,
        .mass_j_per_k = 2.0 * kwh_j,
        .air_to_mass_w_per_k = 180,
        .air_to_outdoor_w_per_k = 14,
        .mass_to_outdoor_w_per_k = 12.5,
        .window_w_per_k = 120,
        .radiant_share = 0.3,
        .heater_lag_s = 360,
        .sensor_lag_s = 240,
        .sensor_step_k = 0.1,
    };
}

struct house_room_parameters house_demo_room(void)
{
    return (struct house_room_parameters){
        .air_j_per_k = 0.022 * kwh_j,
        .mass_j_per_k = 0.008 * kwh_j,
        .air_to_mass_w_per_k = 40,
        .air_to_outdoor_w_per_k = 10,
        .mass_to_outdoor_w_per_k = 2.5,
        .window_w_per_k = 25,
        .radiant_share = 0.2,
        .heater_lag_s = 25,
        .sensor_lag_s = 25,
        .sensor_step_k = 0.01,
    };
}

void house_room_init(struct house_room *room, const struct house_room_parameters *is,
                     double start_c)
{
    *room =
        (struct house_room){.is = *is, .air_c = start_c, .mass_c = start_c, .sensor_c = start_c};
}

static void small_step(struct house_room *room, double power_w, double outdoor_c, double step_s)
{
    const struct house_room_parameters *is = &room->is;
    const double air_loss_w_per_k =
        is->air_to_outdoor_w_per_k + (room->window_open ? is->window_w_per_k : 0);
    const double to_air_w = (room->mass_c - room->air_c) * is->air_to_mass_w_per_k;
    const double air_w = to_air_w + (outdoor_c - room->air_c) * air_loss_w_per_k +
                         (1 - is->radiant_share) * room->heat_w + is->gains_w;
    const double mass_w = -to_air_w + (outdoor_c - room->mass_c) * is->mass_to_outdoor_w_per_k +
                          is->radiant_share * room->heat_w;
    /* Lags exactly, so that any step is stable. */
    room->heat_w += (power_w - room->heat_w) * -expm1(-step_s / is->heater_lag_s);
    room->sensor_c += (room->air_c - room->sensor_c) * -expm1(-step_s / is->sensor_lag_s);
    room->air_c += air_w / is->air_j_per_k * step_s;
    room->mass_c += mass_w / is->mass_j_per_k * step_s;
}

void house_room_step(struct house_room *room, double power_w, double outdoor_c, double step_s)
{
    const int steps = (int)ceil(step_s / longest_step_s);
    for (int i = 0; i < steps; i++) {
        small_step(room, power_w, outdoor_c, step_s / steps);
    }
}

double house_room_sensor_c(const struct house_room *room)
{
    const double step_k = room->is.sensor_step_k;
    return step_k > 0 ? round(room->sensor_c / step_k) * step_k : room->sensor_c;
}

double house_room_loss_w_per_k(const struct house_room_parameters *is)
{
    const double mass = is->mass_to_outdoor_w_per_k;
    const double inner = is->air_to_mass_w_per_k;
    return is->air_to_outdoor_w_per_k + (mass > 0 ? mass * inner / (mass + inner) : 0);
}
