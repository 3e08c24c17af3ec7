#include "mqtt/topics.h"

#include <stdio.h>
#include <string.h>

#include "ground/text.h"

/* The levels between base topic and id that separate heaters and circuits from rooms. */
#define HEATER_LEVEL     "heater"
#define CIRCUIT_LEVEL    "circuit"
#define ACKNOWLEDGE_LEAF "acknowledge/set"

static const char *const property_words[COMMAND_PROPERTIES] = {
    [COMMAND_MODE] = "mode",   [COMMAND_TARGET] = "target",           [COMMAND_PRESET] = "preset",
    [COMMAND_POWER] = "power", [COMMAND_POWER_LIMIT] = "power_limit", [COMMAND_DEMAND] = "demand",
};

static const char *const room_leaves[] = {
    [ROOM_TOPIC_STATE] = "state", [ROOM_TOPIC_ERROR] = "error", [ROOM_TOPIC_SET] = "set"};

static const char *const heater_leaves[] = {
    [HEATER_TOPIC_STATE] = "state", [HEATER_TOPIC_AVAILABILITY] = "availability",
    [HEATER_TOPIC_SET] = "set",     [HEATER_TOPIC_ERROR] = "error",
    [HEATER_TOPIC_EVENT] = "event", [HEATER_TOPIC_ACKNOWLEDGE] = ACKNOWLEDGE_LEAF};

const char *command_key_word(enum command_key key)
{
    return (unsigned)key < COMMAND_PROPERTIES ? property_words[key] : NULL;
}

enum command_key command_key_of(const char *word)
{
    for (unsigned i = 0; i < COMMAND_PROPERTIES; i++) {
        if (strcmp(word, property_words[i]) == 0) {
            return (enum command_key)i;
        }
    }
    return COMMAND_UNKNOWN;
}

void topics_status(const struct config_mqtt *mqtt, char topic[TOPIC_MAX])
{
    (void)snprintf(topic, TOPIC_MAX, "%s/status", mqtt->base_topic);
}

void topics_room(const struct config_mqtt *mqtt, const char *room_id, enum room_topic which,
                 char topic[TOPIC_MAX])
{
    (void)snprintf(topic, TOPIC_MAX, "%s/%s/%s", mqtt->base_topic, room_id, room_leaves[which]);
}

void topics_command(const struct config_mqtt *mqtt, const char *room_id, enum command_key key,
                    char topic[TOPIC_MAX])
{
    const char *word = command_key_word(key);
    if (word == NULL) {
        topics_room(mqtt, room_id, ROOM_TOPIC_SET, topic);
        return;
    }
    (void)snprintf(topic, TOPIC_MAX, "%s/%s/%s/set", mqtt->base_topic, room_id, word);
}

void topics_heater(const struct config_mqtt *mqtt, const char *heater_id, enum heater_topic which,
                   char topic[TOPIC_MAX])
{
    (void)snprintf(topic, TOPIC_MAX, "%s/" HEATER_LEVEL "/%s/%s", mqtt->base_topic, heater_id,
                   heater_leaves[which]);
}

void topics_circuit(const struct config_mqtt *mqtt, const char *circuit_id, char topic[TOPIC_MAX])
{
    (void)snprintf(topic, TOPIC_MAX, "%s/" CIRCUIT_LEVEL "/%s/state", mqtt->base_topic, circuit_id);
}

void topics_filter(const struct config *config, enum topics_filter which, char filter[TOPIC_MAX])
{
    const char *base = config->mqtt.base_topic;
    const char *prefix = config->homeassistant.prefix;
    switch (which) {
    case FILTER_ROOM_JSON:
        (void)snprintf(filter, TOPIC_MAX, "%s/+/set", base);
        return;
    case FILTER_PROPERTIES:
        (void)snprintf(filter, TOPIC_MAX, "%s/+/+/set", base);
        return;
    case FILTER_ACKNOWLEDGE:
        (void)snprintf(filter, TOPIC_MAX, "%s/" HEATER_LEVEL "/+/" ACKNOWLEDGE_LEAF, base);
        return;
    case FILTER_HA_STATUS:
        (void)text_copy(filter, TOPIC_MAX, config->homeassistant.status_topic);
        return;
    case FILTER_DISCOVERY_DEVICE:
        (void)snprintf(filter, TOPIC_MAX, "%s/device/+/config", prefix);
        return;
    case FILTER_DISCOVERY_SINGLE:
        (void)snprintf(filter, TOPIC_MAX, "%s/+/+/+/config", prefix);
        return;
    case FILTER_COUNT:
        break;
    }
    filter[0] = '\0';
}

/* --- recognising --------------------------------------------------------------------------------
 */

/* The rest of `topic` below "<parent>/", NULL if it lies elsewhere. */
static const char *below(const char *topic, const char *parent)
{
    const size_t len = strlen(parent);
    return strncmp(topic, parent, len) == 0 && topic[len] == '/' ? topic + len + 1 : NULL;
}

/* Cuts the first level of `*rest` into `level`; false if there is none or it is longer than an id.
 */
static bool next_level(const char **rest, char level[ID_MAX])
{
    const size_t len = strcspn(*rest, "/");
    if (len == 0 || len >= ID_MAX) {
        return false;
    }
    memcpy(level, *rest, len);
    level[len] = '\0';
    *rest += len + ((*rest)[len] == '/');
    return true;
}

static uint16_t find_room(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->room_count; i++) {
        if (strcmp(config->rooms[i].id, id) == 0) {
            return (uint16_t)i;
        }
    }
    return INDEX_NONE;
}

static uint16_t find_heater(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->heater_count; i++) {
        if (strcmp(config->heaters[i].id, id) == 0) {
            return (uint16_t)i;
        }
    }
    return INDEX_NONE;
}

/* `rest` is what follows "<base>/". */
static struct topic_target classify_ours(const struct config *config, const char *rest)
{
    struct topic_target target = {.kind = TOPIC_OTHER, .index = INDEX_NONE, .key = COMMAND_UNKNOWN};
    char first[ID_MAX];
    char second[ID_MAX];
    if (!next_level(&rest, first)) {
        return target;
    }
    if (strcmp(rest, "set") == 0) {
        target.kind = TOPIC_ROOM_COMMAND;
        target.index = find_room(config, first);
        target.key = COMMAND_JSON;
        return target;
    }
    if (!next_level(&rest, second)) {
        return target;
    }
    const bool heater = strcmp(first, HEATER_LEVEL) == 0;
    const bool acknowledge = heater && strcmp(rest, ACKNOWLEDGE_LEAF) == 0;
    if (!acknowledge && strcmp(rest, "set") != 0) {
        return target;
    }
    if (heater) {
        target.kind = acknowledge ? TOPIC_HEATER_ACKNOWLEDGE : TOPIC_HEATER_COMMAND;
        target.index = find_heater(config, second);
        return target;
    }
    target.kind = TOPIC_ROOM_COMMAND;
    target.index = find_room(config, first);
    target.key = command_key_of(second);
    text_copy_printable(target.property, sizeof target.property, second, strlen(second));
    return target;
}

static bool is_discovery(const struct config *config, const char *topic)
{
    const size_t len = strlen(topic);
    static const char tail[] = "/config";
    return below(topic, config->homeassistant.prefix) != NULL && len > sizeof tail &&
           strcmp(topic + len - (sizeof tail - 1), tail) == 0;
}

struct topic_target topics_classify(const struct config *config, const char *topic)
{
    const char *rest = below(topic, config->mqtt.base_topic);
    struct topic_target target = {.kind = TOPIC_OTHER, .index = INDEX_NONE, .key = COMMAND_UNKNOWN};
    if (strcmp(topic, config->homeassistant.status_topic) == 0) {
        target.kind = TOPIC_HA_STATUS;
    } else if (is_discovery(config, topic)) {
        target.kind = TOPIC_DISCOVERY;
    } else if (rest != NULL) {
        target = classify_ours(config, rest);
    }
    return target;
}

/* --- ids for Home Assistant ---------------------------------------------------------------------
 */

static void make_object(const struct config_mqtt *mqtt, const char *kind, const char *id,
                        char object[OBJECT_ID_MAX])
{
    (void)snprintf(object, OBJECT_ID_MAX, "%s_%s_%s", mqtt->base_topic, kind, id);
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    for (char *c = object; *c != '\0'; c++) {
        if (strchr(allowed, *c) == NULL) {
            *c = '_';
        }
    }
}

void topics_room_object(const struct config_mqtt *mqtt, const char *room_id,
                        char object[OBJECT_ID_MAX])
{
    make_object(mqtt, "room", room_id, object);
}

void topics_heater_object(const struct config_mqtt *mqtt, const char *heater_id,
                          char object[OBJECT_ID_MAX])
{
    make_object(mqtt, "heater", heater_id, object);
}

void topics_circuit_object(const struct config_mqtt *mqtt, const char *circuit_id,
                           char object[OBJECT_ID_MAX])
{
    make_object(mqtt, "circuit", circuit_id, object);
}

void topics_discovery(const struct config_homeassistant *ha, const char *platform,
                      const char *object, const char *key, char topic[TOPIC_MAX])
{
    if (platform == NULL) {
        (void)snprintf(topic, TOPIC_MAX, "%s/device/%s/config", ha->prefix, object);
    } else {
        (void)snprintf(topic, TOPIC_MAX, "%s/%s/%s/%s/config", ha->prefix, platform, object, key);
    }
}
