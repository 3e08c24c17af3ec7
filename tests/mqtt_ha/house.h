/* A small house for the tests of the Home Assistant side: two rooms, three heaters, two circuits.
 */
#ifndef HB_TESTS_MQTT_HA_HOUSE_H
#define HB_TESTS_MQTT_HA_HOUSE_H

#include "bridge/config.h"
#include "bridge/heater.h"

enum { LIVING_ROOM, HALLWAY, HOUSE_ROOMS };
enum { MINER, OFEN, SPARE, HOUSE_HEATERS };
enum { GROUND_FLOOR, CELLAR, HOUSE_CIRCUITS };

struct house {
    struct config config;
    struct config_room rooms[HOUSE_ROOMS];
    struct config_heater heaters[HOUSE_HEATERS];
    struct heater_caps caps[HOUSE_HEATERS];
    struct heater_about about[HOUSE_HEATERS];
    struct config_interlock interlocks[1];
    struct config_circuit circuits[HOUSE_CIRCUITS];
};

/* living_room: presets, window, humidity, heaters miner and ofen; hallway: bare, no heater.
 * The ofen has told its model and its firmware. The heater spare is in no room and has an
 * interlock. The circuit ground_floor has a meter. `house` must not move afterwards. */
void house_build(struct house *house);

#endif
