/* mujina, the open miner for USB boards on Linux, over its HTTP API: on and off. */
#ifndef HB_DEVICES_MUJINA_H
#define HB_DEVICES_MUJINA_H

#include "devices/driver.h"

struct mujina_options {
    char url[URL_MAX];
    double power; /* W of all its boards; not above 0: max_power, else what it reports */
};

extern const struct heater_driver mujina_heater;

#endif
