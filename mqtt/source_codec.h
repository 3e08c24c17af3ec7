/* Values that others publish: a room's temperature, humidity and window, the outdoor temperature.
 * Pure, apart from the memory of a JSON tree while it is read.
 *
 * With source.value "" the payload itself is the value: plain text such as 21.5, open, ON. With a
 * path ("temperature", "values.inside.t", "sensors[0].c") the payload is JSON and the value is
 * found there with its own type: {"temperature":"21.5"} is refused, for a number in quotes usually
 * means that the wrong member was named.
 *
 * For a flag, a path that begins with '!' turns the value around: zigbee2mqtt's contact sensors say
 * {"contact":true} for closed, so `value: "!contact"`. "!" alone turns a plain payload around.
 */
#ifndef HB_MQTT_SOURCE_CODEC_H
#define HB_MQTT_SOURCE_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config.h"
#include "ground/err.h"

enum source_verdict {
    SOURCE_VALUE,   /* the value is filled                                                    */
    SOURCE_NOTHING, /* "unavailable", "unknown", "none", null or empty: the sensor says that it has
                       no value; not worth a message, the old value just ages                  */
    SOURCE_BAD,     /* `err` says what was expected and what came                             */
};

/* A number in degrees Celsius after conversion from source->unit (as it is for UNIT_CELSIUS, so
 * also for humidity); finite, otherwise unchecked. */
enum source_verdict source_decode_number(const struct config_source *source, const void *payload,
                                         size_t len, double *number, struct hb_err *err);

/* A flag, true for open: on, open, true, 1 / off, closed, close, false, 0, in any case. */
enum source_verdict source_decode_open(const struct config_source *source, const void *payload,
                                       size_t len, bool *open, struct hb_err *err);

#endif
