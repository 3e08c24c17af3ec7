/* A miner with ePIC's control board or firmware (UMC, PowerPlay), over HTTP on port 4028. */
#ifndef HB_DEVICES_EPIC_H
#define HB_DEVICES_EPIC_H

#include "bridge/limits.h"
#include "devices/driver.h"

struct epic_options {
    char url[URL_MAX];
    char password[NAME_MAX_B];
    int64_t settle; /* ms that a start or another target takes */
};

extern const struct heater_driver epic_heater;

#endif
