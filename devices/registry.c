#include "devices/registry.h"

#include <string.h>

#include "devices/avalon.h"
#include "devices/engine_heater.h"
#include "devices/simulated.h"
#include "devices/stratum_proxy.h"

const struct heater_driver *const heater_drivers[] = {
    &engine_heater,
    &stratum_proxy_heater,
    &simulated_heater,
    &avalon_heater,
    NULL,
};

const struct heater_driver *heater_driver_find(const char *name)
{
    for (const struct heater_driver *const *driver = heater_drivers; *driver != NULL; driver++) {
        if (strcmp((*driver)->name, name) == 0) {
            return *driver;
        }
    }
    return NULL;
}
