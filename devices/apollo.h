/* A FutureBit Apollo: three modes, started and stopped over its GraphQL interface. */
#ifndef HB_DEVICES_APOLLO_H
#define HB_DEVICES_APOLLO_H

#include "devices/driver.h"

struct apollo_options {
    char url[URL_MAX];
    char password[NAME_MAX_B];
    struct config_powers levels; /* W of eco, balanced and turbo; empty: a guess */
    double standby_power;        /* W while its miner is stopped */
    int64_t min_write;           /* ms between two changes of its power */
};

extern const struct heater_driver apollo_heater;

#endif
