#include "bridge/config/quantity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bridge/config/value.h"
#include "ground/text.h"

const struct quantity_unit quantity_temperatures[] = {
    {"", 1, 0}, {"°C", 1, 0}, {"°F", 5.0 / 9.0, -160.0 / 9.0}, {NULL, 0, 0}};
const struct quantity_unit quantity_powers[] = {
    {"", 1, 0}, {"W", 1, 0}, {"kW", 1e3, 0}, {NULL, 0, 0}};
const struct quantity_unit quantity_durations[] = {{"ms", 1, 0},      {"s", 1e3, 0},
                                                   {"min", 60e3, 0},  {"h", 3600e3, 0},
                                                   {"d", 86400e3, 0}, {NULL, 0, 0}};

static size_t digits_len(const char *text)
{
    return strspn(text, "0123456789");
}

/* Length of the decimal number that leads the text: sign, digits, fraction, exponent. */
static size_t number_len_of(const char *text)
{
    size_t len = text[0] == '+' || text[0] == '-' ? 1 : 0;
    len += strspn(text + len, "0123456789.");
    if (text[len] == 'e' || text[len] == 'E') {
        const size_t sign = text[len + 1] == '+' || text[len + 1] == '-' ? 1 : 0;
        const size_t exponent = digits_len(text + len + 1 + sign);
        len += exponent > 0 ? 1 + sign + exponent : 0;
    }
    return len;
}

bool quantity_split(const char *text, double *number, size_t *number_len, const char **rest,
                    size_t *rest_len)
{
    text += strspn(text, " ");
    *number_len = number_len_of(text);
    if (!text_to_number(text, *number_len, number)) {
        return false;
    }
    const char *unit = text + *number_len;
    unit += strspn(unit, " ");
    size_t len = strlen(unit);
    while (len > 0 && unit[len - 1] == ' ') {
        len--;
    }
    *rest = unit;
    *rest_len = len;
    return true;
}

bool quantity_read(const char *text, const struct quantity_unit *units, double *value)
{
    double number = 0;
    size_t number_len = 0;
    const char *unit = NULL;
    size_t unit_len = 0;
    if (!quantity_split(text, &number, &number_len, &unit, &unit_len)) {
        return false;
    }
    for (; units->name != NULL; units++) {
        if (strlen(units->name) == unit_len && memcmp(units->name, unit, unit_len) == 0) {
            *value = number * units->factor + units->offset;
            return isfinite(*value);
        }
    }
    return false;
}

void quantity_write(double value, const struct quantity_unit *units, size_t from, char *buf,
                    size_t size)
{
    const struct quantity_unit *best = &units[from];
    for (const struct quantity_unit *unit = best; unit->name != NULL; unit++) {
        const double number = value / unit->factor;
        if (number != 0 && number == floor(number)) {
            best = unit;
        }
    }
    char number[32];
    value_write_number(value / best->factor, number, sizeof number);
    (void)snprintf(buf, size, "%s %s", number, best->name);
}
