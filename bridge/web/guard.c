#include "bridge/web/guard.h"

#include <stdint.h>
#include <string.h>

#include "ground/text.h"
#include "plumbing/json.h"

#define ROOM_PATH "/api/room/"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Host names are compared without case, RFC 3986 section 3.2.2. */
static bool same_name(const char *a, size_t a_len, const char *b)
{
    if (a_len != strlen(b)) {
        return false;
    }
    for (size_t i = 0; i < a_len; i++) {
        if (lower(a[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

/* Splits "name:port" or "[address]:port"; the port may be absent and must be digits. */
static bool split_host(const char *host, const char **name, size_t *len)
{
    const char *rest;
    if (host[0] == '[') {
        const char *end = strchr(host, ']');
        if (end == NULL) {
            return false;
        }
        *name = host + 1;
        *len = (size_t)(end - *name);
        rest = end + 1;
    } else {
        *name = host;
        *len = strcspn(host, ":");
        rest = host + *len;
    }
    if (*len == 0 || (*rest != '\0' && *rest != ':')) {
        return false;
    }
    return *rest == '\0' || strspn(rest + 1, "0123456789") == strlen(rest + 1);
}

/* Browsers take a name whose last label is a number for an IPv4 address, never for a DNS name (URL
 * standard, "ends in a number"); only addresses are written in brackets. */
static bool is_address(const char *host, const char *name, size_t len)
{
    if (host[0] == '[') {
        return strspn(name, "0123456789abcdefABCDEF:.") == len;
    }
    bool digits = false;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(name[i]) && name[i] != '.') {
            return false;
        }
        digits = is_digit(name[i]);
    }
    return digits;
}

static bool is_own_name(const struct guard *guard, const char *name, size_t len)
{
    static const char local[] = ".local";
    const size_t tail = sizeof local - 1;
    if (guard->host_name[0] == '\0') {
        return false;
    }
    if (same_name(name, len, guard->host_name)) {
        return true;
    }
    return len > tail && same_name(name + len - tail, tail, local) &&
           same_name(name, len - tail, guard->host_name);
}

bool guard_host_is_ours(const struct guard *guard, const char *host)
{
    const char *name;
    size_t len;
    if (!split_host(host, &name, &len)) {
        return false;
    }
    if (same_name(name, len, "localhost") || same_name(name, len, "127.0.0.1") ||
        same_name(name, len, "::1") || same_name(name, len, guard->listen)) {
        return true;
    }
    return guard->everywhere && (is_address(host, name, len) || is_own_name(guard, name, len));
}

bool guard_origin_is_host(const char *origin, const char *host)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const size_t len = strlen(schemes[i]);
        if (strncmp(origin, schemes[i], len) == 0) {
            return same_name(origin + len, strlen(origin + len), host);
        }
    }
    return false;
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    return at == NULL ? -1 : (int)(at - digits);
}

/* RFC 4648 section 4; the padding is optional. False if a character is foreign or `size` is short.
 */
static bool base64_decode(const char *text, char *out, size_t size, size_t *len)
{
    uint32_t bits = 0;
    int held = 0;
    size_t used = 0;
    for (; *text != '\0' && *text != '='; text++) {
        const int digit = base64_digit(*text);
        if (digit < 0 || used == size) {
            return false;
        }
        bits = (bits << 6 | (uint32_t)digit) & 0xFFFFFF;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[used++] = (char)(unsigned char)(bits >> held & 0xFF);
        }
    }
    *len = used;
    return strspn(text, "=") == strlen(text);
}

/* Looks at every byte of what was given, whatever differs. */
static bool same_secret(const char *given, size_t given_len, const char *secret)
{
    const size_t secret_len = strlen(secret);
    unsigned char difference = given_len != secret_len;
    for (size_t i = 0; i < given_len; i++) {
        const char expected = secret_len == 0 ? '\0' : secret[i % secret_len];
        difference |= (unsigned char)((unsigned char)given[i] ^ (unsigned char)expected);
    }
    return difference == 0;
}

bool guard_password_is_right(const struct guard *guard, const char *authorization)
{
    char plain[TEXT_MAX + NAME_MAX_B];
    size_t len;
    const char *space = strchr(authorization, ' ');
    if (space == NULL || !same_name(authorization, (size_t)(space - authorization), "basic") ||
        !base64_decode(space + 1, plain, sizeof plain, &len)) {
        return false;
    }
    const char *colon = memchr(plain, ':', len);
    if (colon == NULL) {
        return false;
    }
    const size_t user_len = (size_t)(colon - plain);
    return same_secret(colon + 1, len - user_len - 1, guard->password);
}

static bool origin_is_good(const struct guard_ask *ask, enum guard_rule rule)
{
    if (ask->origin[0] != '\0') {
        return guard_origin_is_host(ask->origin, ask->host);
    }
    return rule == GUARD_READ || (rule == GUARD_CHANGE && ask->has_mark);
}

unsigned guard_refuses(const struct guard *guard, const struct guard_ask *ask, enum guard_rule rule,
                       bool needs_password, const char **why)
{
    if (!guard_host_is_ours(guard, ask->host)) {
        *why = "expected this machine in the Host header, such as localhost, got another";
        return 403;
    }
    if (!origin_is_good(ask, rule)) {
        *why = rule == GUARD_CHANGE
                   ? "expected this page in the Origin header or 'X-Heatbridge: 1', got neither"
                   : "expected this page in the Origin header, got another";
        return 403;
    }
    if (needs_password && guard->password[0] != '\0' &&
        !guard_password_is_right(guard, ask->authorization)) {
        *why = "expected the password of the page, got another or none";
        return 401;
    }
    return 0;
}

bool guard_path_room(const char *path, char room[ID_MAX])
{
    const size_t prefix = sizeof ROOM_PATH - 1;
    return strncmp(path, ROOM_PATH, prefix) == 0 && text_copy(room, ID_MAX, path + prefix) &&
           text_is_id(room);
}

bool guard_body_is_object(const char *json, size_t len, struct hb_err *err)
{
    struct json *tree = json_parse(json, len, WEB_REQUEST_MAX, err);
    if (tree == NULL) {
        return false;
    }
    const bool good = json_is_object(tree) && json_count(tree) > 0;
    json_free(tree);
    return good || hb_fail(err, HB_ERR_INPUT,
                           "expected a JSON object such as {\"target\": 21}, got something else");
}
