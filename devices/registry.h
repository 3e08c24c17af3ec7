/* The table of heater drivers; adding a family is one row here. */
#ifndef HB_DEVICES_REGISTRY_H
#define HB_DEVICES_REGISTRY_H

#include "devices/driver.h"

/* All drivers, ended by NULL. */
extern const struct heater_driver *const heater_drivers[];

/* The driver of that name, NULL if there is none. */
const struct heater_driver *heater_driver_find(const char *name);

#endif
