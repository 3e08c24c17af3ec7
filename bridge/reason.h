/* Why a room's heat is what it is: one value per decision, published so that "why?" has an answer.
 */
#ifndef HB_BRIDGE_REASON_H
#define HB_BRIDGE_REASON_H

/* X(constant suffix, published word, sentence for people) */
#define REASON_TABLE(X)                                                                            \
    X(STARTING, "starting", "waiting for the first room temperature")                              \
    X(OFF, "off", "switched off")                                                                  \
    X(SATISFIED, "satisfied", "the room is warm enough")                                           \
    X(HEATING, "heating", "the room is below its target")                                          \
    X(HOLDING, "holding", "keeping the room at its target")                                        \
    X(SCHEDULE, "schedule", "the schedule asks for heat")                                          \
    X(OVERRIDE, "override", "a manual target is in force")                                         \
    X(DEMAND, "demand", "another program asks for this power")                                     \
    X(WINDOW_OPEN, "window_open", "the window is open")                                            \
    X(FROST, "frost", "protecting the room from frost")                                            \
    X(POWER_LIMIT, "power_limit", "held back by the power limit")                                  \
    X(CIRCUIT, "circuit", "held back by the limit of its circuit")                                 \
    X(MIN_ON, "min_on", "the heater stays on for its minimum time")                                \
    X(MIN_OFF, "min_off", "the heater stays off for its minimum time")                             \
    X(OBSERVED, "observed", "the heater is only watched, it takes no commands")                    \
    X(ROOM_STALE, "room_stale", "the room temperature is too old")                                 \
    X(ROOM_NEVER_SEEN, "room_never_seen", "no room temperature was ever received")                 \
    X(ROOM_IMPLAUSIBLE, "room_implausible", "the room temperature jumps and is not believed")      \
    X(ROOM_TOO_HOT, "room_too_hot", "the room is above its safety limit")                          \
    X(HEATER_UNREACHABLE, "heater_unreachable", "the heater does not answer")                      \
    X(HEATER_TOO_HOT, "heater_too_hot", "the heater is above its temperature limit")               \
    X(INTERLOCK, "interlock", "an interlock of the heater has tripped and is not acknowledged")    \
    X(NOT_OBEYING, "not_obeying", "the heater does not do what it was told")                       \
    X(NO_POOL, "no_pool", "no mining pool answers")                                                \
    X(LEASE_EXPIRED, "lease_expired", "no fresh decision, so the heater fell back")                \
    X(STOPPING, "stopping", "heatbridge is shutting down")

enum reason {
#define REASON_ENUM(suffix, word, sentence) REASON_##suffix,
    REASON_TABLE(REASON_ENUM)
#undef REASON_ENUM
        REASON_COUNT
};

/* The word on the wire ("window_open"); "unknown" for a value out of range. */
const char *reason_word(enum reason reason);
/* The sentence for people. */
const char *reason_sentence(enum reason reason);

#endif
