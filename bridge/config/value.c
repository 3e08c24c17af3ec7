#include "bridge/config/value.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "bridge/config/quantity.h"
#include "ground/text.h"

/* --- texts --------------------------------------------------------------------------------------
 */

bool value_is_topic(const char *text)
{
    const size_t len = strlen(text);
    return len > 0 && strcspn(text, "+#") == len;
}

static bool is_port(const char *text, size_t len)
{
    double port = 0;
    return len > 0 && len <= 5 && strspn(text, "0123456789") >= len &&
           text_to_number(text, len, &port) && port >= 1 && port <= 65535;
}

bool value_is_host(const char *text, size_t len, bool need_port)
{
    size_t host = 0;
    if (len > 0 && text[0] == '[') { /* IPv6 */
        host = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
        if (host < 3 || host >= len || text[host] != ']') {
            return false;
        }
        host++;
    } else {
        host = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");
    }
    if (host == 0 || host > len) {
        return false;
    }
    if (host == len) {
        return !need_port;
    }
    return text[host] == ':' && is_port(text + host + 1, len - host - 1);
}

bool value_is_url(const char *text, const char *const *schemes)
{
    for (; *schemes != NULL; schemes++) {
        const size_t scheme = strlen(*schemes);
        if (strncmp(text, *schemes, scheme) == 0 && strncmp(text + scheme, "://", 3) == 0) {
            const char *host = text + scheme + 3;
            /* A mining pool has no usual port, nor has a proxy. */
            const bool need_port =
                strncmp(text, "stratum", 7) == 0 || strncmp(text, "socks", 5) == 0;
            return strcspn(text, " \"\\@") == strlen(text) &&
                   value_is_host(host, strcspn(host, "/?#"), need_port);
        }
    }
    return false;
}

static bool copy_text(const struct config_item *item, const char *text, void *field)
{
    return strlen(text) < item->size && text_copy(field, item->size, text);
}

static bool read_choice(const struct config_item *item, const char *text, int *field)
{
    for (int i = 0; item->choices[i] != NULL; i++) {
        if (strcmp(item->choices[i], text) == 0) {
            *field = i;
            return true;
        }
    }
    return false;
}

static bool read_bool(const char *text, bool *field)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], text) == 0) {
            *field = i % 2 == 1;
            return true;
        }
    }
    return false;
}

/* --- numbers ------------------------------------------------------------------------------------
 */

static bool in_range(const struct config_item *item, double number)
{
    if (item->min < item->max) {
        return number >= item->min && number <= item->max;
    }
    return number >= 0 && number <= 1e15;
}

bool value_read_temperature(const char *text, double *celsius)
{
    return quantity_read(text, quantity_temperatures, celsius);
}

static bool read_number(const struct config_item *item, const char *text, double *field)
{
    double number = 0;
    if (item->type == CONFIG_NUMBER_OR_OFF && strcmp(text, "off") == 0) {
        *field = NAN;
        return true;
    }
    const struct quantity_unit own[] = {{"", 1, 0}, {item->unit, 1, 0}, {NULL, 0, 0}};
    const struct quantity_unit *units = own;
    if (item->unit != NULL && strcmp(item->unit, "°C") == 0) {
        units = quantity_temperatures;
    }
    if (!quantity_read(text, units, &number) || !in_range(item, number)) {
        return false;
    }
    *field = number;
    return true;
}

static bool read_power(const struct config_item *item, const char *text, double *field)
{
    double watts = 0;
    if (!quantity_read(text, quantity_powers, &watts) || !in_range(item, watts)) {
        return false;
    }
    *field = watts;
    return true;
}

static bool read_duration(const struct config_item *item, const char *text, int64_t *field)
{
    double ms = 0;
    if (!quantity_read(text, quantity_durations, &ms) || !in_range(item, ms)) {
        return false;
    }
    *field = llround(ms);
    return true;
}

static bool read_seconds(const struct config_item *item, const char *text, int32_t *field)
{
    int64_t ms = 0;
    if (!read_duration(item, text, &ms) || ms % 1000 != 0 || ms / 1000 > INT32_MAX) {
        return false;
    }
    *field = (int32_t)(ms / 1000);
    return true;
}

static bool read_whole(const struct config_item *item, const char *text, double limit,
                       double *whole)
{
    return text_to_number(text, strlen(text), whole) && *whole == floor(*whole) &&
           in_range(item, *whole) && fabs(*whole) <= limit;
}

static bool read_int(const struct config_item *item, const char *text, int32_t *field)
{
    double whole = 0;
    if (!read_whole(item, text, INT32_MAX, &whole)) {
        return false;
    }
    *field = (int32_t)whole;
    return true;
}

static bool read_port(const struct config_item *item, const char *text, uint16_t *field)
{
    double whole = 0;
    if (!read_whole(item, text, UINT16_MAX, &whole)) {
        return false;
    }
    *field = (uint16_t)whole;
    return true;
}

/* Powers separated by commas; the brackets of a list are taken off already. */
static bool read_powers(const struct config_item *item, const char *text,
                        struct config_powers *field)
{
    struct config_powers powers = {{0}, 0};
    for (const char *at = text;;) {
        char one[32];
        const size_t len = strcspn(at, ",");
        if (len >= sizeof one || powers.count == sizeof powers.w / sizeof powers.w[0]) {
            return false;
        }
        memcpy(one, at, len);
        one[len] = '\0';
        double *w = &powers.w[powers.count++];
        if (!read_power(item, one, w) || (powers.count > 1 && w[0] <= w[-1])) {
            return false;
        }
        if (at[len] == '\0') {
            *field = powers;
            return true;
        }
        at += len + 1;
    }
}

bool value_read(const struct config_item *item, const char *text, void *field)
{
    switch (item->type) {
    case CONFIG_TEXT:
    case CONFIG_SECRET:
        return copy_text(item, text, field);
    case CONFIG_ID:
        return text_is_id(text) && copy_text(item, text, field);
    case CONFIG_TOPIC:
        return value_is_topic(text) && copy_text(item, text, field);
    case CONFIG_URL:
        return value_is_url(text, item->choices) && copy_text(item, text, field);
    case CONFIG_BOOL:
        return read_bool(text, field);
    case CONFIG_INT:
        return read_int(item, text, field);
    case CONFIG_PORT:
        return read_port(item, text, field);
    case CONFIG_NUMBER:
    case CONFIG_NUMBER_OR_OFF:
        return read_number(item, text, field);
    case CONFIG_POWER:
        return read_power(item, text, field);
    case CONFIG_DURATION:
        return read_duration(item, text, field);
    case CONFIG_SECONDS:
        return read_seconds(item, text, field);
    case CONFIG_ENUM:
        return read_choice(item, text, field);
    case CONFIG_POWERS:
        return read_powers(item, text, field);
    }
    return false;
}

/* The value of a key that may be left out and was. */
static void set_none(const struct config_item *item, void *field)
{
    switch (item->type) {
    case CONFIG_TEXT:
    case CONFIG_SECRET:
    case CONFIG_ID:
    case CONFIG_TOPIC:
    case CONFIG_URL:
        *(char *)field = '\0';
        return;
    case CONFIG_BOOL:
        *(bool *)field = false;
        return;
    case CONFIG_INT:
    case CONFIG_SECONDS:
        *(int32_t *)field = 0;
        return;
    case CONFIG_ENUM:
        *(int *)field = 0;
        return;
    case CONFIG_PORT:
        *(uint16_t *)field = 0;
        return;
    case CONFIG_NUMBER:
    case CONFIG_NUMBER_OR_OFF:
        *(double *)field = NAN;
        return;
    case CONFIG_POWER:
        *(double *)field = 0;
        return;
    case CONFIG_DURATION:
        *(int64_t *)field = -1;
        return;
    case CONFIG_POWERS:
        *(struct config_powers *)field = (struct config_powers){{0}, 0};
        return;
    }
}

bool value_set_default(const struct config_item *item, void *field)
{
    if (item->fallback == NULL || item->fallback[0] == '\0') {
        set_none(item, field);
        return item->fallback != NULL;
    }
    return value_read(item, item->fallback, field);
}
