#include "mqtt/url.h"

#include <string.h>

static const struct scheme {
    const char *name;
    bool tls, websocket;
    uint16_t port;
} schemes[] = {
    {"mqtt", false, false, 1883},
    {"mqtts", true, false, 8883},
    {"ws", false, true, 80},
    {"wss", true, true, 443},
};

/* What follows "<scheme>://", and the scheme; NULL if it is none of ours. */
static const char *after_scheme(const char *text, const struct scheme **found)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const size_t len = strlen(schemes[i].name);
        if (strncmp(text, schemes[i].name, len) == 0 && strncmp(text + len, "://", 3) == 0) {
            *found = &schemes[i];
            return text + len + 3;
        }
    }
    return NULL;
}

static bool only_visible_ascii(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

/* Copies the host that starts at `*at` and moves `*at` behind it. */
static bool take_host(const char **at, struct mqtt_url *url)
{
    const bool bracketed = **at == '[';
    const char *start = *at + (bracketed ? 1 : 0);
    const size_t len = strcspn(start, bracketed ? "]" : ":/?#[]");
    if (len == 0 || len >= sizeof url->host || (bracketed && start[len] != ']')) {
        return false;
    }
    memcpy(url->host, start, len);
    url->host[len] = '\0';
    *at = start + len + (bracketed ? 1 : 0);
    return true;
}

/* Reads ":<port>" if it is there and moves `*at` behind it. */
static bool take_port(const char **at, struct mqtt_url *url)
{
    if (**at != ':') {
        return true;
    }
    uint32_t port = 0;
    const char *digit = *at + 1;
    for (; *digit >= '0' && *digit <= '9' && port <= UINT16_MAX; digit++) {
        port = port * 10 + (uint32_t)(*digit - '0');
    }
    if (port < 1 || port > UINT16_MAX) {
        return false;
    }
    url->port = (uint16_t)port;
    *at = digit;
    return true;
}

static bool take_path(const char *at, struct mqtt_url *url)
{
    if (!url->websocket) {
        return strcmp(at, "") == 0 || strcmp(at, "/") == 0;
    }
    const char *path = *at == '\0' ? "/mqtt" : at;
    const size_t len = strlen(path);
    if (path[0] != '/' || len >= sizeof url->path) {
        return false;
    }
    memcpy(url->path, path, len + 1);
    return true;
}

bool mqtt_url_parse(const char *text, struct mqtt_url *url, struct hb_err *err)
{
    *url = (struct mqtt_url){.port = 0};
    const struct scheme *scheme = NULL;
    const char *at = after_scheme(text, &scheme);
    if (at == NULL) {
        return hb_fail(err, HB_ERR_USAGE,
                       "expected mqtt://, mqtts://, ws:// or wss:// and a host, got '%.60s'", text);
    }
    if (strchr(at, '@') != NULL) {
        return hb_fail(err, HB_ERR_USAGE,
                       "expected no user name in the address; use username and password");
    }
    if (!only_visible_ascii(at)) {
        return hb_fail(err, HB_ERR_USAGE, "expected an address without spaces, got '%.60s'", text);
    }
    memcpy(url->scheme, scheme->name, strlen(scheme->name) + 1);
    url->tls = scheme->tls;
    url->websocket = scheme->websocket;
    url->port = scheme->port;
    if (!take_host(&at, url)) {
        return hb_fail(err, HB_ERR_USAGE, "expected a host after '%s://', got '%.60s'",
                       scheme->name, text);
    }
    if (!take_port(&at, url)) {
        return hb_fail(err, HB_ERR_USAGE, "expected a port from 1 to 65535, got '%.60s'", at);
    }
    if (!take_path(at, url)) {
        return hb_fail(err, HB_ERR_USAGE, "expected nothing after the host and port, got '%.60s'",
                       at);
    }
    return true;
}
