#define _GNU_SOURCE /* strerrordesc_np: strerror without its shared buffer */
#include "mqtt/words.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>

struct reason {
    int code;
    enum hb_code kind; /* of a refused connection */
    const char *words;
};

static const struct reason reasons[] = {
    {0x80, HB_ERR_NETWORK, "the broker gives no reason"},
    {0x81, HB_ERR_INPUT, "the broker found our packet malformed"},
    {0x82, HB_ERR_INPUT, "the broker reports a protocol error"},
    {0x83, HB_ERR_NETWORK, "the broker refuses for a reason of its own"},
    {0x84, HB_ERR_STATE, "the broker does not speak this version of MQTT"},
    {0x85, HB_ERR_USAGE, "client id refused"},
    {0x86, HB_ERR_USAGE, "user name or password refused"},
    {0x87, HB_ERR_USAGE, "not authorized"},
    {0x88, HB_ERR_NETWORK, "the broker is not available"},
    {0x89, HB_ERR_NETWORK, "the broker is busy"},
    {0x8A, HB_ERR_USAGE, "the broker has banned this client"},
    {0x8B, HB_ERR_NETWORK, "the broker is shutting down"},
    {0x8D, HB_ERR_NETWORK, "the broker heard nothing from us for too long"},
    {0x8E, HB_ERR_USAGE, "another client took over with the same client id"},
    {0x8F, HB_ERR_USAGE, "topic filter refused"},
    {0x90, HB_ERR_USAGE, "topic refused"},
    {0x95, HB_ERR_USAGE, "a message was too long for the broker"},
    {0x97, HB_ERR_NETWORK, "quota used up"},
    {0x98, HB_ERR_NETWORK, "closed by the broker's administrator"},
    {0x9A, HB_ERR_USAGE, "the broker keeps no retained messages"},
    {0x9B, HB_ERR_USAGE, "the broker does not do this quality of service"},
    {0x9C, HB_ERR_NETWORK, "the broker asks to use another server"},
    {0x9D, HB_ERR_NETWORK, "the broker has moved"},
    {0x9F, HB_ERR_NETWORK, "the broker limits the rate of connections"},
    {0xA2, HB_ERR_USAGE, "the broker does not do wildcard subscriptions"},
};

/* Return codes 1 to 5 of MQTT 3.1.1 as reason codes of MQTT 5. */
static const int as_reason[] = {0, 0x84, 0x85, 0x88, 0x86, 0x86};

static const struct reason *find(int code)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].code == code) {
            return &reasons[i];
        }
    }
    return NULL;
}

void mqtt_words_refused(enum mqtt_version version, int code, struct hb_err *err)
{
    /* A broker that knows only 3.1.1 may answer an MQTT 5 CONNECT with its own code 1. */
    int reason = code >= 1 && code <= 5 && (version == MQTT_VERSION_311 || code == 1)
                     ? as_reason[code]
                     : code;
    if (reason == 0x87) {
        reason = 0x86; /* what Mosquitto answers to a wrong password */
    }
    const struct reason *found = find(reason);
    if (found == NULL) {
        (void)hb_fail(err, HB_ERR_NETWORK, "the broker refuses the connection with code %d", code);
        return;
    }
    (void)hb_fail(err, found->kind, "%s", found->words);
}

const char *mqtt_words_reason(int code)
{
    const struct reason *found = find(code);
    return found != NULL ? found->words : "for a reason that MQTT does not define";
}

bool mqtt_words_errno(const struct mqtt_url *url, int number, struct hb_err *err)
{
    switch (number) {
    case ECONNREFUSED:
        return hb_fail(err, HB_ERR_NETWORK, "nothing listens at %s port %u", url->host, url->port);
    case ETIMEDOUT:
        return hb_fail(err, HB_ERR_NETWORK, "%s port %u does not answer", url->host, url->port);
    case EHOSTUNREACH:
    case ENETUNREACH:
        return hb_fail(err, HB_ERR_NETWORK, "no way to %s; is it switched on and in this network?",
                       url->host);
    case ECONNRESET:
    case EPIPE:
        return hb_fail(err, HB_ERR_NETWORK, "the broker closed the connection");
    default: {
        const char *words = strerrordesc_np(number);
        return hb_fail(err, HB_ERR_NETWORK, "%s port %u: %s", url->host, url->port,
                       words != NULL ? words : "unknown error");
    }
    }
}

bool mqtt_words_lookup(const struct mqtt_url *url, int gai_code, struct hb_err *err)
{
    switch (gai_code) {
    case EAI_NONAME:
    case EAI_NODATA:
        return hb_fail(err, HB_ERR_NETWORK, "no host of the name '%s' is known", url->host);
    case EAI_AGAIN:
        return hb_fail(err, HB_ERR_NETWORK, "the name server does not answer for '%s'", url->host);
    default:
        return hb_fail(err, HB_ERR_NETWORK, "cannot look up '%s': %s", url->host,
                       gai_strerror(gai_code));
    }
}
