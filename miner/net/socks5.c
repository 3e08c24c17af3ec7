#include "miner/net/socks5.h"

#include <arpa/inet.h>
#include <string.h>

#include "ground/text.h"

enum {
    VERSION = 5,
    METHOD_NONE = 0,
    METHOD_PASSWORD = 2,
    METHOD_REFUSED = 0xff,
    PASSWORD_VERSION = 1,
    COMMAND_CONNECT = 1,
    ADDRESS_IPV4 = 1,
    ADDRESS_NAME = 3,
    ADDRESS_IPV6 = 4,
};

static void put(struct socks5 *socks, const void *bytes, size_t len)
{
    memcpy(socks->out + socks->out_len, bytes, len);
    socks->out_len += len;
}

static void put_byte(struct socks5 *socks, unsigned byte)
{
    socks->out[socks->out_len++] = (uint8_t)byte;
}

/* A length and the text itself, as names, users and passwords are sent. */
static void put_text(struct socks5 *socks, const char *text)
{
    put_byte(socks, (unsigned)strlen(text));
    put(socks, text, strlen(text));
}

static bool keep(char *buf, const char *text, const char *what, struct hb_err *err)
{
    const size_t len = strlen(text);
    return (len > 0 && text_copy(buf, SOCKS5_TEXT_MAX + 1, text)) ||
           hb_fail(err, HB_ERR_USAGE, "%s: expected 1 to %d bytes, got %zu", what, SOCKS5_TEXT_MAX,
                   len);
}

bool socks5_init(struct socks5 *socks, const char *host, uint16_t port, const char *user,
                 const char *password, struct hb_err *err)
{
    static const uint8_t greeting[] = {VERSION, 2, METHOD_NONE, METHOD_PASSWORD};
    memset(socks, 0, sizeof *socks);
    socks->port = port;
    put(socks, greeting, sizeof greeting);
    return keep(socks->host, host, "host", err) && keep(socks->user, user, "proxy user", err) &&
           keep(socks->password, password, "proxy password", err);
}

static void ask_to_connect(struct socks5 *socks)
{
    uint8_t address[16];
    const uint8_t port[2] = {(uint8_t)(socks->port >> 8), (uint8_t)socks->port};
    socks->state = SOCKS5_CONNECTING;
    put_byte(socks, VERSION);
    put_byte(socks, COMMAND_CONNECT);
    put_byte(socks, 0);
    if (inet_pton(AF_INET, socks->host, address) == 1) {
        put_byte(socks, ADDRESS_IPV4);
        put(socks, address, 4);
    } else if (inet_pton(AF_INET6, socks->host, address) == 1) {
        put_byte(socks, ADDRESS_IPV6);
        put(socks, address, 16);
    } else {
        put_byte(socks, ADDRESS_NAME);
        put_text(socks, socks->host);
    }
    put(socks, port, sizeof port);
}

static bool on_greeting(struct socks5 *socks, struct hb_err *err)
{
    switch (socks->in[1]) {
    case METHOD_NONE:
        ask_to_connect(socks);
        return true;
    case METHOD_PASSWORD:
        socks->state = SOCKS5_AUTHENTICATING;
        put_byte(socks, PASSWORD_VERSION);
        put_text(socks, socks->user);
        put_text(socks, socks->password);
        return true;
    case METHOD_REFUSED:
        return hb_fail(err, HB_ERR_NETWORK,
                       "it takes neither a connection without authentication nor one with user "
                       "and password");
    default:
        return hb_fail(err, HB_ERR_NETWORK,
                       "it wants authentication method %u, which was not "
                       "offered",
                       socks->in[1]);
    }
}

static bool on_authenticated(struct socks5 *socks, struct hb_err *err)
{
    if (socks->in[1] != 0) {
        return hb_fail(err, HB_ERR_NETWORK, "it refuses the user or the password");
    }
    ask_to_connect(socks);
    return true;
}

/* RFC 1928, section 6, and what Tor adds for onion services (proposal 304). */
static const char *reply_text(uint8_t code)
{
    static const struct {
        uint8_t code;
        const char *text;
    } replies[] = {
        {0x01, "it failed"},
        {0x02, "its rules forbid the connection"},
        {0x03, "the network is unreachable"},
        {0x04, "the host is unreachable, or its name unknown"},
        {0x05, "connection refused"},
        {0x06, "the connection timed out"},
        {0x07, "it cannot connect to hosts"},
        {0x08, "it does not know this kind of address"},
        {0xf0, "the onion service is not to be found"},
        {0xf1, "the onion service's descriptor is invalid"},
        {0xf2, "the onion service cannot be introduced to"},
        {0xf3, "the onion service cannot be met"},
        {0xf4, "the onion service wants client authorization"},
        {0xf5, "the onion service refuses the client authorization"},
        {0xf6, "the onion address is invalid"},
        {0xf7, "the onion service did not answer in time"},
    };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        if (replies[i].code == code) {
            return replies[i].text;
        }
    }
    return "it refuses, with a code unknown";
}

/* Length of the answer that is due, as far as it can be told from what has come. */
static size_t wanted_len(const struct socks5 *socks)
{
    if (socks->state != SOCKS5_CONNECTING) {
        return 2;
    }
    if (socks->in_len < 5) {
        return 5; /* with the first byte of the address, which may be a length */
    }
    switch (socks->in[3]) {
    case ADDRESS_IPV4:
        return 4 + 4 + 2;
    case ADDRESS_IPV6:
        return 4 + 16 + 2;
    default:
        return 4 + 1 + (size_t)socks->in[4] + 2;
    }
}

static bool on_answer(struct socks5 *socks, struct hb_err *err)
{
    const uint8_t version = socks->state == SOCKS5_AUTHENTICATING ? PASSWORD_VERSION : VERSION;
    socks->out_len = 0;
    if (socks->in[0] != version) {
        return hb_fail(err, HB_ERR_NETWORK, "it does not speak SOCKS5");
    }
    if (socks->state == SOCKS5_GREETING) {
        return on_greeting(socks, err);
    }
    if (socks->state == SOCKS5_AUTHENTICATING) {
        return on_authenticated(socks, err);
    }
    if (socks->in[1] != 0) {
        return hb_fail(err, HB_ERR_NETWORK, "%s", reply_text(socks->in[1]));
    }
    socks->state = SOCKS5_DONE;
    return true;
}

bool socks5_feed(struct socks5 *socks, const uint8_t *data, size_t len, size_t *used,
                 struct hb_err *err)
{
    *used = 0;
    socks->out_len = 0;
    while (socks->state != SOCKS5_DONE && *used < len) {
        socks->in[socks->in_len++] = data[(*used)++];
        /* A refusal need not be complete to be one. */
        const bool refused =
            socks->state == SOCKS5_CONNECTING && socks->in_len >= 2 && socks->in[1] != 0;
        if (!refused && socks->in_len < wanted_len(socks)) {
            continue;
        }
        if (!on_answer(socks, err)) {
            return false;
        }
        socks->in_len = 0;
    }
    return true;
}
