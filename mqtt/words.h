/* What brokers and the network answer, in words that a person at home can act on. */
#ifndef HB_MQTT_WORDS_H
#define HB_MQTT_WORDS_H

#include <stdbool.h>

#include "ground/err.h"
#include "mqtt/link.h"
#include "mqtt/url.h"

/* Fills `err` for the code of a CONNACK that is not 0 (MQTT 3.1.1, 3.2.2.3; MQTT 5, 3.2.2.2):
 * HB_ERR_STATE if the broker does not speak this version, HB_ERR_USAGE if the configuration has to
 * change, HB_ERR_NETWORK if waiting may help. */
void mqtt_words_refused(enum mqtt_version version, int code, struct hb_err *err);

/* Words for a reason code of 0x80 or more in SUBACK, PUBACK or DISCONNECT (MQTT 5, 2.4). */
const char *mqtt_words_reason(int code);

/* Fills `err` (HB_ERR_NETWORK) for an errno of connecting, and for a getaddrinfo result. Both
 * return false, like hb_fail. */
bool mqtt_words_errno(const struct mqtt_url *url, int number, struct hb_err *err);
bool mqtt_words_lookup(const struct mqtt_url *url, int gai_code, struct hb_err *err);

#endif
