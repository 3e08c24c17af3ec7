/* Interlocks of a heater: values of other devices (a pump's flow, a boiler's outlet) that must stay
 * within limits, or the heater is stopped until a person says that it may go on. Pure.
 *
 * A value outside its limits for its hold trips; so does silence, where a time for it is given. A
 * value that the broker had kept counts as a value, but not as a sign of life: nobody knows how old
 * it is.
 */
#ifndef HB_BRIDGE_CONTROL_INTERLOCK_H
#define HB_BRIDGE_CONTROL_INTERLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/config.h"
#include "bridge/limits.h"
#include "ground/attr.h"
#include "ground/err.h"
#include "ground/time.h"

/* A value further from zero than this is nobody's measurement. */
#define INTERLOCK_VALUE_MOST 1e6

/* What was heard of one of them. */
struct interlock {
    double value;      /* last one heard, if any */
    hb_mono heard;     /* last sign of life; unset: none yet */
    hb_mono out_since; /* the value has been outside its limits since; unset: it is within */
};

struct interlocks {
    const struct config_interlock *rules; /* borrowed */
    size_t count;
    struct interlock each[HEATER_INTERLOCKS];
    bool tripped;       /* latched until acknowledged */
    char why[TEXT_MAX]; /* what tripped; "" if nothing did */
};

/* `rules` are borrowed. */
void interlocks_init(struct interlocks *locks, const struct config_interlock *rules, size_t count);
/* An earlier run was told `why` and nobody has acknowledged it; "": nothing tripped. Without rules
 * there is nothing that could be acknowledged, and it is dropped. */
void interlocks_restore(struct interlocks *locks, const char *why);

/* A value of one of them arrives; one that is none, or for no rule, counts as no message. `kept`:
 * the broker had it. */
void interlocks_take(struct interlocks *locks, size_t which, double value, bool kept, hb_mono now);

/* Time has passed. True if one has tripped just now; `started` is when listening began. */
bool interlocks_check(struct interlocks *locks, hb_mono started, hb_mono now);

/* A person releases the heater. False with one sentence while a cause persists, held or not, and if
 * nothing has tripped. */
HB_MUST_USE bool interlocks_acknowledge(struct interlocks *locks, hb_mono started, hb_mono now,
                                        struct hb_err *err);

#endif
