#include "miner/stratum/pool_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ground/text.h"

struct scheme {
    const char *prefix;
    bool tls;
};

static const struct scheme pool_schemes[] = {
    {"stratum+tcp://", false},
    {"stratum+ssl://", true},
    {"stratum+tls://", true},
    {NULL, false},
};

static const struct scheme proxy_schemes[] = {
    {"socks5://", false},
    {"socks5h://", false},
    {NULL, false},
};

/* What follows the scheme; NULL if there is one that is not in the list. */
static const char *skip_scheme(const struct scheme *schemes, const char *text, bool *tls)
{
    *tls = false;
    for (; schemes->prefix != NULL; schemes++) {
        const size_t len = strlen(schemes->prefix);
        if (strncasecmp(text, schemes->prefix, len) == 0) {
            *tls = schemes->tls;
            return text + len;
        }
    }
    return strstr(text, "://") == NULL ? text : NULL;
}

static bool parse_port(const char *text, uint16_t *port)
{
    const size_t digits = strspn(text, "0123456789");
    const char *rest = text + digits;
    if (digits < 1 || digits > 5 || (strcmp(rest, "") != 0 && strcmp(rest, "/") != 0)) {
        return false;
    }
    const unsigned long number = strtoul(text, NULL, 10);
    *port = (uint16_t)number;
    return number >= 1 && number <= 65535;
}

/* Host and what follows its colon. */
static bool split_host(const char *text, struct pool_url *url, const char **port)
{
    const bool bracket = text[0] == '[';
    const char *begin = bracket ? text + 1 : text;
    const size_t len = strcspn(begin, bracket ? "]" : ":");
    const char *end = begin + len;
    if (len == 0 || len >= sizeof url->host || strcspn(begin, "@/?# \t") < len) {
        return false;
    }
    memcpy(url->host, begin, len);
    url->host[len] = '\0';
    end += bracket && *end == ']' ? 1 : 0;
    *port = end + 1;
    return *end == ':';
}

static bool parse(const char *text, const char *what, const struct scheme *schemes,
                  const char *expected, struct pool_url *url, struct hb_err *err)
{
    memset(url, 0, sizeof *url);
    char shown[128];
    text_copy_printable(shown, sizeof shown, text, strlen(text));
    if (strchr(text, '@') != NULL) {
        return hb_fail(err, HB_ERR_USAGE, /* what is before the @ may be a secret */
                       "%s: expected no user and password in it, give them on their own", what);
    }
    const char *rest = skip_scheme(schemes, text, &url->tls);
    if (rest == NULL) {
        return hb_fail(err, HB_ERR_USAGE, "%s: expected %s, got '%s'", what, expected, shown);
    }
    const char *port = NULL;
    if (!split_host(rest, url, &port)) {
        return hb_fail(err, HB_ERR_USAGE, "%s: expected host:port, got '%s'", what, shown);
    }
    if (!parse_port(port, &url->port)) {
        return hb_fail(err, HB_ERR_USAGE, "%s: expected a port from 1 to 65535, got '%s'", what,
                       shown);
    }
    return true;
}

bool pool_url_parse(const char *text, struct pool_url *url, struct hb_err *err)
{
    return parse(text, "pool url", pool_schemes, "stratum+tcp://, stratum+ssl:// or stratum+tls://",
                 url, err);
}

bool pool_url_parse_proxy(const char *text, struct pool_url *url, struct hb_err *err)
{
    return parse(text, "pool proxy", proxy_schemes, "socks5://", url, err);
}

bool pool_url_is_onion(const char *host)
{
    static const char end[] = ".onion";
    const size_t len = strlen(host);
    return len >= sizeof end && strcasecmp(host + len - (sizeof end - 1), end) == 0;
}

void pool_url_print(char *text, size_t size, const char *host, uint16_t port)
{
    const bool bracket = strchr(host, ':') != NULL;
    (void)snprintf(text, size, bracket ? "[%s]:%u" : "%s:%u", host, port);
}

bool pool_url_redirect_allowed(const struct pool_url *pool, const char *const *allowed,
                               size_t allowed_count, const char *host, uint16_t port)
{
    if (strcasecmp(pool->host, host) == 0 && pool->port == port) {
        return true;
    }
    char full[300];
    pool_url_print(full, sizeof full, host, port);
    for (size_t i = 0; i < allowed_count; i++) {
        if (strcasecmp(allowed[i], host) == 0 || strcasecmp(allowed[i], full) == 0) {
            return true;
        }
    }
    return false;
}
