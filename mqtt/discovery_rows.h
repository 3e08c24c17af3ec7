/* The entities that Home Assistant is told of, one row each: adding an entity is adding a row.
 * Pure.
 */
#ifndef HB_MQTT_DISCOVERY_ROWS_H
#define HB_MQTT_DISCOVERY_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config.h"
#include "bridge/heater.h"
#include "mqtt/topics.h"
#include "plumbing/json.h"

/* What a row may ask about; exactly one of room, heater and circuit is the device that is
 * announced.
 */
struct entity_context {
    const struct config *config;
    const struct heater_caps *caps;   /* of all heaters, in config order */
    const struct heater_about *about; /* likewise; NULL unless `heater` is the device */
    const struct config_room *room;
    const struct config_heater *heater;
    const struct config_circuit *circuit;
};

enum entity_flag {
    /* Available whenever heatbridge is: it tells something also of a room without a temperature or
     * of a heater that does not answer. Without it the device's own availability counts too. */
    ENTITY_ALWAYS = 1,
    /* Unavailable when no state came for three heartbeats. Sensors and binary sensors only. */
    ENTITY_EXPIRES = 2,
    /* Told on the heater's event topic, not by its state. */
    ENTITY_EVENT = 4,
};

struct entity_row {
    const char *key;      /* identity: never rename (entities and their history hang on it)      */
    const char *platform; /* of Home Assistant: climate, sensor, binary_sensor, number, event     */
    const char *name;     /* ENTITY_MAIN: the device itself; NULL: Home Assistant's name for the
                             device class                                                         */
    const char *device_class, *unit, *state_class; /* NULL: none; never change a unit */
    const char *category; /* NULL, "diagnostic" or "config"               */
    const char *icon;
    const char *field; /* of the state JSON; NULL: the row's `more` says                        */
    const char *value_template; /* where the bare field does not do */
    int precision;              /* suggested decimals; ENTITY_NO_PRECISION: not sent */
    unsigned flags;             /* of enum entity_flag                               */
    enum command_key command;   /* COMMAND_PROPERTIES: takes none                     */
    int (*decimals)(const struct entity_context *context); /* NULL: those of `precision` */
    bool (*wanted)(const struct entity_context *context);  /* NULL: always */
    void (*more)(const struct entity_context *context, struct json *component); /* NULL: nothing */
};

#define ENTITY_MAIN         ""
#define ENTITY_NO_PRECISION (-1)

/* Tables ended by a row without key. */
extern const struct entity_row entity_room_rows[];
extern const struct entity_row entity_heater_rows[];
extern const struct entity_row entity_circuit_rows[]; /* in discovery_circuit.c */

#endif
