/* What LuxOS says and is told on TCP port 4028, as structs. Pure.
 *
 * Known from recorded answers of an Antminer S19k Pro with LUXminer 2025.4.8 and from Luxor's own
 * table of commands (luxos-tooling).
 */
#ifndef HB_DEVICES_LUXOS_CODEC_H
#define HB_DEVICES_LUXOS_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#include "devices/reply.h"

enum { LUXOS_PROFILES = 48, LUXOS_NAME = 32, LUXOS_SESSION = 64, LUXOS_REQUEST = 256 };

/* Another client is logged on; its session is not ours to end. */
#define LUXOS_SESSION_TAKEN 402

struct luxos_profile {
    char name[LUXOS_NAME];
    double power_w;
    bool is_default; /* step 0: what the maker built it for */
};

struct luxos_profiles {
    struct luxos_profile list[LUXOS_PROFILES];
    size_t count;
};

/* The settings that matter here. */
struct luxos_settings {
    int asleep;               /* 1, 0, -1 for unknown            */
    int atm;                  /* automatic tuning and thermal management is enabled */
    char profile[LUXOS_NAME]; /* "" for unknown */
};

/* How a command went. */
struct luxos_verdict {
    bool ok;
    double code; /* NaN: none */
    char message[NAME_MAX_B];
};

/* {"command":"...","parameter":"..."}; without a parameter if it is NULL. False, with `text` "", if
 * it does not fit. */
bool luxos_request(char *text, size_t size, const char *command, const char *parameter);

struct luxos_verdict luxos_verdict(const struct json *answer, struct reply_faults *faults);
/* False, with `session` "", if there is none in the answer. */
bool luxos_session(const struct json *answer, char session[LUXOS_SESSION],
                   struct reply_faults *faults);

/* Each takes one answer into the state; a field that is not there stays unknown. */
void luxos_config(const struct json *answer, struct heater_state *state,
                  struct luxos_settings *settings, struct reply_faults *faults);
void luxos_power(const struct json *answer, struct heater_state *state,
                 struct reply_faults *faults);
void luxos_summary(const struct json *answer, struct heater_state *state,
                   struct reply_faults *faults);
void luxos_temps(const struct json *answer, struct heater_state *state,
                 struct reply_faults *faults);
void luxos_fans(const struct json *answer, struct heater_state *state, struct reply_faults *faults);
void luxos_pools(const struct json *answer, struct heater_state *state,
                 struct reply_faults *faults);
void luxos_profiles(const struct json *answer, struct luxos_profiles *profiles,
                    struct reply_faults *faults);

/* NULL if there is none of that name. */
const struct luxos_profile *luxos_profile_named(const struct luxos_profiles *profiles,
                                                const char *name);
/* The one nearest to that power; NULL if there are none. */
const struct luxos_profile *luxos_profile_for(const struct luxos_profiles *profiles,
                                              double power_w);
/* Power of the profile that the maker built it for, else of the largest; NaN if there are none. */
double luxos_default_w(const struct luxos_profiles *profiles);

#endif
