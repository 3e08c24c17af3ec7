/* Every MQTT topic of ours, built and recognised in one place. Pure.
 *
 *   <base>/status                    online/offline, retained, the will
 *   <base>/<room>/state              retained JSON              (mqtt/state_codec.h)
 *   <base>/<room>/error              text: which command was refused and why, not retained
 *   <base>/<room>/set                JSON command               (mqtt/command_codec.h)
 *   <base>/<room>/<property>/set     single value; property: mode target preset power power_limit
 *                                    demand
 *   <base>/heater/<id>/state         retained JSON
 *   <base>/heater/<id>/availability  online/offline, retained
 *   <base>/heater/<id>/set           refused: a heater is commanded through its room
 *   <base>/heater/<id>/acknowledge/set  PRESS: releases what an interlock stopped
 *   <base>/heater/<id>/error         text
 *   <base>/heater/<id>/event         JSON, not retained: what happened just now
 *   <base>/circuit/<id>/state        retained JSON
 *
 * Ids are [a-z0-9_]{1,32} and names at most NAME_MAX_B bytes, so every topic fits TOPIC_MAX: no
 * function here can fail.
 */
#ifndef HB_MQTT_TOPICS_H
#define HB_MQTT_TOPICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/config.h"

/* Payloads of <base>/status and of a heater's availability. */
#define TOPICS_ONLINE  "online"
#define TOPICS_OFFLINE "offline"

/* What a command sets. COMMAND_JSON is the topic that takes several at once. */
enum command_key {
    COMMAND_MODE,
    COMMAND_TARGET,
    COMMAND_PRESET,
    COMMAND_POWER,
    COMMAND_POWER_LIMIT,
    COMMAND_DEMAND,
    COMMAND_PROPERTIES, /* how many properties there are */
    COMMAND_JSON = COMMAND_PROPERTIES,
    COMMAND_UNKNOWN,
};

/* "mode", "target", "preset", "power", "power_limit", "demand"; NULL from COMMAND_PROPERTIES on. */
const char *command_key_word(enum command_key key);
/* COMMAND_UNKNOWN if `word` names no property. */
enum command_key command_key_of(const char *word);

enum room_topic { ROOM_TOPIC_STATE, ROOM_TOPIC_ERROR, ROOM_TOPIC_SET };
enum heater_topic {
    HEATER_TOPIC_STATE,
    HEATER_TOPIC_AVAILABILITY,
    HEATER_TOPIC_SET,
    HEATER_TOPIC_ERROR,
    HEATER_TOPIC_EVENT,
    HEATER_TOPIC_ACKNOWLEDGE,
};

void topics_status(const struct config_mqtt *mqtt, char topic[TOPIC_MAX]);
void topics_room(const struct config_mqtt *mqtt, const char *room_id, enum room_topic which,
                 char topic[TOPIC_MAX]);
/* Where one property is commanded; COMMAND_JSON gives the topic that takes JSON. */
void topics_command(const struct config_mqtt *mqtt, const char *room_id, enum command_key key,
                    char topic[TOPIC_MAX]);
void topics_heater(const struct config_mqtt *mqtt, const char *heater_id, enum heater_topic which,
                   char topic[TOPIC_MAX]);
/* The state of a circuit. */
void topics_circuit(const struct config_mqtt *mqtt, const char *circuit_id, char topic[TOPIC_MAX]);

/* What to subscribe to, beside the sources that the configuration names. */
enum topics_filter {
    FILTER_ROOM_JSON,        /* <base>/+/set                                                 */
    FILTER_PROPERTIES,       /* <base>/+/+/set : rooms' properties and heaters               */
    FILTER_ACKNOWLEDGE,      /* <base>/heater/+/acknowledge/set                              */
    FILTER_HA_STATUS,        /* homeassistant.status_topic                                   */
    FILTER_DISCOVERY_DEVICE, /* <prefix>/device/+/config : to find what earlier runs left    */
    FILTER_DISCOVERY_SINGLE, /* <prefix>/+/+/+/config                                        */
    FILTER_COUNT,
};

void topics_filter(const struct config *config, enum topics_filter which, char filter[TOPIC_MAX]);

enum topic_kind {
    TOPIC_OTHER,              /* none of ours: a source, or nothing known                        */
    TOPIC_ROOM_COMMAND,       /* index, key, property                                            */
    TOPIC_HEATER_COMMAND,     /* index                                                           */
    TOPIC_HEATER_ACKNOWLEDGE, /* index                                                       */
    TOPIC_HA_STATUS,          /* Home Assistant's birth and will                                 */
    TOPIC_DISCOVERY,          /* below the discovery prefix: for announcer_retained              */
};

struct topic_target {
    enum topic_kind kind;
    uint16_t index;        /* of the room or heater; INDEX_NONE: no such name                */
    enum command_key key;  /* COMMAND_UNKNOWN: no such property                              */
    char property[ID_MAX]; /* as in the topic, printable, cut; "" for COMMAND_JSON           */
};

/* Says what an incoming topic is. A topic that a source uses may also be one of these. */
struct topic_target topics_classify(const struct config *config, const char *topic);

/* Bytes of an object id: base topic, "_circuit_", id. */
enum { OBJECT_ID_MAX = NAME_MAX_B + ID_MAX + 10 };

/* Stable ids for Home Assistant, "<base>_room_<id>", "<base>_heater_<id>" and
 * "<base>_circuit_<id>"; characters of the base topic outside [a-zA-Z0-9_-] become '_'. They are
 * identity: never change their form. */
void topics_room_object(const struct config_mqtt *mqtt, const char *room_id,
                        char object[OBJECT_ID_MAX]);
void topics_heater_object(const struct config_mqtt *mqtt, const char *heater_id,
                          char object[OBJECT_ID_MAX]);
void topics_circuit_object(const struct config_mqtt *mqtt, const char *circuit_id,
                           char object[OBJECT_ID_MAX]);
/* <prefix>/device/<object>/config, or with a platform <prefix>/<platform>/<object>/<key>/config. */
void topics_discovery(const struct config_homeassistant *ha, const char *platform,
                      const char *object, const char *key, char topic[TOPIC_MAX]);

#endif
