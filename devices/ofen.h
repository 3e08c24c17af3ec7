/* A 21energy Ofen, and a 21energy 21port with the miners behind it: five levels, on and off. */
#ifndef HB_DEVICES_OFEN_H
#define HB_DEVICES_OFEN_H

#include "devices/driver.h"

struct ofen_options {
    char url[URL_MAX];
    struct config_powers levels; /* W of levels 0 to 4; empty: the defaults of an Ofen */
    double standby_power;        /* W while off */
    int64_t min_write;           /* ms between two changes of its power */
    char miner[NAME_MAX_B];      /* id of one device behind a 21port; "": all together */
};

extern const struct heater_driver ofen_heater;
extern const struct heater_driver port21_heater;

#endif
