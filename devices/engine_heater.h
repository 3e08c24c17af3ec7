/* The built-in mining engine as a heater like any other. */
#ifndef HB_DEVICES_ENGINE_HEATER_H
#define HB_DEVICES_ENGINE_HEATER_H

#include "devices/driver.h"

/* Whose word is taken for the power. */
enum engine_meter { ENGINE_METER_AUTO, ENGINE_METER_MODEL, ENGINE_METER_RAPL };

struct engine_options {
    double cpu_power;  /* W at full hashing; not above 0: not given                    */
    double idle_power; /* W while not hashing; counted as standby until a meter says   */
    int meter;         /* enum engine_meter                                            */
};

extern const struct heater_driver engine_heater;

#endif
