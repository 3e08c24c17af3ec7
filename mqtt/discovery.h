/* The documents by which Home Assistant learns of our rooms and heaters. Pure, apart from memory.
 *
 * Device form (default): one message per room and heater on <prefix>/device/<object>/config. The
 * root holds only keys that every version with device discovery allows, for one unknown root key
 * loses the whole device; anything optional stands in a component, where unknown keys are ignored.
 * Single form, for Home Assistant before 2024.12: one message per entity on
 * <prefix>/<platform>/<object>/<key>/config, with the same unique ids.
 *
 * The application does not use this header but mqtt/announcer.h, which also knows when.
 */
#ifndef HB_MQTT_DISCOVERY_H
#define HB_MQTT_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config.h"
#include "bridge/heater.h"
#include "mqtt/discovery_seen.h"

/* The order in which messages must reach Home Assistant; between two phases it needs a pause. */
enum discovery_phase {
    DISCOVERY_PREPARE, /* old-form topics: "your entities move", so that people's settings stay;
                          devices that lose components: the farewell of those components         */
    DISCOVERY_RETIRE, /* empty messages on the old-form topics. Before the new documents: both forms
                         give an entity the same discovery id, and an empty message that comes after
                         them is complained of, once per entity (seen with 2026.11)             */
    DISCOVERY_CONFIG, /* the documents, rooms before heaters                                    */
    DISCOVERY_REMOVE, /* empty messages: rooms, heaters and entities that are gone              */
    DISCOVERY_FORGET, /* empty messages: the states of rooms and heaters that are gone. Only when
                         Home Assistant listens to them no more, for it renders an empty state    */
    DISCOVERY_PHASES,
};

/* One retained message to publish with QoS 1. An empty payload removes. */
struct discovery_step {
    enum discovery_phase phase;
    bool unchanged; /* the broker already holds exactly this */
    char *topic, *payload;
};

struct discovery_plan {
    struct discovery_step *step; /* ascending phases */
    size_t count, capacity;
};

/* Everything to be announced, in the configured form, compared with what the broker holds (`seen`,
 * may be NULL). `caps` and `about` have one entry per heater in config order. With discovery off
 * the plan only removes. Free with discovery_plan_free. */
void discovery_plan_make(struct discovery_plan *plan, const struct config *config,
                         const struct heater_caps *caps, const struct heater_about *about,
                         const struct discovery_seen *seen);
void discovery_plan_free(struct discovery_plan *plan);

#endif
