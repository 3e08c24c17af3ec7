/* How values look in print, and the sentences about what a value should have been. */
#include "bridge/config/value.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/config/quantity.h"
#include "bridge/limits.h"
#include "ground/suggest.h"
#include "ground/text.h"

/* --- printing -----------------------------------------------------------------------------------
 */

void value_write_number(double number, char *buf, size_t size)
{
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(buf, size, "%.*g", digits, number);
        if (strtod(buf, NULL) == number) {
            break;
        }
    }
    /* "2e+01" reads back as well, but nobody writes twenty so. */
    if (strchr(buf, 'e') != NULL && fabs(number) < 1e15 && number == floor(number)) {
        (void)snprintf(buf, size, "%.0f", number);
    }
}

void value_quote(const char *text, char *buf, size_t size)
{
    size_t used = 0;
    buf[used++] = '"';
    for (; *text != '\0' && used + 3 < size; text++) {
        if (*text == '"' || *text == '\\') {
            buf[used++] = '\\';
        }
        buf[used++] = *text;
    }
    buf[used++] = '"';
    buf[used] = '\0';
}

static void write_power(double watts, char *buf, size_t size)
{
    enum { FROM_W = 1 };
    quantity_write(watts, quantity_powers, FROM_W, buf, size);
}

static void write_duration(double ms, char *buf, size_t size)
{
    quantity_write(ms, quantity_durations, ms == 0 ? 1 : 0, buf, size);
}

static bool write_number(const struct config_item *item, double number, char *buf, size_t size)
{
    if (isnan(number)) {
        (void)text_copy(buf, size, "off");
        return item->type == CONFIG_NUMBER_OR_OFF;
    }
    char digits[32];
    value_write_number(number, digits, sizeof digits);
    (void)snprintf(buf, size, "%s%s%s", digits, item->unit != NULL ? " " : "",
                   item->unit != NULL ? item->unit : "");
    return true;
}

static bool write_text(const char *text, char *buf, size_t size)
{
    value_quote(text, buf, size);
    return text[0] != '\0';
}

static bool write_powers(const struct config_powers *powers, char *buf, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < powers->count; i++) {
        char one[40];
        write_power(powers->w[i], one, sizeof one);
        const int n = snprintf(buf + used, size - used, "%s%s", i == 0 ? "[" : ", ", one);
        used += n > 0 ? (size_t)n : 0;
        if (used + 2 > size) {
            return false;
        }
    }
    (void)text_copy(buf + used, size - used, "]");
    return powers->count > 0;
}

static bool write_whole(long long number, char *buf, size_t size)
{
    (void)snprintf(buf, size, "%lld", number);
    return true;
}

static bool write_power_field(const struct config_item *item, double watts, char *buf, size_t size)
{
    write_power(watts, buf, size);
    return watts != 0 || item->fallback == NULL || item->fallback[0] != '\0';
}

bool value_write(const struct config_item *item, const void *field, char *buf, size_t size)
{
    switch (item->type) {
    case CONFIG_SECRET:
        (void)text_copy(buf, size, "\"***\"");
        return *(const char *)field != '\0';
    case CONFIG_TEXT:
    case CONFIG_TOPIC:
    case CONFIG_URL:
        return write_text(field, buf, size);
    case CONFIG_ID:
        return text_copy(buf, size, field) && *(const char *)field != '\0';
    case CONFIG_BOOL:
        return text_copy(buf, size, *(const bool *)field ? "true" : "false");
    case CONFIG_INT:
        return write_whole(*(const int32_t *)field, buf, size);
    case CONFIG_PORT:
        return write_whole(*(const uint16_t *)field, buf, size);
    case CONFIG_NUMBER:
    case CONFIG_NUMBER_OR_OFF:
        return write_number(item, *(const double *)field, buf, size);
    case CONFIG_POWER:
        return write_power_field(item, *(const double *)field, buf, size);
    case CONFIG_DURATION:
        write_duration((double)*(const int64_t *)field, buf, size);
        return *(const int64_t *)field >= 0;
    case CONFIG_SECONDS:
        write_duration(1e3 * *(const int32_t *)field, buf, size);
        return true;
    case CONFIG_ENUM:
        return text_copy(buf, size, item->choices[*(const int *)field]);
    case CONFIG_POWERS:
        return write_powers(field, buf, size);
    }
    return false;
}

/* --- what was expected --------------------------------------------------------------------------
 */

static void join(const char *const *words, const char *after, char *buf, size_t size)
{
    buf[0] = '\0';
    size_t used = 0;
    for (size_t i = 0; words[i] != NULL && used < size; i++) {
        const char *between = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";
        const int n = snprintf(buf + used, size - used, "%s%s%s", between, words[i], after);
        used += n > 0 ? (size_t)n : 0;
    }
}

/* Writes "<what> from <min> to <max><tail>" with the bounds written by `write`. */
static void expect_range(const struct config_item *item, const char *what,
                         void (*write)(double, char *, size_t), const char *tail, char *buf,
                         size_t size)
{
    char low[48];
    char high[48];
    write(item->min, low, sizeof low);
    write(item->max, high, sizeof high);
    if (item->min < item->max) {
        (void)snprintf(buf, size, "%s from %s to %s%s", what, low, high, tail);
    } else {
        (void)snprintf(buf, size, "%s%s", what, tail);
    }
}

static void expect_number(const struct config_item *item, char *buf, size_t size)
{
    const bool temperature = item->unit != NULL && strcmp(item->unit, "°C") == 0;
    char tail[48];
    (void)snprintf(tail, sizeof tail, "%s%s%s", item->unit != NULL ? " " : "",
                   item->unit != NULL ? item->unit : "",
                   item->type == CONFIG_NUMBER_OR_OFF ? ", or off" : "");
    expect_range(item, temperature ? "a temperature" : "a number", value_write_number, tail, buf,
                 size);
}

void value_expected(const struct config_item *item, char *buf, size_t size)
{
    char words[EXPECTED_MAX];
    switch (item->type) {
    case CONFIG_TEXT:
        (void)snprintf(buf, size, "text of at most %zu bytes", item->size - 1);
        return;
    case CONFIG_SECRET:
        (void)snprintf(buf, size, "a secret of at most %zu bytes", item->size - 1);
        return;
    case CONFIG_ID:
        (void)snprintf(buf, size,
                       "an id of a-z, 0-9 and _ that begins with a letter, at most 32 "
                       "long");
        return;
    case CONFIG_TOPIC:
        (void)snprintf(buf, size, "an MQTT topic without + and #, at most %zu bytes",
                       item->size - 1);
        return;
    case CONFIG_URL:
        join(item->choices, "://", words, sizeof words);
        (void)snprintf(buf, size,
                       "a URL that begins with %s, then a host and a port, at most %zu "
                       "bytes",
                       words, item->size - 1);
        return;
    case CONFIG_BOOL:
        (void)text_copy(buf, size, "true or false");
        return;
    case CONFIG_INT:
        expect_range(item, "a whole number", value_write_number, "", buf, size);
        return;
    case CONFIG_PORT:
        expect_range(item, "a port number", value_write_number, "", buf, size);
        return;
    case CONFIG_NUMBER:
    case CONFIG_NUMBER_OR_OFF:
        expect_number(item, buf, size);
        return;
    case CONFIG_POWER:
        expect_range(item, "a power", write_power, ", such as 900 W", buf, size);
        return;
    case CONFIG_DURATION:
        expect_range(item, "a duration", write_duration, ", such as 15 min", buf, size);
        return;
    case CONFIG_SECONDS:
        expect_range(item, "a duration of whole seconds", write_duration, ", such as 30 s", buf,
                     size);
        return;
    case CONFIG_ENUM:
        join(item->choices, "", buf, size);
        return;
    case CONFIG_POWERS:
        expect_range(item, "up to 12 ascending powers", write_power, ", such as [500 W, 1 kW]", buf,
                     size);
        return;
    }
}

/* --- what was meant -----------------------------------------------------------------------------
 */

/* How people write units, and how this program does. */
static const struct {
    enum config_type type;
    const char *written, *meant;
} unit_habits[] = {
    {CONFIG_NUMBER, "C", "°C"},         {CONFIG_NUMBER, "F", "°F"},
    {CONFIG_NUMBER, "degC", "°C"},      {CONFIG_NUMBER, "degF", "°F"},
    {CONFIG_NUMBER, "ºC", "°C"},        {CONFIG_NUMBER, "ºF", "°F"},
    {CONFIG_NUMBER, "℃", "°C"},         {CONFIG_NUMBER, "℉", "°F"},
    {CONFIG_NUMBER, "°C", "K"},         {CONFIG_NUMBER, "k", "K"},
    {CONFIG_POWER, "w", "W"},           {CONFIG_POWER, "watt", "W"},
    {CONFIG_POWER, "watts", "W"},       {CONFIG_POWER, "kw", "kW"},
    {CONFIG_POWER, "KW", "kW"},         {CONFIG_POWER, "Kw", "kW"},
    {CONFIG_DURATION, "m", "min"},      {CONFIG_DURATION, "mins", "min"},
    {CONFIG_DURATION, "minute", "min"}, {CONFIG_DURATION, "minutes", "min"},
    {CONFIG_DURATION, "sec", "s"},      {CONFIG_DURATION, "secs", "s"},
    {CONFIG_DURATION, "second", "s"},   {CONFIG_DURATION, "seconds", "s"},
    {CONFIG_DURATION, "hour", "h"},     {CONFIG_DURATION, "hours", "h"},
    {CONFIG_DURATION, "day", "d"},      {CONFIG_DURATION, "days", "d"},
    {CONFIG_DURATION, "msec", "ms"},
};

static enum config_type unit_family(enum config_type type)
{
    return type == CONFIG_NUMBER_OR_OFF ? CONFIG_NUMBER
           : type == CONFIG_SECONDS     ? CONFIG_DURATION
                                        : type;
}

/* Offers the same number with the right unit, if the row would then take it. */
static void hint_unit(const struct config_item *item, const char *text, char *buf, size_t size)
{
    double number = 0;
    size_t number_len = 0;
    const char *unit = NULL;
    size_t unit_len = 0;
    if (!quantity_split(text, &number, &number_len, &unit, &unit_len) || number_len > 24) {
        return;
    }
    for (size_t i = 0; i < sizeof unit_habits / sizeof unit_habits[0]; i++) {
        if (unit_habits[i].type != unit_family(item->type) ||
            strlen(unit_habits[i].written) != unit_len ||
            memcmp(unit_habits[i].written, unit, unit_len) != 0) {
            continue;
        }
        union {
            double number;
            int64_t ms;
            int32_t s;
        } scratch;
        (void)snprintf(buf, size, "%.*s %s", (int)number_len, text + strspn(text, " "),
                       unit_habits[i].meant);
        if (value_read(item, buf, &scratch)) {
            return;
        }
        buf[0] = '\0';
    }
}

static void hint_choice(const struct config_item *item, const char *text, char *buf, size_t size)
{
    struct suggestion suggestion = {.word = text};
    for (size_t i = 0; item->choices[i] != NULL; i++) {
        suggest_offer(&suggestion, item->choices[i]);
    }
    (void)text_copy(buf, size, suggestion.best != NULL ? suggestion.best : "");
}

/* "Living Room" -> "living_room", if that is all it takes. */
static void hint_id(const char *text, char *buf, size_t size)
{
    bool fits = text_copy(buf, size, text);
    for (char *c = buf; *c != '\0'; c++) {
        *c = *c == ' ' || *c == '-' || *c == '.' ? '_' : *c;
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    }
    if (!fits || !text_is_id(buf)) {
        buf[0] = '\0';
    }
}

void value_hint(const struct config_item *item, const char *text, char *buf, size_t size)
{
    buf[0] = '\0';
    if (item->type == CONFIG_ENUM) {
        hint_choice(item, text, buf, size);
    } else if (item->type == CONFIG_ID) {
        hint_id(text, buf, size);
    } else if (item->type == CONFIG_NUMBER || item->type == CONFIG_NUMBER_OR_OFF ||
               item->type == CONFIG_POWER || item->type == CONFIG_DURATION ||
               item->type == CONFIG_SECONDS) {
        hint_unit(item, text, buf, size);
    }
}
