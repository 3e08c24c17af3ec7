/* The MQTT adapter thread: owns one link, reconnects it, and meets the core thread at two queues.
 *
 * Out: newest per topic while offline or slow, so memory is bounded and nothing stale is sent. In:
 * a bounded ring of messages and connection changes. No call here ever blocks.
 */
#ifndef HB_MQTT_CLIENT_H
#define HB_MQTT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/limits.h"
#include "ground/attr.h"
#include "ground/err.h"
#include "mqtt/link.h"
#include "plumbing/log.h"

struct mqtt_client;

enum mqtt_version_choice { MQTT_TRY_5_THEN_311, MQTT_ONLY_5, MQTT_ONLY_311 };

struct mqtt_client_options {
    const struct mqtt_link_backend *backend;
    struct mqtt_link_options link; /* texts are copied */
    enum mqtt_version_choice version;
    size_t queue_topics; /* distinct topics kept while offline */
};

enum mqtt_incoming_kind { MQTT_IN_MESSAGE, MQTT_IN_CONNECTED, MQTT_IN_LOST };

struct mqtt_incoming {
    enum mqtt_incoming_kind kind;
    bool retained;
    char topic[TOPIC_MAX];
    size_t len;
    char payload[PAYLOAD_MAX + 1]; /* terminated, but may hold NUL bytes; the cause for LOST */
};

struct mqtt_counters {
    uint64_t received, dropped_in; /* messages taken in; those that found the ring full      */
    uint64_t oversized;            /* with a topic or payload too long for mqtt_incoming     */
    uint64_t published;            /* handed to the library                                  */
    uint64_t replaced_out;         /* overtaken by a newer one before they were sent         */
    uint64_t dropped_out;          /* refused by mqtt_client_publish                         */
    uint64_t connects, losses;     /* sessions begun, and those that broke                   */
};

/* Starts the thread, which connects at once. `wake` is called on the adapter thread whenever
 * something can be received. Subscriptions are remembered and renewed on each connection. NULL with
 * `err` if the options are unusable (scheme not spoken by the backend, unreadable CA file). */
HB_MUST_USE struct mqtt_client *mqtt_client_start(const struct mqtt_client_options *options,
                                                  const struct hb_log *log, void (*wake)(void *ctx),
                                                  void *wake_ctx, struct hb_err *err);
/* Publishes `last_topic`/`last_payload` (retained, QoS 1; NULL: nothing), sends what is queued,
 * disconnects and joins, all within `deadline_ms`. A thread that cannot end by then (a name look-up
 * hangs) is left alone: it calls neither `log` nor `wake` any more and frees the client when it
 * gets on, or goes with the process. In any case the client must not be used afterwards. NULL is
 * allowed.
 */
void mqtt_client_stop(struct mqtt_client *client, const char *last_topic, const char *last_payload,
                      int deadline_ms);

/* Queues a message of up to 64 KiB (mqtt/outbox.h); a newer one for the same topic replaces one
 * that was not sent yet. False if the queue is full or the message too long (counted). */
bool mqtt_client_publish(struct mqtt_client *client, const char *topic, const void *payload,
                         size_t len, int qos, bool retain);
/* Asks for a filter on this and every later connection; known ones are not asked for twice. False
 * for a filter of 1024 bytes or more, or above 8192 filters. */
bool mqtt_client_subscribe(struct mqtt_client *client, const char *filter);
/* Takes the next incoming item; false if there is none. Connection changes come before messages,
 * and if the core is slow the oldest messages are dropped (counted), never the latest change. When
 * MQTT_IN_CONNECTED is delivered the subscriptions are already on their way to the broker. */
HB_MUST_USE bool mqtt_client_receive(struct mqtt_client *client, struct mqtt_incoming *in);
void mqtt_client_counters(struct mqtt_client *client, struct mqtt_counters *counters);

#endif
