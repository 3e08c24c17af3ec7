/* Everything that can happen to the core, each with the time at which it happened. Plain data.
 *
 * The core sees one total order of events; time is stamped once, when an event is taken from its
 * queue. A recorded list of events, replayed, gives the same effects (bridge/trace.h).
 */
#ifndef HB_BRIDGE_EVENT_H
#define HB_BRIDGE_EVENT_H

#include "bridge/heater.h"
#include "bridge/limits.h"
#include "ground/time.h"

enum event_kind {
    EVENT_TICK, /* time has passed; sent at least once a second                        */
    EVENT_ROOM_TEMPERATURE, /* index: room, number: °C as decoded (may be implausible, not NaN) */
    EVENT_ROOM_HUMIDITY,  /* index: room, number: percent                                        */
    EVENT_ROOM_WINDOW,    /* index: room, flag: open                                             */
    EVENT_ROOM_DEMAND,    /* index: room, number: in the unit of the room's demand               */
    EVENT_OUTDOOR,        /* number: °C                                                          */
    EVENT_ROOM_REQUEST,   /* index: room, request                                                */
    EVENT_HEATER_STATE,   /* index: heater, heater: state                                        */
    EVENT_HEATER_OUTCOME, /* index: heater, outcome                                              */
    EVENT_HEATER_ABILITIES, /* index: heater, caps: narrowed by the configuration */
    EVENT_HEATER_INTERLOCK, /* index: heater, interlock, number: its value, flag: the broker had it
                               kept */
    EVENT_HEATER_ACKNOWLEDGE, /* index: heater; a person releases what an interlock stopped */
    EVENT_CIRCUIT_POWER,      /* index: circuit, number: watts, by its meter */
    EVENT_STOP, /* heaters go to their on_exit state; no more commands afterwards      */
};

enum room_mode { ROOM_OFF, ROOM_HEAT, ROOM_AUTO, ROOM_MODE_COUNT };

/* Which fields of a request are present. */
enum request_field {
    REQUEST_MODE = 1,
    REQUEST_TARGET = 2,
    REQUEST_PRESET = 4,
    REQUEST_POWER = 8, /* on/off: on restores the last mode that was not off */
    REQUEST_POWER_LIMIT = 16,
    REQUEST_DEMAND = 32,
};

/* A limit by hand that limits nothing. 0 W is a limit like any other: no heat at all. */
#define POWER_LIMIT_NONE_W 1e6

/* A person's or automation's wish, decoded and in our units, not yet checked against the room. */
struct room_request {
    uint32_t fields; /* of enum request_field */
    enum room_mode mode;
    double target_c;
    uint16_t preset; /* index in the room's presets; INDEX_NONE for "none" */
    bool power_on;
    double power_limit_w;
    double demand; /* in the unit of the room's demand; NaN: none any more */
};

/* The largest demand in watts; in percent it is 100. */
#define DEMAND_MOST_W 1e6

struct event {
    enum event_kind kind;
    hb_mono at;
    hb_wall wall;
    int32_t utc_offset_s; /* local time = wall + offset */
    uint16_t index;
    uint16_t interlock; /* of the heater's configuration */
    bool flag;
    double number;
    union {
        struct room_request request;
        struct heater_state heater;
        struct {
            uint64_t seq;
            enum command_outcome result;
            char why[TEXT_MAX]; /* it failed; "" if it did not */
        } outcome;
        struct heater_caps caps;
    } u;
};

const char *room_mode_word(enum room_mode mode); /* "off", "heat", "auto" */

#endif
