#include "bridge/control/safety.h"

#include <math.h>

static const double room_hysteresis_k = 1, heater_hysteresis_k = 5;
static const int64_t first_answer_ms =
    30000; /* until a heater that says nothing is called silent */

bool safety_room_allows(struct safety_room *safety, const struct safety_room_input *in,
                        enum reason *why)
{
    double room_c;
    if (!reading_get(&in->room_c, in->now, in->stale_after_ms, &room_c)) {
        if (in->doubting) {
            *why = REASON_ROOM_IMPLAUSIBLE;
        } else if (mono_is_set(in->room_c.at)) {
            *why = REASON_ROOM_STALE;
        } else if (mono_age_ms(in->now, in->started) < in->stale_after_ms) {
            *why = REASON_STARTING;
        } else {
            *why = REASON_ROOM_NEVER_SEEN;
        }
        return false;
    }
    /* Written so that a limit that is not a number forbids. */
    safety->hot = !(room_c < (safety->hot ? in->too_hot_c - room_hysteresis_k : in->too_hot_c));
    *why = REASON_ROOM_TOO_HOT;
    return !safety->hot;
}

/* Hottest of the temperatures of chip and board that are fresh; NaN if neither is known. */
static double hottest_c(const struct safety_heater_input *in)
{
    return fmax(reading_or_nan(&in->state->chip_c, in->now, in->stale_after_ms),
                reading_or_nan(&in->state->board_c, in->now, in->stale_after_ms));
}

static bool device_allows(struct safety_heater *safety, const struct safety_heater_input *in,
                          enum reason *why)
{
    const struct heater_state *state = in->state;
    const bool answered = state->link == HEATER_LINK_OK && mono_is_set(state->at);
    if (!answered || mono_age_ms(in->now, state->at) > in->stale_after_ms) {
        const bool early = state->link == HEATER_LINK_UNKNOWN &&
                           mono_age_ms(in->now, in->started) < first_answer_ms;
        *why = early ? REASON_STARTING : REASON_HEATER_UNREACHABLE;
        return false;
    }
    const double hot_c = hottest_c(in);
    if (isnan(hot_c)) {
        /* A device without sensors cannot be judged; one that tripped stays off until it speaks. */
        *why = REASON_HEATER_TOO_HOT;
        return !safety->hot;
    }
    safety->hot = !(hot_c < (safety->hot ? in->too_hot_c - heater_hysteresis_k : in->too_hot_c));
    *why = REASON_HEATER_TOO_HOT;
    return !safety->hot;
}

bool safety_heater_allows(struct safety_heater *safety, const struct safety_heater_input *in,
                          enum reason *why)
{
    /* Asked in any case: what it remembers of the heat must not rest. */
    const bool allows = device_allows(safety, in, why);
    if (in->interlocked) {
        *why = REASON_INTERLOCK;
    }
    return allows && !in->interlocked;
}

double safety_gate_w(const struct heater_caps *caps, double limit_w, double asked_w)
{
    /* Each comparison is false for NaN, which leads to 0 W. */
    if (!(caps->min_w > 0) || !(caps->max_w >= caps->min_w) || !(caps->max_w < INFINITY) ||
        !(limit_w >= caps->min_w) || !(asked_w >= caps->min_w)) {
        return 0;
    }
    return fmin(fmin(asked_w, caps->max_w), limit_w);
}
