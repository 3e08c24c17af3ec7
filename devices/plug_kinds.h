/* The metering plugs whose topics and payloads are known, one row each: a new one is a row. Pure.
 *
 * In topics {topic} is the plug's own part, as its owner set it, and {channel} the number of its
 * relay. What is asked has a topic of its own: of two messages that wait for one topic, the newer
 * takes the place of the older.
 */
#ifndef HB_DEVICES_PLUG_KINDS_H
#define HB_DEVICES_PLUG_KINDS_H

#include "bridge/limits.h"
#include "devices/mqtt_talk.h"
#include "ground/attr.h"
#include "ground/err.h"

enum { PLUG_SOURCES = 2, PLUG_TEXTS = 16 };

struct plug_kind {
    const char *name;
    const char *first_channel; /* what {channel} is for channel 0                          */
    const char *next_channels; /* what stands before the number of any other; NULL: none is */
    struct mqtt_talk_value state[PLUG_SOURCES];
    const char *closed, *open; /* words of the state */
    struct mqtt_talk_value meter[PLUG_SOURCES];
    const char *command_topic, *close, *open_it;
    struct {
        const char *topic, *payload;
    } ask[MQTT_TALK_ASKS];
    struct mqtt_talk_value availability;
    const char *available, *unavailable;
    const char *hint; /* what to look at if nothing is heard */
};

/* In the order of `plug_kind_names`; the last one is empty: everything is given by the options. */
extern const struct plug_kind plug_kinds[];
extern const char *const plug_kind_names[]; /* ended by NULL */

/* A row with its topics and payloads filled in; they live in `text`. */
struct plug_topics {
    struct plug_kind kind;
    char text[PLUG_TEXTS][TOPIC_MAX];
};

HB_MUST_USE bool plug_kinds_fill(struct plug_topics *topics, const struct plug_kind *kind,
                                 const char *topic, int channel, struct hb_err *err);

#endif
