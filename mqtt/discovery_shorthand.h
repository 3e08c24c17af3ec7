/* Shorthand for what many rows of the entity tables have in common; for the files that hold such a
 * table only. */
#ifndef HB_MQTT_DISCOVERY_SHORTHAND_H
#define HB_MQTT_DISCOVERY_SHORTHAND_H

#include "mqtt/discovery_rows.h"

#define SENSOR  .platform = "sensor", .command = COMMAND_PROPERTIES
#define BINARY  .platform = "binary_sensor", .command = COMMAND_PROPERTIES
#define PLAIN   .precision = ENTITY_NO_PRECISION
#define POWER   .device_class = "power", .unit = "W", .state_class = "measurement", .precision = 0
#define ENERGY  .device_class = "energy", .unit = "kWh", .state_class = "total_increasing"
#define CELSIUS .device_class = "temperature", .unit = "°C", .state_class = "measurement"
#define ALIVE   .flags = ENTITY_EXPIRES
#define ALWAYS  .flags = ENTITY_ALWAYS | ENTITY_EXPIRES
#define DIAG    .category = "diagnostic"
#define MONEY   .state_class = "measurement", .precision = 6, .icon = "mdi:hand-coin-outline"
/* No device class has this unit. */
#define HASHRATE                                                                                   \
    .unit = "TH/s", .state_class = "measurement", .decimals = hashrate_decimals,                   \
    .icon = "mdi:pickaxe"

#endif
