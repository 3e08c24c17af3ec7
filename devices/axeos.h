/* Bitaxe (AxeOS of ESP-Miner) and the Nerd family (NerdAxe, NerdQAxe, NerdOctaxe) over HTTP. */
#ifndef HB_DEVICES_AXEOS_H
#define HB_DEVICES_AXEOS_H

#include "devices/driver.h"

struct axeos_options {
    char url[URL_MAX];
    char totp_secret[128];
    int64_t min_write; /* ms */
};

extern const struct heater_driver axeos_heater;

#endif
