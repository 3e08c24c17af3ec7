/* Two drivers that exist only as tables of options, so that config is tested without devices. */
#ifndef HB_TESTS_CONFIG_DRIVERS_H
#define HB_TESTS_CONFIG_DRIVERS_H

#include <stdint.h>

#include "bridge/config_item.h"
#include "bridge/limits.h"

struct heater_driver;

struct plug_options {
    char url[URL_MAX], token[NAME_MAX_B], room_name[NAME_MAX_B];
    struct config_powers tiers;
    double rated_w, rise_k;
    int64_t settle_ms;
    int32_t retries;
    int meter;
    bool metered;
};

/* "engine" (at most one, no options) and "plug". */
extern const struct heater_driver *const test_drivers[];

#endif
