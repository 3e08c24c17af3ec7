#include "mqtt/discovery_seen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "mqtt/discovery_document.h"
#include "plumbing/json.h"

uint64_t discovery_hash(const void *payload, size_t len)
{
    const unsigned char *byte = payload;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* --- whose topic is it? -------------------------------------------------------------------------
 */

/* Copies the level at `*rest` and steps over its slash; false at the end or if it does not fit. */
static bool take_level(const char **rest, char *level, size_t size)
{
    const size_t len = strcspn(*rest, "/");
    if (len == 0 || len >= size || (*rest)[len] != '/') {
        return false;
    }
    memcpy(level, *rest, len);
    level[len] = '\0';
    *rest += len + 1;
    return true;
}

/* Splits "<base>_room_<id>" and its like; false if the object is none of ours. */
static bool split_object(const struct config_mqtt *mqtt, const char *object,
                         struct discovery_topic *entry)
{
    static void (*const heads[])(const struct config_mqtt *, const char *,
                                 char *) = {[DISCOVERY_ROOM] = topics_room_object,
                                            [DISCOVERY_HEATER] = topics_heater_object,
                                            [DISCOVERY_CIRCUIT] = topics_circuit_object};
    char head[OBJECT_ID_MAX];
    for (size_t kind = 0; kind < sizeof heads / sizeof heads[0]; kind++) {
        heads[kind](mqtt, "", head);
        const size_t len = strlen(head);
        if (strncmp(object, head, len) == 0 && text_is_id(object + len)) {
            entry->kind = (enum discovery_kind)kind;
            return text_copy(entry->id, sizeof entry->id, object + len);
        }
    }
    return false;
}

/* Fills what the topic alone says; for the single form also platform and key. */
static bool read_topic(const struct config *config, const char *topic,
                       struct discovery_topic *entry, struct discovery_component *single)
{
    const size_t prefix = strlen(config->homeassistant.prefix);
    char platform[sizeof single->platform];
    char object[OBJECT_ID_MAX];
    if (!text_copy(entry->topic, sizeof entry->topic, topic) ||
        strncmp(topic, config->homeassistant.prefix, prefix) != 0 || topic[prefix] != '/') {
        return false;
    }
    const char *rest = topic + prefix + 1;
    if (!take_level(&rest, platform, sizeof platform) ||
        !take_level(&rest, object, sizeof object) || !split_object(&config->mqtt, object, entry)) {
        return false;
    }
    entry->device = strcmp(platform, "device") == 0;
    if (!entry->device) {
        if (!take_level(&rest, single->key, sizeof single->key)) {
            return false;
        }
        (void)text_copy(single->platform, sizeof single->platform, platform);
    }
    return strcmp(rest, "config") == 0;
}

/* --- whose document is it? ----------------------------------------------------------------------
 */

static bool is_text(const struct json *json, const char *expected)
{
    const char *text = json_string(json);
    return text != NULL && strcmp(text, expected) == 0;
}

/* States, or in single form events, come on a topic of that room, heater or circuit. */
static bool is_own_topic(const struct config *config, const struct discovery_topic *entry,
                         const struct json *topic)
{
    char state[TOPIC_MAX];
    char event[TOPIC_MAX];
    if (entry->kind == DISCOVERY_ROOM) {
        topics_room(&config->mqtt, entry->id, ROOM_TOPIC_STATE, state);
        return is_text(topic, state);
    }
    if (entry->kind == DISCOVERY_CIRCUIT) {
        topics_circuit(&config->mqtt, entry->id, state);
        return is_text(topic, state);
    }
    topics_heater(&config->mqtt, entry->id, HEATER_TOPIC_STATE, state);
    topics_heater(&config->mqtt, entry->id, HEATER_TOPIC_EVENT, event);
    return is_text(topic, state) || is_text(topic, event);
}

static bool is_ours(const struct config *config, const struct discovery_topic *entry,
                    const struct json *document)
{
    return is_text(json_get(json_get(document, "o"), "name"), DISCOVERY_ORIGIN) &&
           is_own_topic(config, entry, json_get(document, "stat_t"));
}

/* A farewell, the bare platform, is no component any more. */
static bool read_component(const struct json *member, struct discovery_component *component)
{
    const char *platform = json_string(json_get(member, "p"));
    return platform != NULL && json_count(member) > 1 &&
           text_copy(component->platform, sizeof component->platform, platform) &&
           text_copy(component->key, sizeof component->key, json_name(member));
}

static void *must(void *pointer)
{
    if (pointer == NULL) {
        (void)fputs("out of memory\n", stderr);
        abort();
    }
    return pointer;
}

static void read_components(const struct json *list, struct discovery_topic *entry)
{
    const size_t count = json_count(list);
    if (count == 0) {
        return;
    }
    entry->component = must(calloc(count, sizeof *entry->component));
    for (const struct json *m = json_first(list); m != NULL; m = json_next(m)) {
        if (read_component(m, &entry->component[entry->component_count])) {
            entry->component_count++;
        }
    }
}

/* Fills the rest of `entry` from the payload; false if the document is not ours. */
static bool read_payload(const struct config *config, const void *payload, size_t len,
                         const struct discovery_component *single, struct discovery_topic *entry)
{
    struct json *document = json_parse(payload, len, PAYLOAD_MAX * (size_t)2, NULL);
    entry->hash = discovery_hash(payload, len);
    entry->marker = json_get(document, "migrate_discovery") != NULL;
    const bool ours = entry->marker || is_ours(config, entry, document);
    if (ours && entry->device) {
        read_components(json_get(document, "cmps"), entry);
    } else if (ours && !entry->marker) {
        entry->component = must(calloc(1, sizeof *entry->component));
        entry->component[0] = *single;
        entry->component_count = 1;
    }
    json_free(document);
    return ours;
}

/* --- the sorted list ----------------------------------------------------------------------------
 */

/* Index of the first topic not before `topic`. */
static size_t lower_bound(const struct discovery_seen *seen, const char *topic)
{
    size_t low = 0;
    size_t high = seen->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(seen->topic[middle]->topic, topic) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void free_entry(struct discovery_topic *entry)
{
    if (entry != NULL) {
        free(entry->component);
        free(entry);
    }
}

const struct discovery_topic *discovery_seen_find(const struct discovery_seen *seen,
                                                  const char *topic)
{
    const size_t at = lower_bound(seen, topic);
    return at < seen->count && strcmp(seen->topic[at]->topic, topic) == 0 ? seen->topic[at] : NULL;
}

static void forget(struct discovery_seen *seen, const char *topic)
{
    const size_t at = lower_bound(seen, topic);
    if (at < seen->count && strcmp(seen->topic[at]->topic, topic) == 0) {
        free_entry(seen->topic[at]);
        seen->count--;
        memmove(&seen->topic[at], &seen->topic[at + 1],
                (seen->count - at) * sizeof(struct discovery_topic *));
    }
}

static void insert(struct discovery_seen *seen, struct discovery_topic *entry)
{
    if (seen->count == seen->capacity) {
        seen->capacity = seen->capacity == 0 ? 32 : 2 * seen->capacity;
        seen->topic =
            must(realloc((void *)seen->topic, seen->capacity * sizeof(struct discovery_topic *)));
    }
    const size_t at = lower_bound(seen, entry->topic);
    memmove(&seen->topic[at + 1], &seen->topic[at],
            (seen->count - at) * sizeof(struct discovery_topic *));
    seen->topic[at] = entry;
    seen->count++;
}

void discovery_seen_note(struct discovery_seen *seen, const struct config *config,
                         const char *topic, const void *payload, size_t len)
{
    struct discovery_topic read = {.device = false};
    struct discovery_component single = {.key = ""};
    if (!read_topic(config, topic, &read, &single)) {
        return;
    }
    struct discovery_topic *entry = must(malloc(sizeof *entry));
    *entry = read;
    if (len > 0 && !read_payload(config, payload, len, &single, entry)) {
        free_entry(entry);
        return;
    }
    forget(seen, topic);
    if (len == 0 || seen->count >= DISCOVERY_SEEN_MAX) {
        free_entry(entry);
        return;
    }
    insert(seen, entry);
}

void discovery_seen_clear(struct discovery_seen *seen)
{
    for (size_t i = 0; i < seen->count; i++) {
        free_entry(seen->topic[i]);
    }
    free((void *)seen->topic);
    *seen = (struct discovery_seen){.topic = NULL};
}
