/* Messages on their way to the broker: the newest per topic while they wait, all until
 * acknowledged.
 *
 * Bounded by the number of topics and the size of a message, whatever the broker does. Not locked:
 * the owner serialises the calls.
 */
#ifndef HB_MQTT_OUTBOX_H
#define HB_MQTT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "ground/attr.h"

enum { OUTBOX_PAYLOAD_MAX = 65536 }; /* bytes of one payload */

enum outbox_put { OUTBOX_ADDED, OUTBOX_REPLACED, OUTBOX_REFUSED };

struct outbox_message {
    const char *topic;
    const void *payload;
    size_t len;
    int qos;
    bool retain;
};

struct outbox;

/* For up to `topics` waiting topics, at least 1. NULL when memory is short. */
struct outbox *outbox_create(size_t topics);
/* Forgets all messages. NULL is allowed. */
void outbox_destroy(struct outbox *outbox);

/* Copies a message in. One that waits for the same topic is replaced and keeps its place. Refused:
 * no room for a new topic, a payload above OUTBOX_PAYLOAD_MAX, no memory. */
enum outbox_put outbox_put(struct outbox *outbox, const struct outbox_message *message);

/* Takes the oldest waiting message; NULL if there is none. It is in flight from now on, and the
 * pointer good until one of the next four calls ends that. */
HB_MUST_USE const struct outbox_message *outbox_take(struct outbox *outbox);
/* Puts the message taken last back, first in the line, unless a newer one waits for its topic. */
void outbox_untake(struct outbox *outbox);
/* The message taken last will never be acknowledged: forgets it. */
void outbox_forget(struct outbox *outbox);
/* Brokers acknowledge in order (MQTT 5, 4.6): all but the youngest `unacknowledged` of the messages
 * in flight have arrived and are forgotten. */
void outbox_acknowledged(struct outbox *outbox, size_t unacknowledged);
/* The connection broke: everything in flight waits again, in its old order, before the rest. */
void outbox_lost(struct outbox *outbox);

size_t outbox_waiting(const struct outbox *outbox);
size_t outbox_in_flight(const struct outbox *outbox);

#endif
