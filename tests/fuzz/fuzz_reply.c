/* What any device says in JSON: the first line is the path of a field, the rest is the answer.
 * What was understood is sound JSON without twins, and each field of it is a possible value or
 * unknown, and then counted once at most. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/reply.h"
#include "ground/text.h"

#define COUNT_MAX 9007199254740992.0

static void check(bool good)
{
    if (!good) {
        abort();
    }
}

static uint64_t all_of(const struct reply_faults *faults)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < REPLY_FAULT_COUNT; i++) {
        sum += faults->count[i];
    }
    return sum;
}

/* One fault or none since `*before`, which is brought up to date; the words of it are whole. */
static void check_faults(const struct reply_faults *faults, uint64_t *before, bool known)
{
    const uint64_t now = all_of(faults);
    check(now == *before || (now == *before + 1 && !known));
    check(memchr(faults->last, '\0', sizeof faults->last) != NULL);
    *before = now;
}

static void check_number(double value, double min, double max)
{
    check(isnan(value) || (value >= min && value <= max));
}

static void check_text(const char *text, size_t size)
{
    check(memchr(text, '\0', size) != NULL);
    for (const char *c = text; *c != '\0'; c++) {
        check((unsigned char)*c >= ' ' && *c != 0x7f);
    }
}

static void read_field(const struct json *json, const char *path, struct reply_faults *faults)
{
    uint64_t before = all_of(faults);
    double value = reply_number(json, path, -40, 1e6, faults);
    check_number(value, -40, 1e6);
    check_faults(faults, &before, isfinite(value));
    value = reply_number_if_any(json, path, 0, 1e20, faults);
    check_number(value, 0, 1e20);
    check_faults(faults, &before, isfinite(value));
    value = reply_number_or_text(json, path, 0, 3000, faults);
    check_number(value, 0, 3000);
    check_faults(faults, &before, isfinite(value));
    int flag = reply_bool(json, path, faults);
    check(flag >= -1 && flag <= 1);
    check_faults(faults, &before, flag >= 0);
    flag = reply_bool_if_any(json, path, faults);
    check_faults(faults, &before, flag >= 0);
    uint64_t count = UINT64_MAX;
    const bool counted = reply_count(json, path, &count, faults);
    check(counted ? (double)count <= COUNT_MAX : count == UINT64_MAX);
    check_faults(faults, &before, counted);
    char text[24];
    memset(text, 'x', sizeof text);
    reply_text(json, path, text, sizeof text, faults);
    check_text(text, sizeof text);
    check_faults(faults, &before, text[0] != '\0');
    reply_text_if_any(json, path, text, sizeof text, faults);
    check_text(text, sizeof text);
    check_faults(faults, &before, text[0] != '\0');
    char mac[18];
    const bool is_mac = reply_mac(text, mac);
    check(strlen(mac) == (is_mac ? 17U : 0U));
    value = reply_scan(text, 0, 100, "text", faults);
    check_number(value, 0, 100);
    check_faults(faults, &before, isfinite(value));
}

/* No name twice in an object, and every field is read as the only one of a path. */
static void walk(const struct json *json, int depth, struct reply_faults *faults)
{
    check(json_first(json) == NULL || depth <= JSON_MAX_DEPTH);
    read_field(json, "", faults);
    for (const struct json *m = json_first(json); m != NULL; m = json_next(m)) {
        if (json_is_object(json)) {
            check(json_get(json, json_name(m)) == m);
        }
        walk(m, depth + 1, faults);
    }
}

/* Once repaired, there is nothing left to repair. */
static void check_stable(const struct json *json)
{
    struct reply_faults faults = {0};
    char *once = json_print(json);
    struct json *again = reply_parse(once, strlen(once), &faults);
    check(again != NULL && all_of(&faults) == 0);
    char *twice = json_print(again);
    check(strcmp(once, twice) == 0);
    json_free(again);
    free(once);
    free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    const size_t len = end != NULL ? (size_t)(end - data) : 0;
    if (end == NULL || len >= sizeof path) {
        return 0;
    }
    memcpy(path, data, len);
    path[len] = '\0';
    struct reply_faults faults = {0};
    struct json *json = reply_parse((const char *)end + 1, size - len - 1, &faults);
    if (json == NULL) {
        check(faults.count[REPLY_UNREADABLE] > 0);
        return 0;
    }
    check(json_is_object(json) || json_is_array(json));
    read_field(json, path, &faults);
    walk(json, 1, &faults);
    check_stable(json);
    json_free(json);
    return 0;
}
