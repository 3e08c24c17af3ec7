/* One connection to an MQTT broker, as the adapter thread sees it: a vtable with two backends.
 *
 * Everything here is called on the adapter thread (mqtt/client.c) only, may block only in `connect`
 * and `service`, and reports through the callbacks given at creation, from within those calls or,
 * for Paho, from the library's thread (the backend then queues and delivers in `service`).
 * Automatic reconnecting is the adapter's business, never the library's.
 */
#ifndef HB_MQTT_LINK_H
#define HB_MQTT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

struct mqtt_link;

enum mqtt_version { MQTT_VERSION_5, MQTT_VERSION_311 };

/* All text is borrowed for the life of the link; NULL or "" where not used. */
struct mqtt_link_options {
    const char *url; /* mqtt[s]://host[:port], ws[s]://host[:port][/path] (backend permitting) */
    const char *username, *password, *client_id;
    const char *ca_file, *cert_file, *key_file;
    bool tls_verify;
    int keepalive_s;
    uint32_t max_packet;                   /* bytes, MQTT 5's Maximum Packet Size */
    const char *will_topic, *will_payload; /* retained, QoS 1 */
};

struct mqtt_link_callbacks {
    void *ctx;
    /* The attempt ended: connected and ready (NULL), or refused with the cause in plain words.
     * HB_ERR_STATE: the broker does not speak this version; HB_ERR_INPUT: it closed or sent garbage
     * instead of answering, which some do for the same reason; HB_ERR_USAGE: the configuration has
     * to change; HB_ERR_NETWORK: waiting may help. */
    void (*connected)(void *ctx, const struct hb_err *refused);
    /* The connection ended; `cause` in plain words. */
    void (*lost)(void *ctx, const char *cause);
    /* `payload` is NULL with `len` > 0 for a message that had to be dropped, to be counted. */
    void (*message)(void *ctx, const char *topic, const void *payload, size_t len, bool retained);
    /* A subscription to, or (MQTT 5 only) a publication on `topic` was denied by the broker. */
    void (*denied)(void *ctx, const char *topic, const char *cause);
};

struct mqtt_link_backend {
    const char *name;
    const char *const *schemes; /* NULL-terminated: "mqtt", "mqtts", ... */
    struct mqtt_link *(*create)(const struct mqtt_link_options *options,
                                const struct mqtt_link_callbacks *callbacks, struct hb_err *err);
    void (*destroy)(struct mqtt_link *link);
    /* Begins to connect, from scratch; may block for name look-up and, if the peer is silent, for
     * TCP's own time-out. The result comes by `connected`, or false with `err` as said there. */
    bool (*connect)(struct mqtt_link *link, enum mqtt_version version, struct hb_err *err);
    /* Hands over one message. False if the library cannot take it now; try later. */
    bool (*publish)(struct mqtt_link *link, const char *topic, const void *payload, size_t len,
                    int qos, bool retain);
    /* Retained messages are wanted, and flagged as published (MQTT 5: Retain Handling 0, Retain As
     * Published), so that the receiver can tell old from new. `filter` is borrowed for the life of
     * the link. */
    bool (*subscribe)(struct mqtt_link *link, const char *filter, int qos);
    /* Unacknowledged QoS 1 messages of ours; keeps its value after a loss until `connect`. */
    int (*in_flight)(const struct mqtt_link *link);
    /* Waits for traffic, for `wake_fd` to become readable, or for `timeout_ms`; then does the work.
     */
    void (*service)(struct mqtt_link *link, int wake_fd, int timeout_ms);
    /* Says goodbye if connected (the broker then drops the will) and closes at once. */
    void (*disconnect)(struct mqtt_link *link);
};

extern const struct mqtt_link_backend mqtt_link_mosquitto, mqtt_link_paho;

#endif
