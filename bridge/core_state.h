/* Inside of the core, shared by core.c, core_room.c, core_heater.c, core_circuit.c and core_show.c
 * only. */
#ifndef HB_BRIDGE_CORE_STATE_H
#define HB_BRIDGE_CORE_STATE_H

#include "bridge/control/allocator.h"
#include "bridge/control/circuit.h"
#include "bridge/control/comfort.h"
#include "bridge/control/interlock.h"
#include "bridge/control/plausible.h"
#include "bridge/control/safety.h"
#include "bridge/control/schedule.h"
#include "bridge/control/thermostat.h"
#include "bridge/core.h"

enum { NOTE_WARN = 1, NOTE_INFO = 2 }; /* of enum log_level */

/* What was shown last, rounded to what a reader can tell apart. A changed decision is shown at
 * once, changed measurements at most once a second. */
enum { SHOWN_DECISIONS = 11, SHOWN_MEASURES = 23 };
struct shown {
    int64_t decision[SHOWN_DECISIONS], measure[SHOWN_MEASURES];
};

struct publisher {
    struct shown last;
    hb_mono at; /* unset: never shown */
};

struct core_room {
    const struct config_room *config;
    uint16_t index;
    struct room_settings settings;
    struct plausible temperature;
    struct reading humidity;
    bool window_known, window_open;
    hb_mono window_at, window_since; /* last word of the contact, and of its opening */
    struct reading demand;           /* by another program, in the unit of the configuration */

    struct comfort comfort;
    struct safety_room safety;
    struct thermostat thermostat;
    struct allocator allocator;
    bool frost;       /* being protected from frost */
    double granted_w; /* asked for, after the gate */
    enum reason reason;

    struct publisher publisher;
    bool answer; /* a request waits for its echo */
};

/* Counters of a driver as seen last, to find what was added since. */
struct driver_counters {
    uint64_t accepted, rejected, blocks;
};

struct core_heater {
    const struct config_heater *config;
    uint16_t index;
    struct heater_caps caps; /* narrowed by the configuration; max_w 0: unusable */
    int64_t stale_after_ms;  /* of its states */
    struct heater_state state;
    struct safety_heater safety;
    struct interlocks interlocks;
    bool allowed; /* by safety, as of the last decision */

    /* Of a heater on a circuit: what its room asks for it, how much that is too cold, what it may
     * be told, and whether that is less. */
    double wish_w, lack_k, allowed_w;
    bool held;

    double commanded_w;
    bool sure;                 /* it was seen to do what it was told last                     */
    bool restarted;            /* or it may have been, since it was seen to do what it was told */
    uint64_t seq, order_seq;   /* of the last command, and of the first with its power */
    hb_mono issued;            /* of the last command; unset: none yet */
    hb_mono written, switched; /* last change of power, and between on and off */
    enum command_outcome outcome;
    char outcome_why[TEXT_MAX]; /* it failed or expired */
    bool disobeys;              /* a command failed and none was confirmed since */
    hb_mono mismatch_since;     /* since when the device draws something else; unset: it does not */
    enum reason reason;

    struct heater_totals totals;
    double uptime_s; /* as last told; NaN: never */
    struct driver_counters seen;
    struct reading last_power_w, last_hashrate_hs; /* to integrate from */

    struct publisher publisher;
};

struct core_circuit {
    const struct config_circuit *config;
    uint16_t index;
    uint16_t heaters[CIRCUIT_HEATERS]; /* of the core */
    size_t heater_count;
    struct circuit share;
    struct reading metered_w;
    bool metered;      /* that is news                              */
    bool over, silent; /* told: too much is drawn; no meter's word  */

    struct publisher publisher;
};

struct core {
    const struct config *config;
    struct core_room *rooms;
    struct core_heater *heaters;
    struct core_circuit *circuits;   /* NULL: none */
    struct circuit_scratch *scratch; /* of all of them */
    hb_mono now, started;
    hb_wall wall;
    int64_t shift_ms; /* by which local time moved against UTC in this step */
    struct schedule_clock clock;
    struct reading outdoor_c;
    bool stopped;
};

/* core_room.c */
void room_init(struct core_room *room, const struct config_room *config, uint16_t index);
void room_take_temperature(struct core *core, struct core_room *room, double sample_c,
                           struct effects *effects);
void room_take_window(struct core *core, struct core_room *room, bool open,
                      struct effects *effects);
void room_take_demand(struct core *core, struct core_room *room, double demand);
void room_take_request(struct core *core, struct core_room *room,
                       const struct room_request *request, struct effects *effects);
/* Whether the window's contact still says something; one without a time limit always does. */
/* Limit of the room by hand and by configuration; at most POWER_LIMIT_NONE_W. */
double room_limit_w(const struct core_room *room);
bool room_window_known(const struct core *core, const struct core_room *room);
/* What another program asks for, in the unit of the configuration; NaN if nobody does any more. */
double room_demand(const struct core *core, const struct core_room *room);
/* Runs the control chain of a room and commands its heaters. */
void room_decide(struct core *core, struct core_room *room, struct effects *effects);

/* core_heater.c */
void heater_init(struct core_heater *heater, const struct config_heater *config, uint16_t index,
                 const struct heater_caps *caps);
void heater_take_state(struct core *core, struct core_heater *heater,
                       const struct heater_state *state, struct effects *effects);
void heater_take_outcome(struct core_heater *heater, const struct event *event);
/* A person releases what an interlock stopped; refused while its cause persists. */
void heater_take_acknowledge(struct core *core, struct core_heater *heater,
                             struct effects *effects);
/* What it can do is known better now: from the next decision on, that counts. */
void heater_take_abilities(struct core_heater *heater, const struct heater_caps *caps);
/* Asks the gate; keeps the answer in `allowed` and, when it is no, the cause in `reason`. */
void heater_check(struct core *core, struct core_heater *heater, struct effects *effects);
/* Commands a power, or renews the standing command before its lease ends; never to a heater that is
 * only observed. */
void heater_command(struct core *core, struct core_heater *heater, double power_w, enum reason why,
                    struct effects *effects);
/* Last command of a program that ends. */
void heater_stop(struct core *core, struct core_heater *heater, struct effects *effects);
/* Whether a reading of the heater's device still says something. */
double heater_reading(const struct core *core, const struct core_heater *heater,
                      const struct reading *reading);

/* core_circuit.c */
bool circuits_create(struct core *core); /* after the heaters; false when memory is short */
/* The circuit that the heater is on; NULL: none. */
struct core_circuit *circuit_of(struct core *core, const struct core_heater *heater);
/* Shares it anew: fills `allowed_w` of its heaters, from their `wish_w` and all that is known. */
void circuit_share(struct core *core, struct core_circuit *circuit);
/* Its meter speaks. */
void circuit_take_power(struct core *core, struct core_circuit *circuit, double power_w);
/* Shares it, and tells what is new. */
void circuit_settle(struct core *core, struct core_circuit *circuit, struct effects *effects);

/* core_show.c */
void room_publish(struct core *core, struct core_room *room, struct effects *effects);
void heater_publish(struct core *core, struct core_heater *heater, struct effects *effects);
void circuit_publish(struct core *core, struct core_circuit *circuit, struct effects *effects);

#endif
