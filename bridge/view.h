/* What the core shows of a room, a heater and a circuit: the one source for MQTT, the page and the
 * demo. */
#ifndef HB_BRIDGE_VIEW_H
#define HB_BRIDGE_VIEW_H

#include "bridge/event.h"
#include "bridge/heater.h"

enum room_action { ACTION_OFF, ACTION_IDLE, ACTION_PREHEATING, ACTION_HEATING };

/* NaN in a double means unknown. */
struct room_view {
    enum room_mode mode;
    enum room_action action;
    enum reason reason;
    double target_c, target_low_c, target_high_c; /* in force now: target and comfort band */
    double room_c, humidity; /* fresh or NaN                                   */
    double outdoor_c;
    uint16_t preset; /* INDEX_NONE: none */
    bool window_known, window_open;
    bool available; /* false while no fresh temperature                                      */
    double power_w; /* sum over heaters; NaN while any is unknown                            */
    enum provenance power_from;
    double requested_w; /* what the thermostat asked for, after the gate                         */
    double power_limit_w; /* in force */
    double demand;        /* by another program, in the unit of the configuration; NaN: none */
    double hashrate_hs;
    double energy_wh; /* lifetime, monotonic                                                   */
};

struct heater_view {
    struct heater_state state;
    double commanded_w; /* NaN: it is never commanded, and `outcome` says nothing */
    enum command_outcome outcome;
    enum reason reason;
    double energy_wh; /* lifetime, monotonic                                                 */
    double hashes;    /* lifetime                                                            */
    double best_difficulty;                      /* lifetime                    */
    uint64_t shares_accepted, shares_rejected;   /* lifetime */
    uint64_t blocks_found;                       /* lifetime */
    int32_t min_on_ms, min_off_ms, min_write_ms; /* dwell, as in struct heater_caps */
    char outcome_text[TEXT_MAX];   /* why `outcome` is not confirmed, "" if it is or is under way */
    bool interlocked;              /* stopped until a person acknowledges */
    char interlock_text[TEXT_MAX]; /* what tripped; "" if nothing did */
    bool available;
};

struct circuit_view {
    double limit_w;
    double allowed_w;  /* of that, for its heaters: the rest is used by other things       */
    double possible_w; /* the most that its heaters could be drawing now                   */
    double metered_w;  /* by its own meter                                                 */
    bool over_limit;   /* more is drawn: by the meter, or without one as the heaters say it */
};

const char *room_action_word(enum room_action action); /* "off", "idle", "preheating", "heating" */

#endif
