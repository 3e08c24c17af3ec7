#include "devices/mqtt_talk.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ground/text.h"
#include "plumbing/json.h"

enum { FIRST_WORD_MS = 20000 }; /* a device that was asked answers sooner */

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* --- listening and speaking ---------------------------------------------------------------------
 */

void mqtt_talk_init(struct mqtt_talk *talk, const struct heater_env *env,
                    const struct mqtt_talk_options *options)
{
    *talk = (struct mqtt_talk){.env = env, .options = *options};
    mqtt_talk_listen(talk, options->availability.topic);
}

void mqtt_talk_listen(struct mqtt_talk *talk, const char *topic)
{
    if (!is_given(topic) || talk->env->subscribe == NULL) {
        return;
    }
    for (size_t i = 0; i < talk->topic_count; i++) {
        if (strcmp(talk->topic[i], topic) == 0) {
            return;
        }
    }
    if (talk->topic_count < MQTT_TALK_TOPICS &&
        talk->env->subscribe(talk->env->report_ctx, topic)) {
        talk->topic[talk->topic_count++] = topic;
    }
}

bool mqtt_talk_say(const struct mqtt_talk *talk, const char *topic, const char *payload)
{
    return talk->env->publish != NULL &&
           talk->env->publish(talk->env->report_ctx, topic, payload, false);
}

void mqtt_talk_ask(struct mqtt_talk *talk, hb_mono now)
{
    for (size_t i = 0; i < MQTT_TALK_ASKS; i++) {
        if (is_given(talk->options.ask[i].topic)) {
            (void)mqtt_talk_say(talk, talk->options.ask[i].topic, talk->options.ask[i].payload);
        }
    }
    talk->asked_at = now;
}

void mqtt_talk_ask_if_due(struct mqtt_talk *talk, hb_mono now)
{
    talk->since = mono_is_set(talk->since) ? talk->since : now;
    if (talk->options.ask_ms > 0 && (!mono_is_set(talk->asked_at) ||
                                     mono_age_ms(now, talk->asked_at) >= talk->options.ask_ms)) {
        mqtt_talk_ask(talk, now);
    }
}

/* --- life ---------------------------------------------------------------------------------------
 */

static bool listens_only_for_presence(const struct mqtt_talk *talk, const char *topic)
{
    return is_given(talk->options.availability.topic) &&
           strcmp(talk->options.availability.topic, topic) == 0;
}

bool mqtt_talk_presence(struct mqtt_talk *talk, const char *topic, const char *payload, size_t len,
                        hb_mono now)
{
    if (!listens_only_for_presence(talk, topic)) {
        return false;
    }
    struct reply_faults ignored = {{0}, ""};
    struct mqtt_talk_value where = talk->options.availability;
    if (len > 0 && payload[0] != '{') {
        where.path = ""; /* Zigbee2MQTT wrote it plainly once */
    }
    struct mqtt_talk_message message = {.topic = topic, .payload = payload, .len = len};
    const struct mqtt_talk_found found = mqtt_talk_read(&message, where.path, &ignored);
    mqtt_talk_close(&message);
    if (strcasecmp(found.text, talk->options.available) == 0) {
        if (talk->presence == MQTT_TALK_ABSENT) {
            mqtt_talk_ask(talk, now); /* what it said before it went says nothing any more */
        }
        talk->presence = MQTT_TALK_PRESENT;
    } else if (strcasecmp(found.text, talk->options.unavailable) == 0) {
        talk->presence = MQTT_TALK_ABSENT;
        talk->live_at = talk->kept_at = (hb_mono){0};
    }
    return true;
}

void mqtt_talk_heard(struct mqtt_talk *talk, bool retained, hb_mono now)
{
    if (retained) {
        talk->kept_at = now;
    } else {
        talk->live_at = now;
    }
}

static bool is_recent(const struct mqtt_talk *talk, hb_mono at, hb_mono now)
{
    return mono_is_set(at) && mono_age_ms(now, at) <= talk->options.stale_ms;
}

bool mqtt_talk_is_fresh(const struct mqtt_talk *talk, hb_mono now)
{
    return is_recent(talk, talk->live_at, now) ||
           (talk->presence == MQTT_TALK_PRESENT && is_recent(talk, talk->kept_at, now));
}

bool mqtt_talk_explain(const struct mqtt_talk *talk, const char *topic, const char *hint,
                       hb_mono now, char text[TEXT_MAX])
{
    if (talk->presence == MQTT_TALK_ABSENT) {
        (void)snprintf(text, TEXT_MAX, "it is not connected, says '%s'",
                       talk->options.availability.topic);
        return true;
    }
    if (mono_is_set(talk->live_at) || mono_is_set(talk->kept_at) || !mono_is_set(talk->since) ||
        mono_age_ms(now, talk->since) < FIRST_WORD_MS) {
        return false;
    }
    (void)snprintf(text, TEXT_MAX, "nothing was heard on '%s' yet; %s", topic, hint);
    return true;
}

/* --- payloads -----------------------------------------------------------------------------------
 */

/* Home Assistant's, Zigbee2MQTT's and others' ways of having no value. */
static bool says_nothing(const char *text)
{
    static const char *const words[] = {"", "unavailable", "unknown", "none", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static struct mqtt_talk_found found_text(const char *text, size_t len)
{
    struct mqtt_talk_found found = {.kind = MQTT_TALK_NOTHING, .number = NAN};
    while (len > 0 && isspace((unsigned char)text[0])) {
        text++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        len--;
    }
    text_copy_printable(found.text, sizeof found.text, text, len);
    if (!says_nothing(found.text)) {
        found.kind = text_to_number(text, len, &found.number) ? MQTT_TALK_NUMBER : MQTT_TALK_TEXT;
    }
    return found;
}

static struct mqtt_talk_found found_member(const struct json *json)
{
    struct mqtt_talk_found found = {.kind = MQTT_TALK_NOTHING, .number = NAN};
    bool flag = false;
    const char *string = json_string(json);
    if (string != NULL) {
        return found_text(string, strlen(string));
    }
    if (json_bool(json, &flag)) {
        found.kind = MQTT_TALK_TEXT;
        (void)text_copy(found.text, sizeof found.text, flag ? "true" : "false");
    } else if (json_number(json, &found.number)) {
        found.kind = MQTT_TALK_NUMBER;
        (void)snprintf(found.text, sizeof found.text, "%g", found.number);
    } else {
        found.number = NAN;
    }
    return found;
}

void mqtt_talk_close(struct mqtt_talk_message *message)
{
    json_free(message->json);
    message->json = NULL;
}

struct mqtt_talk_found mqtt_talk_read(struct mqtt_talk_message *message, const char *path,
                                      struct reply_faults *faults)
{
    if (!is_given(path)) {
        return found_text(message->payload, message->len);
    }
    if (!message->parsed) {
        message->parsed = true; /* an empty one is a kept message that was deleted */
        message->json =
            message->len > 0 ? reply_parse(message->payload, message->len, faults) : NULL;
    }
    return found_member(json_path(message->json, path));
}

bool mqtt_talk_find(const struct mqtt_talk_value *value, struct mqtt_talk_message *message,
                    struct reply_faults *faults, struct mqtt_talk_found *found)
{
    if (!is_given(value->topic) || strcmp(value->topic, message->topic) != 0) {
        return false;
    }
    *found = mqtt_talk_read(message, value->path, faults);
    return found->kind != MQTT_TALK_NOTHING;
}

double mqtt_talk_number(const struct mqtt_talk_found *found, double min, double max,
                        const char *what, struct reply_faults *faults)
{
    if (found->kind == MQTT_TALK_NUMBER && found->number >= min && found->number <= max) {
        return found->number;
    }
    if (found->kind != MQTT_TALK_NOTHING) {
        reply_fault(faults, found->kind == MQTT_TALK_NUMBER ? REPLY_RANGE : REPLY_TYPE,
                    "%s: expected %g to %g, got %s", what, min, max, found->text);
    }
    return NAN;
}

/* The value of the token that begins at `text`, "{name}", and its length there; NULL if none. */
static const char *token_at(const char *text, const char *const *tokens, size_t *len)
{
    for (; tokens[0] != NULL; tokens += 2) {
        const size_t name = strlen(tokens[0]);
        if (text[0] == '{' && strncmp(text + 1, tokens[0], name) == 0 && text[name + 1] == '}') {
            *len = name + 2;
            return tokens[1];
        }
    }
    return NULL;
}

bool mqtt_talk_fill(char *buf, size_t size, const char *text, const char *const *tokens)
{
    size_t used = 0;
    while (*text != '\0') {
        size_t len = 1;
        const char *value = token_at(text, tokens, &len);
        const char *from = value != NULL ? value : text;
        const size_t count = value != NULL ? strlen(value) : 1;
        if (used + count >= size) {
            buf[0] = '\0';
            return false;
        }
        memcpy(buf + used, from, count);
        used += count;
        text += len;
    }
    buf[used] = '\0';
    return true;
}
