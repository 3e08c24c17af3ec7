/* An Antminer with Braiins OS of 2020 to 2022 (the S9's last is 22.08.1): it is read over port
 * 4028, paused and resumed there or by its service, and its power is one number in its file
 * /etc/bosminer.toml, which is replaced over SSH, a few times a day.
 */
#ifndef HB_DEVICES_BOSMINER_H
#define HB_DEVICES_BOSMINER_H

#include "devices/driver.h"

struct bosminer_options {
    char url[URL_MAX];
    char username[NAME_MAX_B];
    char identity_file[URL_MAX], known_hosts[URL_MAX];
    uint16_t ssh_port;
    double standby_power; /* W while paused                        */
    int64_t settle;       /* ms that its tuner takes after a change */
    int64_t min_write;    /* ms between two changes of its power   */
    int32_t max_writes;   /* changes of its power in a day         */
};

extern const struct heater_driver bosminer_heater;

#endif
