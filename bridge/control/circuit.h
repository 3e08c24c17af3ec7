/* Shares what a fuse allows among the heaters on it. Pure.
 *
 * It knows of each heater the most that it could be drawing now: what it was told last, what it was
 * told before until it is known to have followed, what it says or a meter says. One that does not
 * answer could draw all that it can. Their sum stays within the limit at every instant, as far as
 * the heaters do what they are told: who is to be lowered is lowered at once, and one heater at a
 * time is raised, into what is free by then.
 *
 * If not everything fits, watts count most, then that a little for each room is better than much
 * for a few, and that a room which lacks more warmth gets more; levels are not changed for small
 * gains, nor soon after a change. It can only lower power: its answer is never above what it was
 * asked for.
 */
#ifndef HB_BRIDGE_CONTROL_CIRCUIT_H
#define HB_BRIDGE_CONTROL_CIRCUIT_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/control/circuit_plan.h"
#include "bridge/heater.h"
#include "bridge/limits.h"
#include "ground/reading.h"
#include "ground/time.h"

/* What is known of a heater and asked for it, and what it may be told. */
struct circuit_heater {
    const struct heater_caps *caps;
    bool commandable;       /* false: it takes no commands, its power is what it is */
    bool reached;           /* it answers, and what it said last is still true      */
    bool restarted;         /* since it was last seen to do what its orders say                */
    bool off_by_meter;      /* it does not answer, but a meter of its own says that it is off */
    double commanded_w;     /* by its standing order; 0, or no number: off                */
    bool confirmed;         /* it was seen to do what that says, since it answers         */
    hb_mono written;        /* last change of `commanded_w`; unset: never                 */
    hb_mono switched;       /* last change between on and off; unset: never               */
    hb_mono stated;         /* when it said how it is set                                 */
    double applied_w;       /* what it says that it is set to; NaN if it does not say     */
    struct reading power_w; /* what it draws, unset if that is not known or too old      */
    double wish_w;          /* asked for it; what is not a number counts as 0             */
    double lack_k;          /* by which its room is too cold; NaN: not known              */

    double possible_w; /* out: the most that it could be drawing                         */
    double allowed_w;  /* out: what it may be told now, 0 to wish_w                      */
};

/* What is remembered of a heater. */
struct circuit_memory {
    double commanded_w;   /* at the last call                                                  */
    double held_w;        /* the most that it was told and may still do; infinite: nobody knows */
    bool rose;            /* its last change was to more                                       */
    hb_mono rising_until; /* an order to draw more was under way until then, at most          */
    double factor;        /* what it draws per watt that it was told, 1 or more                 */
    hb_mono learnt;       /* time of the reading that this was learnt from last                 */
};

struct circuit {
    double limit_w;
    struct circuit_memory heater[CIRCUIT_HEATERS];
    size_t count;
    size_t raised; /* which heater was raised last, `raised_at`; unset: none yet  */
    hb_mono raised_at;
    hb_mono at; /* of the last call; unset: none                               */

    double possible_w; /* by all heaters together                                      */
    double drawn_w;    /* by all whose power is known                                  */
    hb_mono fell_at;   /* when `possible_w` fell last in more than a trifle            */
    double reserve_w;  /* part of the limit that other things on the circuit use       */
    double metered_w;  /* by the circuit's own meter; NaN: none, or it is silent       */
    bool unjudged;     /* the meter said too much, but so early that it may say else     */
    bool over;         /* more than the limit is drawn                                 */

    /* The last plan, and what it was made for. */
    struct circuit_choice choice[CIRCUIT_HEATERS];
    double budget_w; /* NaN: none yet */
    double target_w[CIRCUIT_HEATERS];
};

/* `limit_w` in watts; what is not a positive number allows nothing. `count` heaters, at most
 * CIRCUIT_HEATERS; nothing is known of them. */
void circuit_init(struct circuit *circuit, double limit_w, size_t count);

/* The circuit's own meter, as of now: NaN if it has none, or it is silent. `news` is true once for
 * each of its messages. Before circuit_decide. */
void circuit_meter(struct circuit *circuit, double metered_w, bool news, hb_mono now);

/* Fills the outs of the circuit's heaters, always the same ones in the same order. Every command
 * that raises one of them must be preceded by a call, with nothing changed in between. */
void circuit_decide(struct circuit *circuit, struct circuit_scratch *scratch,
                    struct circuit_heater *heaters, hb_mono now);

#endif
