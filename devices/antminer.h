/* An Antminer with Bitmain's own firmware (S19 and later), over the CGI programs of its web page.
 *
 * It can only be switched off and on, and between normal and low power, by writing its whole
 * configuration, which restarts it. So that is done as rarely and as carefully as can be: read,
 * one key changed, written, read again, all else compared, and put back if it differs.
 */
#ifndef HB_DEVICES_ANTMINER_H
#define HB_DEVICES_ANTMINER_H

#include "bridge/limits.h"
#include "devices/driver.h"

struct antminer_options {
    char url[URL_MAX];
    char user[NAME_MAX_B];
    char password[NAME_MAX_B];
    double power;         /* W in normal mode; not above 0: max_power, else the data sheet's */
    double low_power;     /* W in low power mode; not above 0: that mode is not used */
    int64_t restart_time; /* ms */
};

extern const struct heater_driver antminer_heater;

#endif
