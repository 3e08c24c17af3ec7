/* Reads the address of a broker: mqtt[s]://host[:port] and ws[s]://host[:port][/path]. Pure. */
#ifndef HB_MQTT_URL_H
#define HB_MQTT_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "ground/attr.h"
#include "ground/err.h"

struct mqtt_url {
    char scheme[6]; /* "mqtt", "mqtts", "ws" or "wss" */
    bool tls, websocket;
    char host[254]; /* a name, an IPv4 address, or an IPv6 address without its brackets */
    uint16_t port;  /* never 0; 1883, 8883, 80 or 443 if the text names none */
    char path[256]; /* WebSocket only: begins with '/', "/mqtt" if the text names none */
};

/* Parses all of `text`. False with a message for the user of the configuration: unknown scheme,
 * missing host, port outside 1 to 65535, characters that no URL holds, or a user name in the URL
 * (it would end up in logs; it has a place of its own). */
HB_MUST_USE bool mqtt_url_parse(const char *text, struct mqtt_url *url, struct hb_err *err);

#endif
