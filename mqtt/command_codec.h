/* Commands from MQTT and the page: payload -> struct room_request, or one sentence on what is
 * wrong. Pure, apart from the memory of a JSON tree while it is read.
 *
 * Single values on <room>/<property>/set (white space around and upper case are forgiven):
 *   mode         off, heat, auto
 *   target       a number of degrees Celsius, any decimals; the core rounds it to the room's step
 *   preset       a preset of the room, or none
 *   power        ON, OFF (also true, false, 1, 0): ON restores the last mode that was not off
 *   power_limit  a number of watts (0: no heat), or none for no limit
 *   demand       a number in the unit of the room's `demand`, which it is configured with, or none
 * On <room>/set a JSON object with at least one of these as keys, e.g.
 *   {"mode":"heat","target":21.5}   {"preset":null}   {"power":true,"power_limit":900}
 * with numbers as numbers, words as strings, power as a boolean or "on"/"off", and null for "none".
 * Everything in one object is one request.
 */
#ifndef HB_MQTT_COMMAND_CODEC_H
#define HB_MQTT_COMMAND_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config.h"
#include "bridge/event.h"
#include "ground/err.h"
#include "mqtt/topics.h"

/* Numbers outside these are refused here; the room's own range is the core's business. */
#define COMMAND_TARGET_MIN_C      (-50.0)
#define COMMAND_TARGET_MAX_C      100.0
#define COMMAND_POWER_LIMIT_MAX_W POWER_LIMIT_NONE_W

enum command_verdict {
    COMMAND_ACCEPTED, /* `request` is filled                                                 */
    COMMAND_REFUSED,  /* `err` says what was expected and what came: for <room>/error         */
    COMMAND_RETAINED, /* a retained command would be repeated at each reconnect: ignore it and
                         log `err` once per topic                                              */
};

/* Decodes one message on a topic of kind TOPIC_ROOM_COMMAND whose index is that of `room`. */
enum command_verdict command_decode(const struct config_room *room,
                                    const struct topic_target *target, const void *payload,
                                    size_t len, bool retained, struct room_request *request,
                                    struct hb_err *err);

/* A button was pressed: "PRESS", in any case, with white space around it. */
enum command_verdict command_decode_press(const void *payload, size_t len, bool retained,
                                          struct hb_err *err);

/* The JSON form alone, as the page sends it. */
HB_MUST_USE bool command_decode_json(const struct config_room *room, const char *json, size_t len,
                                     struct room_request *request, struct hb_err *err);

#endif
