/* The gate: decides whether a room and a heater may be heated at all, and limits each command.
 * Pure.
 *
 * It has the last word and can only lower power: its answer is never above what it was given, and
 * 0 W for anything that is not a number.
 */
#ifndef HB_BRIDGE_CONTROL_SAFETY_H
#define HB_BRIDGE_CONTROL_SAFETY_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/heater.h"

/* What the gate knows of a room. */
struct safety_room_input {
    hb_mono now, started;   /* `started`: when the core saw its first event */
    struct reading room_c;  /* last believed temperature */
    int64_t stale_after_ms; /* positive */
    bool doubting;          /* samples arrive but are not believed (plausible_is_doubting) */
    double too_hot_c;
};

struct safety_room {
    bool hot; /* latched until 1 K below too_hot_c */
};

/* True if the room may be heated; else false with the reason. */
bool safety_room_allows(struct safety_room *safety, const struct safety_room_input *in,
                        enum reason *why);

/* What the gate knows of a heater. */
struct safety_heater_input {
    hb_mono now, started;
    const struct heater_state *state;
    int64_t stale_after_ms; /* age at which a state says nothing any more */
    double too_hot_c;       /* of chip and board */
    bool interlocked;       /* one of its interlocks has tripped */
};

struct safety_heater {
    bool hot; /* latched until 5 K below too_hot_c */
};

/* True if the heater may be on; else false with the reason. */
bool safety_heater_allows(struct safety_heater *safety, const struct safety_heater_input *in,
                          enum reason *why);

/* The power that may be commanded when `asked_w` is asked: at most the heater's maximum and
 * `limit_w`, and 0 if that is less than it can hold. */
double safety_gate_w(const struct heater_caps *caps, double limit_w, double asked_w);

#endif
