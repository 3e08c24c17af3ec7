/* Canaan Avalon miners: Nano 3, Nano 3S, Mini 3, Q, and the machines for halls from A10 to A15. */
#ifndef HB_DEVICES_AVALON_H
#define HB_DEVICES_AVALON_H

#include "devices/driver.h"

struct avalon_options {
    char url[URL_MAX];
    int model;         /* 0: as it says itself; else one more than the row of avalon_models */
    int64_t min_write; /* ms between two changes of its level */
};

extern const struct heater_driver avalon_heater;

#endif
