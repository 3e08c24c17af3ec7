/* A miner with VNish, over its HTTP API.
 *
 * Firmware that can throttle (1.3 and later) is throttled, which costs no restart; older firmware
 * is given one of its presets, which does. Off is a pause.
 */
#ifndef HB_DEVICES_VNISH_H
#define HB_DEVICES_VNISH_H

#include "bridge/limits.h"
#include "devices/driver.h"

struct vnish_options {
    char url[URL_MAX];
    char password[NAME_MAX_B];
    char api_key[257]; /* "" : the password is used */
    bool untuned;      /* offer presets that it has not tuned yet, too */
    int64_t settle;    /* ms that a start or another preset takes */
};

extern const struct heater_driver vnish_heater;

#endif
