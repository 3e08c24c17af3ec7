/* Which discovery topics of ours the broker holds: found by listening, kept up by publishing. Pure,
 * apart from memory.
 *
 * Ours means: the object id is "<base>_room_<id>", "<base>_heater_<id>" or "<base>_circuit_<id>",
 * and the document names origin "heatbridge" and the own state topic of that room, heater or
 * circuit. So two bridges on one broker, even with similar base topics, never remove each other's
 * devices.
 */
#ifndef HB_MQTT_DISCOVERY_SEEN_H
#define HB_MQTT_DISCOVERY_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/config.h"
#include "mqtt/topics.h"

/* More topics than this are not remembered: they cannot be ours in any sane house. */
#define DISCOVERY_SEEN_MAX 65536

struct discovery_component {
    char platform[16], key[ID_MAX];
};

enum discovery_kind { DISCOVERY_ROOM, DISCOVERY_HEATER, DISCOVERY_CIRCUIT };

struct discovery_topic {
    char topic[TOPIC_MAX];
    char id[ID_MAX]; /* of the room, heater or circuit */
    enum discovery_kind kind;
    bool device;                           /* device form */
    bool marker;                           /* holds a migration marker, not a document */
    uint64_t hash;                         /* of the payload */
    struct discovery_component *component; /* that it announces; one in single form */
    size_t component_count;
};

struct discovery_seen {
    struct discovery_topic **topic; /* ascending by topic */
    size_t count, capacity;
};

/* Takes note of a retained message that was received or published. Empty payloads forget the topic;
 * foreign and unreadable ones are left alone. */
void discovery_seen_note(struct discovery_seen *seen, const struct config *config,
                         const char *topic, const void *payload, size_t len);
/* NULL if it was not seen. */
const struct discovery_topic *discovery_seen_find(const struct discovery_seen *seen,
                                                  const char *topic);
void discovery_seen_clear(struct discovery_seen *seen);

/* 64-bit FNV-1a, as kept in discovery_topic.hash. */
uint64_t discovery_hash(const void *payload, size_t len);

#endif
