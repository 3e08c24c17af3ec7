#include "devices/registry.h"

#include <string.h>

#include "devices/antminer.h"
#include "devices/apollo.h"
#include "devices/avalon.h"
#include "devices/axeos.h"
#include "devices/bosminer.h"
#include "devices/braiins.h"
#include "devices/engine_heater.h"
#include "devices/epic.h"
#include "devices/luxos.h"
#include "devices/mqtt_heater.h"
#include "devices/mujina.h"
#include "devices/ofen.h"
#include "devices/plug.h"
#include "devices/simulated.h"
#include "devices/stratum_proxy.h"
#include "devices/vnish.h"
#include "devices/whatsminer.h"

const struct heater_driver *const heater_drivers[] = {
    &engine_heater,
    &simulated_heater,
    &stratum_proxy_heater,
    &plug_heater,
    &mqtt_heater,
    &axeos_heater,
    &mujina_heater,
    &apollo_heater,
    &avalon_heater,
    &braiins_heater,
    &whatsminer_heater,
    &luxos_heater,
    &vnish_heater,
    &antminer_heater,
    &epic_heater,
    &ofen_heater,
    &port21_heater,
    &bosminer_heater,
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
