#include "devices/reply.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/reply_repair.h"
#include "ground/text.h"

enum { ANSWER_MAX = 1 << 20, SHOWN_MAX = 48 };

#define COUNT_MAX 9007199254740992.0 /* 2^53: beyond it a double misses numbers */

void reply_fault(struct reply_faults *faults, enum reply_fault fault, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(faults->last, sizeof faults->last, format, args);
    va_end(args);
    faults->count[fault]++;
}

/* --- the whole answer ------------------------------------------------------------------------- */

static void tell_twin(void *ctx, const char *name, size_t times)
{
    char shown[SHOWN_MAX];
    text_copy_printable(shown, sizeof shown, name, strlen(name));
    reply_fault(ctx, REPLY_DUPLICATE, "%s: given %zu times", shown, times);
}

struct json *reply_parse(const char *bytes, size_t len, struct reply_faults *faults)
{
    struct json *json = NULL;
    size_t out_len = 0;
    char *out = len > ANSWER_MAX ? NULL : malloc(REPLY_REPAIRED_MAX(len));
    if (out != NULL && reply_repair(bytes, len, out, &out_len, faults)) {
        json = json_parse(out, out_len, out_len, NULL);
    }
    free(out);
    if (json == NULL) {
        char shown[SHOWN_MAX];
        text_copy_printable(shown, sizeof shown, bytes, len);
        reply_fault(faults, REPLY_UNREADABLE, "expected a whole JSON answer, got %zu bytes: '%s'",
                    len, shown);
        return NULL;
    }
    json_drop_twins(json, tell_twin, faults);
    return json;
}

/* --- one field -------------------------------------------------------------------------------- */

/* What a field is, as a phrase. */
static const char *describe(const struct json *json, char *text, size_t size)
{
    double number = 0;
    bool flag = false;
    const char *string = json_string(json);
    if (string != NULL) {
        char shown[SHOWN_MAX];
        text_copy_printable(shown, sizeof shown, string, strlen(string));
        (void)snprintf(text, size, "\"%s\"", shown);
    } else if (json_number(json, &number)) {
        (void)snprintf(text, size, "%.12g", number);
    } else if (json_bool(json, &flag)) {
        (void)snprintf(text, size, "%s", flag ? "true" : "false");
    } else {
        (void)text_copy(text, size,
                        json_is_object(json)  ? "an object"
                        : json_is_array(json) ? "a list"
                                              : "a number too large");
    }
    return text;
}

/* The field, or NULL if there is none, which is counted if it `must` be there. */
static const struct json *find(const struct json *json, const char *path, bool must,
                               struct reply_faults *faults)
{
    const struct json *field = json_path(json, path);
    if (field != NULL && !json_is_null(field)) {
        return field;
    }
    if (must) {
        reply_fault(faults, REPLY_MISSING, "%s: missing", path);
    }
    return NULL;
}

static void wrong_type(const struct json *field, const char *path, const char *expected,
                       struct reply_faults *faults)
{
    char got[SHOWN_MAX + 2];
    reply_fault(faults, REPLY_TYPE, "%s: expected %s, got %s", path, expected,
                describe(field, got, sizeof got));
}

/* `value` if it lies in the range, else NaN, counted. */
static double in_range(double value, double min, double max, const char *what,
                       struct reply_faults *faults)
{
    if (value >= min && value <= max) {
        return value;
    }
    reply_fault(faults, REPLY_RANGE, "%s: expected %.12g to %.12g, got %.12g", what, min, max,
                value);
    return NAN;
}

static double number_of(const struct json *field, const char *path, double min, double max,
                        struct reply_faults *faults)
{
    double value = NAN;
    if (field == NULL) {
        return NAN;
    }
    if (json_number(field, &value)) {
        return in_range(value, min, max, path, faults);
    }
    char got[SHOWN_MAX + 2];
    bool flag = false;
    const bool is_number = json_string(field) == NULL && !json_bool(field, &flag) &&
                           !json_is_object(field) && !json_is_array(field);
    reply_fault(faults, is_number ? REPLY_RANGE : REPLY_TYPE, "%s: expected %.12g to %.12g, got %s",
                path, min, max, describe(field, got, sizeof got));
    return NAN;
}

double reply_number(const struct json *json, const char *path, double min, double max,
                    struct reply_faults *faults)
{
    return number_of(find(json, path, true, faults), path, min, max, faults);
}

double reply_number_if_any(const struct json *json, const char *path, double min, double max,
                           struct reply_faults *faults)
{
    return number_of(find(json, path, false, faults), path, min, max, faults);
}

double reply_number_or_text(const struct json *json, const char *path, double min, double max,
                            struct reply_faults *faults)
{
    const struct json *field = find(json, path, true, faults);
    const char *text = json_string(field);
    return text != NULL ? reply_scan(text, min, max, path, faults)
                        : number_of(field, path, min, max, faults);
}

static int bool_of(const struct json *field, const char *path, struct reply_faults *faults)
{
    bool flag = false;
    double number = 0;
    if (field == NULL) {
        return -1;
    }
    if (json_bool(field, &flag)) {
        return flag ? 1 : 0;
    }
    if (json_number(field, &number) && (number == 0 || number == 1)) {
        return (int)number;
    }
    wrong_type(field, path, "true or false", faults);
    return -1;
}

int reply_bool(const struct json *json, const char *path, struct reply_faults *faults)
{
    return bool_of(find(json, path, true, faults), path, faults);
}

int reply_bool_if_any(const struct json *json, const char *path, struct reply_faults *faults)
{
    return bool_of(find(json, path, false, faults), path, faults);
}

bool reply_count(const struct json *json, const char *path, uint64_t *count,
                 struct reply_faults *faults)
{
    const double value = reply_number(json, path, 0, COUNT_MAX, faults);
    if (isnan(value)) {
        return false;
    }
    if (value != floor(value)) {
        reply_fault(faults, REPLY_RANGE, "%s: expected a count, got %.12g", path, value);
        return false;
    }
    *count = (uint64_t)value;
    return true;
}

static void text_of(const struct json *field, const char *path, char *text, size_t size,
                    struct reply_faults *faults)
{
    text[0] = '\0';
    if (field == NULL) {
        return;
    }
    const char *string = json_string(field);
    if (string == NULL) {
        wrong_type(field, path, "a text", faults);
        return;
    }
    text_copy_printable(text, size, string, strlen(string));
}

void reply_text(const struct json *json, const char *path, char *text, size_t size,
                struct reply_faults *faults)
{
    text_of(find(json, path, true, faults), path, text, size, faults);
}

void reply_text_if_any(const struct json *json, const char *path, char *text, size_t size,
                       struct reply_faults *faults)
{
    text_of(find(json, path, false, faults), path, text, size, faults);
}

/* --- texts that are no JSON ------------------------------------------------------------------- */

/* Letters, signs and spaces of a unit, but no second number: " C", "%", " J/TH". */
static bool is_unit(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (isdigit((unsigned char)*c) || strchr(".,-+:", *c) != NULL) {
            return false;
        }
    }
    return strlen(text) <= 12;
}

double reply_scan(const char *text, double min, double max, const char *what,
                  struct reply_faults *faults)
{
    double value = NAN;
    if (text == NULL || text[0] == '\0') {
        reply_fault(faults, REPLY_MISSING, "%s: missing", what);
        return NAN;
    }
    const char *begin = text + strspn(text, " \t\r\n");
    size_t len = strspn(begin, "+-.0123456789");
    if (len > 0 && (begin[len] == 'e' || begin[len] == 'E')) {
        const size_t sign = begin[len + 1] == '-' || begin[len + 1] == '+' ? 1 : 0;
        const size_t digits = strspn(begin + len + 1 + sign, "0123456789");
        len += digits > 0 ? 1 + sign + digits : 0;
    }
    if (text_to_number(begin, len, &value) && is_unit(begin + len)) {
        return in_range(value, min, max, what, faults);
    }
    char shown[SHOWN_MAX];
    text_copy_printable(shown, sizeof shown, text, strlen(text));
    reply_fault(faults, REPLY_TYPE, "%s: expected %.12g to %.12g, got \"%s\"", what, min, max,
                shown);
    return NAN;
}

bool reply_mac(const char *text, char mac[18])
{
    static const char digits[] = "0123456789abcdef";
    const bool separated = strlen(text) == 17;
    bool zero = true;
    mac[0] = '\0';
    if (!separated && strlen(text) != 12) {
        return false;
    }
    const char separator = separated ? text[2] : '\0';
    if (separated && separator != ':' && separator != '-') {
        return false;
    }
    char out[18];
    for (size_t i = 0; i < 12; i++) {
        const size_t at = separated ? i + i / 2 : i;
        const char *digit = strchr(digits, tolower((unsigned char)text[at]));
        if (digit == NULL || (separated && i % 2 == 1 && i < 11 && text[at + 1] != separator)) {
            return false;
        }
        zero = zero && *digit == '0';
        out[i + i / 2] = *digit;
        out[i + i / 2 + 1] = i < 11 ? ':' : '\0';
    }
    if (zero) {
        return false;
    }
    memcpy(mac, out, sizeof out);
    return true;
}

struct heater_state reply_unknown_state(hb_mono now)
{
    return (struct heater_state){
        .link = HEATER_LINK_OK,
        .at = now,
        .power_w = reading_none(),
        .hashrate_hs = reading_none(),
        .chip_c = reading_none(),
        .board_c = reading_none(),
        .inlet_c = reading_none(),
        .fan_ratio = reading_none(),
        .uptime_s = reading_none(),
        .applied_w = NAN,
        .work = {.sat_per_hour = reading_none(),
                 .network_difficulty = reading_none(),
                 .average_hs = reading_none(),
                 .proven_hs = reading_none(),
                 .proven_low_hs = NAN,
                 .proven_high_hs = NAN},
    };
}
