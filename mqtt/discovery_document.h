/* One discovery document: a device with all its entities, or a single entity. Pure, apart from
 * memory. Keys are written in Home Assistant's abbreviations, known to every version that we serve.
 */
#ifndef HB_MQTT_DISCOVERY_DOCUMENT_H
#define HB_MQTT_DISCOVERY_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "mqtt/discovery_rows.h"
#include "mqtt/discovery_seen.h"

/* "heatbridge", the origin in every document: by it the bridge knows its own. */
#define DISCOVERY_ORIGIN "heatbridge"

/* Rows of the device's kind; walk to the one without key. */
const struct entity_row *discovery_rows(const struct entity_context *context);
bool discovery_row_wanted(const struct entity_context *context, const struct entity_row *row);

/* The device's object id and state topic, and where a row of it is told. */
void discovery_object(const struct entity_context *context, char object[OBJECT_ID_MAX]);
void discovery_state_topic(const struct entity_context *context, char topic[TOPIC_MAX]);
void discovery_row_topic(const struct entity_context *context, const struct entity_row *row,
                         char topic[TOPIC_MAX]);

/* The device form. Components that `previous` (may be NULL) announced and that are no longer wanted
 * are added as the bare platform, which makes Home Assistant remove them. Owned by the caller, free
 * with free(). */
char *discovery_device_document(const struct entity_context *context,
                                const struct discovery_topic *previous);
/* True if `previous` has a component that is no longer wanted. */
bool discovery_loses_component(const struct entity_context *context,
                               const struct discovery_topic *previous);

/* The single form of one row. Owned by the caller, free with free(). */
char *discovery_single_document(const struct entity_context *context, const struct entity_row *row);

#endif
