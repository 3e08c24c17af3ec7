/* Tries the way to a broker step by step, to say in plain words where it ends.
 *
 * For two purposes: the libraries report most failures as a mere number, and Paho 1.3.12 frees
 * uninitialised memory when a broker answers an MQTT 5 CONNECT in the format of 3.1.1
 * (eclipse/paho.mqtt.c issue 1543), so that it must not be let near such a broker. A probe is one
 * short connection without credentials. It blocks; adapter thread only.
 */
#ifndef HB_MQTT_PROBE_H
#define HB_MQTT_PROBE_H

#include <stdbool.h>

#include "ground/attr.h"
#include "ground/err.h"
#include "mqtt/link.h"
#include "mqtt/url.h"

/* Looks up the name, connects, shakes hands if the URL says TLS, and asks for an MQTT 5 session, in
 * at most `timeout_ms` plus the time that the look-up takes. True if the broker answers in MQTT 5,
 * be it a refusal. HB_ERR_STATE: it answers in 3.1.1; HB_ERR_INPUT: with something else, or by
 * closing; HB_ERR_USAGE: TLS cannot work as configured; HB_ERR_NETWORK: no way there. */
HB_MUST_USE bool mqtt_probe_speaks_5(const struct mqtt_url *url,
                                     const struct mqtt_link_options *options, int timeout_ms,
                                     struct hb_err *err);

/* Fills `err` with why a connection that a library could not make fails; HB_ERR_INPUT if the broker
 * is there and well, and merely closed it. */
void mqtt_probe_explain(const struct mqtt_url *url, const struct mqtt_link_options *options,
                        int timeout_ms, struct hb_err *err);

#endif
