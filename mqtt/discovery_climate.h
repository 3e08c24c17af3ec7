/* The climate entity of a room: the one entity with many topics. Pure. */
#ifndef HB_MQTT_DISCOVERY_CLIMATE_H
#define HB_MQTT_DISCOVERY_CLIMATE_H

#include "mqtt/discovery_rows.h"

/* Adds modes, presets, target, action, current values and power switch to the component. */
void discovery_climate_add(const struct entity_context *context, struct json *component);

#endif
