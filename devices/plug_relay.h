/* What a relay before a heater may do: closed and opened seldom, opened without load where the
 * heater can be stopped softly, counted. Pure.
 *
 * Off has two phases where a soft stop exists: the heater is told to stop, and the relay opens once
 * the meter saw it, or when `soft_wait_ms` is over, but never before
 * `soft_least_ms` is. A relay that was opened rests before it is
 * closed again, and is closed at most so often within 24 hours; opening is never refused.
 */
#ifndef HB_DEVICES_PLUG_RELAY_H
#define HB_DEVICES_PLUG_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/limits.h"
#include "ground/reading.h"

enum { RELAY_CYCLES_DAY = 48 }; /* most that a limit can allow */

enum relay_contact { RELAY_UNKNOWN, RELAY_OPEN, RELAY_CLOSED };

/* What is to be done now; any of these together. */
enum relay_todo {
    RELAY_DO_SOFT_STOP = 1,
    RELAY_DO_SOFT_START = 2,
    RELAY_DO_OPEN = 4,
    RELAY_DO_CLOSE = 8,
    RELAY_REFUSE = 16,     /* closed often enough within a day: not now */
    RELAY_UNDER_LOAD = 32, /* opened although the heater did not stop: worth a warning */
};

struct relay_rules {
    bool soft_stop, soft_start;
    int64_t soft_wait_ms, rest_ms;
    int64_t soft_least_ms; /* what cooled the heater goes on cooling for so long after its stop */
    double safe_w;         /* at or below it nothing of weight is cut        */
    double running_w;      /* at or above it the heater has started           */
    int32_t cycles_day;
};

struct relay {
    struct relay_rules rules;
    enum relay_contact contact; /* as last read */
    struct reading power_w;     /* as last read; METERED only if it was sent just then */
    bool ordered, want_closed;
    bool close_waits; /* for the end of a rest, or of the day on which it was closed so often */
    bool refused;     /* the order in force was */
    unsigned told;    /* RELAY_DO_OPEN or RELAY_DO_CLOSE, last */
    hb_mono told_at;
    hb_mono soft_since;                  /* set: the heater was told to stop */
    hb_mono opened_at;                   /* as read; unset: not since the start */
    uint64_t cycles;                     /* closings seen, ever */
    hb_mono closed_at[RELAY_CYCLES_DAY]; /* the latest of them, in a ring; unset: none */
    size_t next;
    bool changed; /* since relay_print: worth remembering */
};

/* The relay was read. */
void relay_read(struct relay *relay, enum relay_contact contact, hb_mono now);
/* The heater is wanted on or off. The same again is an order to do it again, for what was done did
 * not help. A relay that was never read is left alone at first: order once more when it was, or
 * when it keeps silent. Returns what is to be done at once, of enum relay_todo. */
unsigned relay_order(struct relay *relay, bool closed, hb_mono now);
/* Time has passed or something was read. */
unsigned relay_step(struct relay *relay, hb_mono now);
/* Closings within the last 24 hours. */
unsigned relay_cycles_day(const struct relay *relay, hb_mono now);

/* Everything that must survive a restart as a line of text, and back; `wall` is the time of `now`.
 * False for a line that is none, with nothing changed. */
void relay_print(struct relay *relay, hb_mono now, hb_wall wall, char text[HEATER_MEMORY_MAX]);
HB_MUST_USE bool relay_parse(struct relay *relay, const char *text, hb_mono now, hb_wall wall);

#endif
