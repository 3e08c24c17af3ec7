/* Another MQTT client, for tests: synchronous, MQTT 5, straight on libmosquitto. Fails the running
 * test if the broker does not cooperate. */
#ifndef HB_TESTS_MQTT_PEER_H
#define HB_TESTS_MQTT_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer;

/* Connects to 127.0.0.1; NULL user for none. */
struct peer *peer_connect(uint16_t port, const char *username, const char *password);
void peer_close(struct peer *peer);
/* Publishes with QoS 1 and waits for the acknowledgement. */
void peer_publish(struct peer *peer, const char *topic, const void *payload, size_t len,
                  bool retain);
/* Publishes a text. */
void peer_say(struct peer *peer, const char *topic, const char *text, bool retain);
/* Subscribes with QoS 1 and waits for the acknowledgement. */
void peer_subscribe(struct peer *peer, const char *filter);
/* Waits for a message; NULL payload for any. Others are skipped. */
bool peer_hears(struct peer *peer, const char *topic, const char *payload, int deadline_ms);
/* How many messages came in so far, skipped ones included. */
size_t peer_heard(const struct peer *peer);
/* Whether the message found last was a retained one. */
bool peer_heard_retained(const struct peer *peer);

#endif
