/* An Antminer with LuxOS, over its API on TCP port 4028.
 *
 * Off is its curtail mode "sleep", powers are the profiles of its own table. Changes need a
 * session, of which LuxOS has one: it is opened for a change and closed at once, and nobody else's
 * is ended.
 */
#ifndef HB_DEVICES_LUXOS_H
#define HB_DEVICES_LUXOS_H

#include "bridge/limits.h"
#include "devices/driver.h"

struct luxos_options {
    char url[URL_MAX];
    int64_t settle;       /* ms until a change shows, and least time between two  */
    int64_t session_wait; /* ms to wait for the session                           */
};

extern const struct heater_driver luxos_heater;

#endif
