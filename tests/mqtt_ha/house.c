#include "house.h"

#include <string.h>

#include "ground/text.h"

static void build_living_room(struct config_room *room)
{
    static const struct config_preset presets[] = {
        {"eco", 19.0}, {"comfort", 21.5}, {"boost", 23.0}, {"away", 16.0}, {"sleep", 18.0}};
    (void)text_copy(room->id, sizeof room->id, "living_room");
    (void)text_copy(room->name, sizeof room->name, "Living room");
    (void)text_copy(room->area, sizeof room->area, "Ground floor");
    (void)text_copy(room->humidity.topic, TOPIC_MAX, "zigbee2mqtt/living");
    (void)text_copy(room->window.topic, TOPIC_MAX, "zigbee2mqtt/window");
    room->demand.source.stale_after_ms = 900000;
    room->demand.unit = DEMAND_PERCENT;
    memcpy(room->presets, presets, sizeof presets);
    room->preset_count = sizeof presets / sizeof presets[0];
    room->min_target_c = 5.0;
    room->max_target_c = 30.0;
    room->step_c = 0.5;
    room->heaters[0] = MINER;
    room->heaters[1] = OFEN;
    room->heater_count = 2;
}

static void build_hallway(struct config_room *room)
{
    (void)text_copy(room->id, sizeof room->id, "hallway");
    room->min_target_c = 7.0;
    room->max_target_c = 25.0;
    room->step_c = 0.1;
}

static void build_heater(struct config_heater *heater, const char *id, const char *name,
                         const char *driver, uint16_t room)
{
    (void)text_copy(heater->id, sizeof heater->id, id);
    (void)text_copy(heater->name, sizeof heater->name, name);
    (void)text_copy(heater->driver, sizeof heater->driver, driver);
    heater->room = room;
}

void house_build(struct house *house)
{
    *house = (struct house){.rooms = {{.id = ""}}};
    struct config *config = &house->config;
    (void)text_copy(config->mqtt.base_topic, NAME_MAX_B, "heatbridge");
    (void)text_copy(config->homeassistant.prefix, NAME_MAX_B, "homeassistant");
    (void)text_copy(config->homeassistant.status_topic, TOPIC_MAX, "homeassistant/status");
    (void)text_copy(config->web.listen, NAME_MAX_B, "192.168.1.20");
    config->web.port = 8377;
    build_living_room(&house->rooms[LIVING_ROOM]);
    build_hallway(&house->rooms[HALLWAY]);
    build_heater(&house->heaters[MINER], "miner", "Miner", "engine", LIVING_ROOM);
    build_heater(&house->heaters[OFEN], "ofen", "Ofen", "ofen", LIVING_ROOM);
    build_heater(&house->heaters[SPARE], "spare", "", "simulated", INDEX_NONE);
    house->heaters[SPARE].interlocks = house->interlocks;
    house->heaters[SPARE].interlock_count = 1;
    house->caps[MINER].max_w = 65.0;
    house->caps[MINER].sees_work = true;
    house->caps[OFEN].max_w = 1900.0;
    house->caps[OFEN].has_fan = true;
    (void)text_copy(house->about[OFEN].model, NAME_MAX_B, "Ofen 2\x01\xff");
    (void)text_copy(house->about[OFEN].firmware, NAME_MAX_B, "2.4.1");
    house->caps[SPARE].max_w = 500.0;
    (void)text_copy(house->circuits[GROUND_FLOOR].id, ID_MAX, "ground_floor");
    (void)text_copy(house->circuits[GROUND_FLOOR].name, NAME_MAX_B, "Ground floor");
    (void)text_copy(house->circuits[GROUND_FLOOR].meter.topic, TOPIC_MAX, "meter/ground_floor");
    (void)text_copy(house->circuits[CELLAR].id, ID_MAX, "cellar");
    config->circuits = house->circuits;
    config->circuit_count = HOUSE_CIRCUITS;
    config->rooms = house->rooms;
    config->room_count = HOUSE_ROOMS;
    config->heaters = house->heaters;
    config->heater_count = HOUSE_HEATERS;
}
