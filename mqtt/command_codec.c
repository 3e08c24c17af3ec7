#include "mqtt/command_codec.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ground/suggest.h"
#include "ground/text.h"
#include "plumbing/json.h"

/* Bytes of a payload that are shown to people; the words that mean something are shorter. */
enum { SHOWN_MAX = 80 };

/* One value to be decoded, from a plain payload or from a member of a JSON object. */
struct value {
    const struct config_room *room;
    const struct json *json; /* NULL: a plain payload, the next two                               */
    const char *payload;
    size_t len;
    char word[SHOWN_MAX]; /* a plain payload or JSON string, printable and cut; "" for others */
    char shown[SHOWN_MAX + 16]; /* the value as its sender sees it, for messages                  */
};

static bool is_none(const struct value *value)
{
    return json_is_null(value->json) || strcasecmp(value->word, "none") == 0;
}

static bool value_number(const struct value *value, double *number)
{
    if (value->json != NULL) {
        return json_number(value->json, number);
    }
    return text_to_number(value->payload, value->len, number);
}

/* Appends ", word"; a list too long for the buffer ends in the middle, still terminated. */
static void append_word(char *list, size_t size, const char *word)
{
    const size_t len = strlen(list);
    (void)snprintf(list + len, size - len, "%s%s", len > 0 ? ", " : "", word);
}

/* --- one decoder per property -------------------------------------------------------------------
 */

static bool decode_mode(const struct value *value, struct room_request *request, struct hb_err *err)
{
    for (unsigned i = 0; i < ROOM_MODE_COUNT; i++) {
        if (strcasecmp(value->word, room_mode_word((enum room_mode)i)) == 0) {
            request->mode = (enum room_mode)i;
            return true;
        }
    }
    return hb_fail(err, HB_ERR_INPUT, "expected off, heat or auto, got %s", value->shown);
}

static bool decode_target(const struct value *value, struct room_request *request,
                          struct hb_err *err)
{
    double target_c = 0.0;
    if (!value_number(value, &target_c)) {
        return hb_fail(err, HB_ERR_INPUT, "expected a number of degrees Celsius, got %s",
                       value->shown);
    }
    if (target_c < COMMAND_TARGET_MIN_C || target_c > COMMAND_TARGET_MAX_C) {
        return hb_fail(err, HB_ERR_INPUT, "expected %g to %g degrees Celsius, got %s",
                       value->room->min_target_c, value->room->max_target_c, value->shown);
    }
    request->target_c = target_c;
    return true;
}

static bool decode_preset(const struct value *value, struct room_request *request,
                          struct hb_err *err)
{
    const struct config_room *room = value->room;
    if (is_none(value)) {
        request->preset = INDEX_NONE;
        return true;
    }
    struct suggestion near = {.word = value->word};
    char list[200] = "";
    for (size_t i = 0; i < room->preset_count; i++) {
        const char *word = room->presets[i].name;
        if (strcasecmp(value->word, word) == 0) {
            request->preset = (uint16_t)i;
            return true;
        }
        append_word(list, sizeof list, word);
        suggest_offer(&near, word);
    }
    append_word(list, sizeof list, "none");
    return hb_fail(err, HB_ERR_INPUT, "expected one of %s, got %s%s%s%s", list, value->shown,
                   near.best != NULL ? " (did you mean '" : "", near.best != NULL ? near.best : "",
                   near.best != NULL ? "'?)" : "");
}

static bool decode_power(const struct value *value, struct room_request *request,
                         struct hb_err *err)
{
    static const struct {
        const char *word;
        bool on;
    } words[] = {{"on", true},     {"off", false}, {"true", true},
                 {"false", false}, {"1", true},    {"0", false}};
    if (value->json != NULL && json_bool(value->json, &request->power_on)) {
        return true;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(value->word, words[i].word) == 0) {
            request->power_on = words[i].on;
            return true;
        }
    }
    return hb_fail(err, HB_ERR_INPUT, "expected ON or OFF, got %s", value->shown);
}

static bool decode_power_limit(const struct value *value, struct room_request *request,
                               struct hb_err *err)
{
    double limit_w = 0.0;
    if (is_none(value)) {
        request->power_limit_w = POWER_LIMIT_NONE_W;
        return true;
    }
    if (!value_number(value, &limit_w) || limit_w < 0.0 || limit_w > COMMAND_POWER_LIMIT_MAX_W) {
        return hb_fail(err, HB_ERR_INPUT,
                       "expected a number of watts from 0 to %.0f, or none, got %s",
                       COMMAND_POWER_LIMIT_MAX_W, value->shown);
    }
    request->power_limit_w = limit_w;
    return true;
}

static bool decode_demand(const struct value *value, struct room_request *request,
                          struct hb_err *err)
{
    const struct config_demand *config = &value->room->demand;
    const bool percent = config->unit == DEMAND_PERCENT;
    const double most = percent ? 100.0 : DEMAND_MOST_W;
    double demand = 0.0;
    if (config->source.stale_after_ms <= 0) {
        return hb_fail(err, HB_ERR_INPUT,
                       "expected `demand:` with its `stale_after` in the room's configuration, got "
                       "none; nothing was done");
    }
    if (is_none(value)) {
        request->demand = NAN;
        return true;
    }
    if (!value_number(value, &demand) || demand < 0.0 || demand > most) {
        return hb_fail(err, HB_ERR_INPUT, "expected a number of %s from 0 to %.0f, or none, got %s",
                       percent ? "percent" : "watts", most, value->shown);
    }
    request->demand = demand;
    return true;
}

static const struct {
    enum request_field field;
    bool (*decode)(const struct value *value, struct room_request *request, struct hb_err *err);
} decoders[COMMAND_PROPERTIES] = {
    [COMMAND_MODE] = {REQUEST_MODE, decode_mode},
    [COMMAND_TARGET] = {REQUEST_TARGET, decode_target},
    [COMMAND_PRESET] = {REQUEST_PRESET, decode_preset},
    [COMMAND_POWER] = {REQUEST_POWER, decode_power},
    [COMMAND_POWER_LIMIT] = {REQUEST_POWER_LIMIT, decode_power_limit},
    [COMMAND_DEMAND] = {REQUEST_DEMAND, decode_demand},
};

static bool decode_property(enum command_key key, const struct value *value,
                            struct room_request *request, struct hb_err *err)
{
    if (!decoders[key].decode(value, request, err)) {
        hb_err_prefix(err, "%s", command_key_word(key));
        return false;
    }
    request->fields |= (uint32_t)decoders[key].field;
    return true;
}

static bool fail_unknown_property(const char *name, struct hb_err *err)
{
    char shown[SHOWN_MAX];
    char list[SHOWN_MAX] = "";
    text_copy_printable(shown, sizeof shown, name, strlen(name));
    struct suggestion near = {.word = shown};
    for (unsigned i = 0; i < COMMAND_PROPERTIES; i++) {
        const char *word = command_key_word((enum command_key)i);
        append_word(list, sizeof list, word);
        suggest_offer(&near, word);
    }
    return hb_fail(err, HB_ERR_INPUT, "expected one of %s, got '%s'%s%s%s", list, shown,
                   near.best != NULL ? " (did you mean '" : "", near.best != NULL ? near.best : "",
                   near.best != NULL ? "'?)" : "");
}

/* --- the JSON form ------------------------------------------------------------------------------
 */

/* A member as its sender sees it; a string tells that it is one, for "21" is not 21. */
static void show_member(struct value *value)
{
    const char *string = json_string(value->json);
    if (string != NULL) {
        text_copy_printable(value->word, sizeof value->word, string, strlen(string));
        (void)snprintf(value->shown, sizeof value->shown, "the text \"%s\"", value->word);
        return;
    }
    char *printed = json_print(value->json);
    /* What overflowed to infinity is printed as null. */
    const bool overflowed = strcmp(printed, "null") == 0 && !json_is_null(value->json);
    const char *shown = overflowed ? "a number out of all range" : printed;
    text_copy_printable(value->shown, sizeof value->shown, shown, strlen(shown));
    free(printed);
}

static bool decode_member(const struct config_room *room, const struct json *member,
                          struct room_request *request, struct hb_err *err)
{
    const enum command_key key = command_key_of(json_name(member));
    if (key == COMMAND_UNKNOWN) {
        return fail_unknown_property(json_name(member), err);
    }
    if ((request->fields & (uint32_t)decoders[key].field) != 0) {
        return hb_fail(err, HB_ERR_INPUT, "%s: expected it once, got it twice",
                       command_key_word(key));
    }
    struct value value = {.room = room, .json = member};
    show_member(&value);
    return decode_property(key, &value, request, err);
}

static bool decode_members(const struct config_room *room, const struct json *object,
                           struct room_request *request, struct hb_err *err)
{
    if (!json_is_object(object) || json_count(object) == 0) {
        return hb_fail(err, HB_ERR_INPUT,
                       "expected a JSON object such as {\"mode\":\"heat\",\"target\":21.5}");
    }
    for (const struct json *m = json_first(object); m != NULL; m = json_next(m)) {
        if (!decode_member(room, m, request, err)) {
            return false;
        }
    }
    return true;
}

bool command_decode_json(const struct config_room *room, const char *json, size_t len,
                         struct room_request *request, struct hb_err *err)
{
    *request = (struct room_request){.preset = INDEX_NONE};
    struct json *tree = json_parse(json, len, PAYLOAD_MAX, err);
    const bool good = tree != NULL && decode_members(room, tree, request, err);
    json_free(tree);
    return good;
}

/* --- from MQTT ----------------------------------------------------------------------------------
 */

static void strip(const char **text, size_t *len)
{
    while (*len > 0 && isspace((unsigned char)(*text)[0])) {
        (*text)++;
        (*len)--;
    }
    while (*len > 0 && isspace((unsigned char)(*text)[*len - 1])) {
        (*len)--;
    }
}

static bool decode_plain(const struct config_room *room, enum command_key key, const char *payload,
                         size_t len, struct room_request *request, struct hb_err *err)
{
    strip(&payload, &len);
    struct value value = {.room = room, .payload = payload, .len = len};
    text_copy_printable(value.word, sizeof value.word, payload, len);
    if (len == 0) {
        (void)text_copy(value.shown, sizeof value.shown, "an empty message");
    } else if (!text_is_utf8(payload, len)) {
        (void)text_copy(value.shown, sizeof value.shown, "bytes that are not UTF-8 text");
        value.len = 0;
    } else {
        (void)snprintf(value.shown, sizeof value.shown, "'%s'", value.word);
    }
    return decode_property(key, &value, request, err);
}

static bool decode_live(const struct config_room *room, const struct topic_target *target,
                        const char *payload, size_t len, struct room_request *request,
                        struct hb_err *err)
{
    if (target->key == COMMAND_UNKNOWN) {
        return fail_unknown_property(target->property, err);
    }
    if (len > PAYLOAD_MAX) {
        return hb_fail(err, HB_ERR_INPUT, "expected at most %d bytes, got %zu", PAYLOAD_MAX, len);
    }
    if (target->key == COMMAND_JSON) {
        return command_decode_json(room, payload, len, request, err);
    }
    return decode_plain(room, target->key, payload, len, request, err);
}

static enum command_verdict fail_retained(struct hb_err *err)
{
    (void)hb_fail(err, HB_ERR_INPUT,
                  "expected a command that is not retained; this one is ignored, because the "
                  "broker would repeat it at every reconnect");
    return COMMAND_RETAINED;
}

enum command_verdict command_decode_press(const void *payload, size_t len, bool retained,
                                          struct hb_err *err)
{
    char shown[SHOWN_MAX];
    const char *text = payload;
    if (retained) {
        return fail_retained(err);
    }
    strip(&text, &len);
    if (len == 5 && strncasecmp(text, "PRESS", 5) == 0) {
        return COMMAND_ACCEPTED;
    }
    text_copy_printable(shown, sizeof shown, text, len);
    (void)hb_fail(err, HB_ERR_INPUT, "expected PRESS, got '%s'", shown);
    return COMMAND_REFUSED;
}

enum command_verdict command_decode(const struct config_room *room,
                                    const struct topic_target *target, const void *payload,
                                    size_t len, bool retained, struct room_request *request,
                                    struct hb_err *err)
{
    *request = (struct room_request){.preset = INDEX_NONE};
    if (retained) {
        return fail_retained(err);
    }
    return decode_live(room, target, payload, len, request, err) ? COMMAND_ACCEPTED
                                                                 : COMMAND_REFUSED;
}
