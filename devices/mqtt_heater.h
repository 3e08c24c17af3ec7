/* The driver of any heater that can be told and read over MQTT, described by its options alone. */
#ifndef HB_DEVICES_MQTT_HEATER_H
#define HB_DEVICES_MQTT_HEATER_H

#include "devices/driver.h"

extern const struct heater_driver mqtt_heater;

#endif
