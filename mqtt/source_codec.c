#include "mqtt/source_codec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/limits.h"
#include "ground/text.h"
#include "plumbing/json.h"

enum { SHOWN_MAX = 64 };

/* The value inside a payload: plain text, or a JSON value that the path led to. */
struct found {
    const struct json *json; /* NULL: plain                                             */
    const char *text;        /* plain text or JSON string, without surrounding space    */
    size_t len;
    char shown[SHOWN_MAX]; /* for messages */
};

static void trim(struct found *found)
{
    while (found->len > 0 && isspace((unsigned char)found->text[0])) {
        found->text++;
        found->len--;
    }
    while (found->len > 0 && isspace((unsigned char)found->text[found->len - 1])) {
        found->len--;
    }
}

static bool is_word(const struct found *found, const char *word)
{
    return found->text != NULL && found->len == strlen(word) &&
           strncasecmp(found->text, word, found->len) == 0;
}

/* Home Assistant's, zigbee2mqtt's and others' ways of having no value. */
static bool says_nothing(const struct found *found)
{
    static const char *const words[] = {"", "unavailable", "unknown", "none", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (is_word(found, words[i])) {
            return true;
        }
    }
    return json_is_null(found->json);
}

static void show(struct found *found)
{
    char text[SHOWN_MAX - 8];
    if (found->text != NULL) {
        text_copy_printable(text, sizeof text, found->text, found->len);
        (void)snprintf(found->shown, sizeof found->shown, found->json == NULL ? "'%s'" : "\"%s\"",
                       text);
        return;
    }
    char *printed = json_print(found->json);
    /* What overflowed to infinity is printed as null. */
    const bool overflowed = strcmp(printed, "null") == 0 && !json_is_null(found->json);
    const char *shown = overflowed ? "a number out of all range" : printed;
    text_copy_printable(found->shown, sizeof found->shown, shown, strlen(shown));
    free(printed);
}

/* Follows `path` in the tree. False with `err` if it leads nowhere. */
static bool find_member(const struct json *tree, const char *path, struct found *found,
                        struct hb_err *err)
{
    found->json = json_path(tree, path);
    if (found->json == NULL) {
        return hb_fail(err, HB_ERR_INPUT, "expected a JSON object with '%s', got one without it",
                       path);
    }
    const char *string = json_string(found->json);
    if (string != NULL) {
        found->text = string;
        found->len = strlen(string);
    }
    return true;
}

/* Opens the payload; the tree in `*tree` must outlive `found` and is freed by the caller. */
static bool open_payload(const char *path, const char *payload, size_t len, struct json **tree,
                         struct found *found, struct hb_err *err)
{
    *found = (struct found){.text = payload, .len = len};
    if (path[0] != '\0') {
        *found = (struct found){.text = NULL};
        *tree = json_parse(payload, len, PAYLOAD_MAX, err);
        if (*tree == NULL || !find_member(*tree, path, found, err)) {
            return false;
        }
    } else if (len > PAYLOAD_MAX) {
        return hb_fail(err, HB_ERR_INPUT, "expected at most %d bytes, got %zu", PAYLOAD_MAX, len);
    }
    trim(found);
    show(found);
    return true;
}

static double to_celsius(double value, enum temperature_unit unit)
{
    switch (unit) {
    case UNIT_FAHRENHEIT:
        return (value - 32.0) / 1.8;
    case UNIT_KELVIN:
        return value - 273.15;
    case UNIT_CELSIUS:
        break;
    }
    return value;
}

static bool number_of(const struct found *found, double *number)
{
    return found->json != NULL ? json_number(found->json, number)
                               : text_to_number(found->text, found->len, number);
}

static bool flag_of(const struct found *found, bool *flag)
{
    static const struct {
        const char *word;
        bool flag;
    } words[] = {{"on", true},      {"open", true},   {"true", true},   {"1", true}, {"off", false},
                 {"closed", false}, {"close", false}, {"false", false}, {"0", false}};
    double number = 0.0;
    if (json_bool(found->json, flag)) {
        return true;
    }
    if (json_number(found->json, &number) && (number == 0.0 || number == 1.0)) {
        *flag = number == 1.0;
        return true;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (is_word(found, words[i].word)) {
            *flag = words[i].flag;
            return true;
        }
    }
    return false;
}

/* A plain payload may be the empty text, which is no JSON. */
static bool is_empty(const char *payload, size_t len)
{
    const struct found all = {.text = payload, .len = len};
    return len <= PAYLOAD_MAX && says_nothing(&all);
}

enum source_verdict source_decode_number(const struct config_source *source, const void *payload,
                                         size_t len, double *number, struct hb_err *err)
{
    struct json *tree = NULL;
    struct found found;
    enum source_verdict verdict = SOURCE_BAD;
    double value = 0.0;
    if (is_empty(payload, len)) {
        return SOURCE_NOTHING;
    }
    if (!open_payload(source->value, payload, len, &tree, &found, err)) {
        goto out;
    }
    if (says_nothing(&found)) {
        verdict = SOURCE_NOTHING;
        goto out;
    }
    if (!number_of(&found, &value)) {
        (void)hb_fail(err, HB_ERR_INPUT, "expected a number, got %s%s", found.shown,
                      found.json == NULL && found.len > 0 && found.text[0] == '{'
                          ? " (name its member with value:)"
                          : "");
        goto out;
    }
    *number = to_celsius(value, source->unit);
    verdict = SOURCE_VALUE;
out:
    json_free(tree);
    return verdict;
}

enum source_verdict source_decode_open(const struct config_source *source, const void *payload,
                                       size_t len, bool *open, struct hb_err *err)
{
    struct json *tree = NULL;
    struct found found;
    enum source_verdict verdict = SOURCE_BAD;
    const bool turned = source->value[0] == '!';
    bool flag = false;
    if (is_empty(payload, len)) {
        return SOURCE_NOTHING;
    }
    if (!open_payload(source->value + (turned ? 1 : 0), payload, len, &tree, &found, err)) {
        goto out;
    }
    if (says_nothing(&found)) {
        verdict = SOURCE_NOTHING;
    } else if (flag_of(&found, &flag)) {
        *open = flag != turned;
        verdict = SOURCE_VALUE;
    } else {
        (void)hb_fail(err, HB_ERR_INPUT, "expected open or closed, on or off, got %s", found.shown);
    }
out:
    json_free(tree);
    return verdict;
}
