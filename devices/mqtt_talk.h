/* The conversation over MQTT with one device: where it tells that it is there, how it is asked, and
 * what a payload of it says.
 *
 * A device is alive while its messages are fresh. A message that the broker had kept proves no
 * life, except together with an availability topic that says so: that is the device's will.
 */
#ifndef HB_DEVICES_MQTT_TALK_H
#define HB_DEVICES_MQTT_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/driver.h"
#include "devices/reply.h"
#include "ground/time.h"

enum { MQTT_TALK_TOPICS = 12, MQTT_TALK_ASKS = 2 };

/* A value that a device publishes. Texts are borrowed; topic "" or NULL: none. */
struct mqtt_talk_value {
    const char *topic;
    const char *path; /* as in json_path; "": the payload is the value */
};

struct mqtt_talk_options {
    struct mqtt_talk_value availability;
    const char *available, *unavailable; /* its words */
    struct {
        const char *topic, *payload;
    } ask[MQTT_TALK_ASKS]; /* what makes the device tell its values */
    int64_t ask_ms;        /* how often; 0: only after a command */
    int64_t stale_ms;      /* a device that says nothing for longer is lost */
};

struct mqtt_talk {
    const struct heater_env *env;
    struct mqtt_talk_options options;
    const char *topic[MQTT_TALK_TOPICS]; /* listened to */
    size_t topic_count;
    hb_mono live_at, kept_at; /* last values: as sent, and as kept by the broker */
    hb_mono asked_at, since;  /* `since`: of the first poll */
    enum { MQTT_TALK_PRESENCE_UNKNOWN, MQTT_TALK_PRESENT, MQTT_TALK_ABSENT } presence;
};

/* Both borrowed until the end. Listens to the availability topic. */
void mqtt_talk_init(struct mqtt_talk *talk, const struct heater_env *env,
                    const struct mqtt_talk_options *options);
/* Listens to a topic, once however often it is named. NULL and "" are nothing. */
void mqtt_talk_listen(struct mqtt_talk *talk, const char *topic);
/* Publishes; false while there is no broker, or in a simulation. */
bool mqtt_talk_say(const struct mqtt_talk *talk, const char *topic, const char *payload);
/* Asks the device for its values, at once or if that is due. */
void mqtt_talk_ask(struct mqtt_talk *talk, hb_mono now);
void mqtt_talk_ask_if_due(struct mqtt_talk *talk, hb_mono now);
/* Takes a message if it is about presence; true if it was about nothing else. */
bool mqtt_talk_presence(struct mqtt_talk *talk, const char *topic, const char *payload, size_t len,
                        hb_mono now);
/* A message held a value. */
void mqtt_talk_heard(struct mqtt_talk *talk, bool retained, hb_mono now);
/* Whether the values that were heard still say something. */
bool mqtt_talk_is_fresh(const struct mqtt_talk *talk, hb_mono now);

/* Why nothing is heard, as far as a person can do something about it: a sentence for
 * `env->trouble`. `topic` is where values were expected, `hint` what to look at. False if there is
 * none to tell. */
bool mqtt_talk_explain(const struct mqtt_talk *talk, const char *topic, const char *hint,
                       hb_mono now, char text[TEXT_MAX]);

enum mqtt_talk_kind {
    MQTT_TALK_NOTHING, /* no such member, null, "unavailable" and the like */
    MQTT_TALK_TEXT,    /* true and false are texts too                     */
    MQTT_TALK_NUMBER,  /* `text` holds it as well                          */
};

struct mqtt_talk_found {
    enum mqtt_talk_kind kind;
    double number;         /* NaN unless a number */
    char text[NAME_MAX_B]; /* printable and cut   */
};

/* A message while it is read; its JSON is parsed once, when a path first asks for it. */
struct mqtt_talk_message {
    const char *topic, *payload;
    size_t len;
    bool parsed;
    struct json *json; /* NULL: not parsed, or no JSON */
};

/* Frees what reading took. */
void mqtt_talk_close(struct mqtt_talk_message *message);
/* What the message says at a path; malformed JSON is counted and nothing. */
struct mqtt_talk_found mqtt_talk_read(struct mqtt_talk_message *message, const char *path,
                                      struct reply_faults *faults);
/* Whether the message is for the value and says something; then what. */
bool mqtt_talk_find(const struct mqtt_talk_value *value, struct mqtt_talk_message *message,
                    struct reply_faults *faults, struct mqtt_talk_found *found);
/* The number of a value in range; NaN, counted unless there was nothing, if there is none. */
double mqtt_talk_number(const struct mqtt_talk_found *found, double min, double max,
                        const char *what, struct reply_faults *faults);

/* Writes `text` with each {name} replaced by its value; a list of name and value, ended by NULL.
 * False if the result does not fit. Pure. */
HB_MUST_USE bool mqtt_talk_fill(char *buf, size_t size, const char *text,
                                const char *const *tokens);

#endif
