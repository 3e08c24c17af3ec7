/* A WhatsMiner with MicroBT's own firmware, over its API 2 (TCP 4028) or 3 (TCP 4433).
 *
 * It is throttled to a percentage of its power limit, which costs nothing. The limit itself, kept
 * in flash and applied by a restart of minutes, is set only where no percentage will do.
 */
#ifndef HB_DEVICES_WHATSMINER_H
#define HB_DEVICES_WHATSMINER_H

#include "devices/driver.h"

struct whatsminer_options {
    char url[URL_MAX];
    char password[NAME_MAX_B];
    int api;              /* enum whatsminer_choice of whatsminer.c */
    int32_t min_percent;  /* of the limit */
    double standby_power; /* W while off, where it does not tell */
    int64_t settle;       /* ms until it has started, or shows a new power */
    int64_t min_write;    /* ms between two changes */
};

extern const struct heater_driver whatsminer_heater;

#endif
