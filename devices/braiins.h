/* A miner with Braiins OS 25.07 or later (BMM 100/101, Antminer S9 to S21): a power target in
 * watts, paused and resumed, over its REST interface. Older versions are recognised and left alone;
 * the oldest have a driver of their own, `bosminer`.
 */
#ifndef HB_DEVICES_BRAIINS_H
#define HB_DEVICES_BRAIINS_H

#include "devices/driver.h"

struct braiins_options {
    char url[URL_MAX];
    char username[NAME_MAX_B];
    char password[NAME_MAX_B];
    double standby_power; /* W while paused */
    int64_t min_write;    /* ms between two changes of its power */
    uint16_t api_port;    /* of its read-only interface, asked only when REST is missing */
};

extern const struct heater_driver braiins_heater;

#endif
