/* A heater without hardware: to try a configuration, for the demo, for tests of everything above.
 */
#ifndef HB_DEVICES_SIMULATED_H
#define HB_DEVICES_SIMULATED_H

#include "devices/driver.h"

/* Ways to be a bad heater, for tests and fire drills. */
enum simulated_failure {
    SIMULATED_NO_FAILURE,
    SIMULATED_HANG,   /* answers nothing and does nothing any more       */
    SIMULATED_IGNORE, /* answers, but stays as it is                     */
    SIMULATED_LIE,    /* says that it obeys, and stays as it is          */
    SIMULATED_HOT,    /* its chip is far too hot                         */
};

struct simulated_options {
    double rated_power;  /* W; not above 0: max_power of the configuration, else 1000 W */
    double lowest_power; /* W; not above 0: a tenth of the rated power                  */
    double standby_power;
    struct config_powers tiers; /* empty: stepless */
    int64_t settle;             /* ms until 95 % of a change of power are done */
    double inlet_temperature, chip_rise;
    double efficiency;   /* J/TH; 0: it does not mine */
    bool metered;        /* a power meter stands in front of it */
    int fails;           /* enum simulated_failure */
    int64_t fails_after; /* ms after its first poll or command */
};

extern const struct heater_driver simulated_heater;

#endif
