/* An mqtt_client under test with its log captured, and waits for what it delivers. */
#ifndef HB_TESTS_MQTT_HARNESS_H
#define HB_TESTS_MQTT_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "mqtt/client.h"

/* The backend that this test program was built for. */
extern const struct mqtt_link_backend *const harness_backend;

struct harness;

/* Options for the backend under test: keep-alive 5 s, will "offline" on "hb/status", a client id
 * that no other test uses. `url` is kept by the harness. */
struct mqtt_client_options harness_options(const char *scheme, const char *host, uint16_t port);

/* Starts a client; the test fails if it cannot. */
struct harness *harness_start(const struct mqtt_client_options *options);
/* Stops it, with a last message on "hb/status" if `goodbye`, and checks that stop kept its
 * deadline.
 */
void harness_stop(struct harness *harness, bool goodbye);
/* The same with the deadline given; returns how long it took, in milliseconds. */
int64_t harness_stop_within(struct harness *harness, bool goodbye, int deadline_ms);

struct mqtt_client *harness_client(struct harness *harness);

/* Calls of the client, timed. */
bool harness_publish(struct harness *harness, const char *topic, const char *text);
void harness_subscribe(struct harness *harness, const char *filter);
/* The longest that any call through this harness took, in microseconds. */
int64_t harness_worst_us(const struct harness *harness);

/* Wait for an item, skipping others. What was found stays readable by harness_found. */
bool harness_gets(struct harness *harness, enum mqtt_incoming_kind kind, int deadline_ms);
bool harness_hears(struct harness *harness, const char *topic, const char *payload,
                   int deadline_ms);
const struct mqtt_incoming *harness_found(const struct harness *harness);

/* Waits for a log line that contains `text`, from the start of the log. */
bool harness_logs(struct harness *harness, const char *text, int deadline_ms);
/* How many lines contain `text` so far. */
size_t harness_log_count(struct harness *harness, const char *text);

#endif
