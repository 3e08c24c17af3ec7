/* A simulated room: air and mass (2R2C), a heater that takes time to warm up, and a sensor that
 * takes time to notice and rounds. Pure; for simulations, the demo and tests.
 *
 *   Ca Ta' = (Tm - Ta)/Ram + (To - Ta)/Rao + (1 - fr) Q + gains     Rao smaller while a window is
 * open Cm Tm' = (Ta - Tm)/Ram + (To - Tm)/Rmo + fr Q lag Q' = P - Q                            lag
 * Ts' = Ta - Ts
 */
#ifndef HB_BRIDGE_HOUSE_ROOM_H
#define HB_BRIDGE_HOUSE_ROOM_H

#include <stdbool.h>

struct house_room_parameters {
    double air_j_per_k, mass_j_per_k;                       /* Ca, Cm */
    double air_to_mass_w_per_k;                             /* 1/Ram  */
    double air_to_outdoor_w_per_k, mass_to_outdoor_w_per_k; /* 1/Rao, 1/Rmo */
    double window_w_per_k; /* added to the air's loss while a window is open */
    double radiant_share;  /* fr, 0 to 1: heat that goes to the mass */
    double heater_lag_s;   /* 300 to 600 for an oil radiator, 60 for a fan heater */
    double sensor_lag_s;   /* 120 to 600 */
    double sensor_step_k;  /* resolution of the sensor; 0: none */
    double gains_w;        /* people, appliances */
};

struct house_room {
    struct house_room_parameters is;
    double air_c, mass_c, sensor_c, heat_w;
    bool window_open;
};

/* A well-used living room of 25 m² (loss 25.7 W/K, 2.25 kWh/K). */
struct house_room_parameters house_living_room(void);
/* The demo's room: small, light, quick; settles in minutes. */
struct house_room_parameters house_demo_room(void);

/* Starts with everything in the room at `start_c` and the heater cold. */
void house_room_init(struct house_room *room, const struct house_room_parameters *is,
                     double start_c);
/* Advances by `step_s` seconds with this electrical power and outdoor temperature. */
void house_room_step(struct house_room *room, double power_w, double outdoor_c, double step_s);
/* What the room's sensor says, °C. */
double house_room_sensor_c(const struct house_room *room);
/* Loss of the whole room in steady state with closed windows, W/K. */
double house_room_loss_w_per_k(const struct house_room_parameters *is);

#endif
