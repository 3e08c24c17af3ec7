#include "mqtt/announcer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt/birth.h"
#include "mqtt/discovery.h"

struct announcer {
    const struct config *config;
    const struct heater_caps *caps;
    const struct heater_about *about;
    struct birth birth;
    struct discovery_seen seen;
    struct discovery_plan plan;
    size_t at;           /* next step of the plan; == plan.count: the round is over              */
    bool states_wanted;  /* the states follow this round's documents                              */
    bool states_due;     /* even if the next round has no documents                               */
    bool sent_documents; /* since the last pause                                                 */
    hb_mono pause_until; /* between two phases                                                   */
    struct announcement current;
};

static void drop_round(struct announcer *announcer)
{
    discovery_plan_free(&announcer->plan);
    announcer->at = 0;
    announcer->states_wanted = false;
    announcer->sent_documents = false;
    announcer->pause_until = (hb_mono){0};
}

struct announcer *announcer_create(const struct config *config, const struct heater_caps *caps,
                                   const struct heater_about *about, uint64_t seed)
{
    struct announcer *announcer = calloc(1, sizeof *announcer);
    if (announcer == NULL) {
        (void)fputs("out of memory\n", stderr);
        abort();
    }
    announcer->config = config;
    announcer->caps = caps;
    announcer->about = about;
    birth_init(&announcer->birth, seed);
    return announcer;
}

void announcer_destroy(struct announcer *announcer)
{
    if (announcer != NULL) {
        drop_round(announcer);
        discovery_seen_clear(&announcer->seen);
        free(announcer);
    }
}

void announcer_connected(struct announcer *announcer, hb_mono now)
{
    drop_round(announcer);
    /* The broker may have lost what it held; what it holds it will tell. */
    discovery_seen_clear(&announcer->seen);
    announcer->states_due = true;
    birth_connected(&announcer->birth, now);
}

void announcer_lost(struct announcer *announcer)
{
    drop_round(announcer);
    birth_lost(&announcer->birth);
}

void announcer_retained(struct announcer *announcer, const char *topic, const void *payload,
                        size_t len)
{
    discovery_seen_note(&announcer->seen, announcer->config, topic, payload, len);
}

void announcer_ha_status(struct announcer *announcer, const void *payload, size_t len,
                         bool retained, hb_mono now)
{
    static const char online[] = "online";
    if (!retained && len == sizeof online - 1 && memcmp(payload, online, len) == 0) {
        birth_ha_online(&announcer->birth, now);
    }
}

void announcer_reconfigure(struct announcer *announcer, const struct config *config,
                           const struct heater_caps *caps, const struct heater_about *about,
                           hb_mono now)
{
    drop_round(announcer);
    announcer->config = config;
    announcer->caps = caps;
    announcer->about = about;
    birth_reconfigured(&announcer->birth, now);
}

/* --- one round ----------------------------------------------------------------------------------
 */

static bool round_is_over(const struct announcer *announcer)
{
    return announcer->at == announcer->plan.count && !announcer->states_wanted;
}

/* Drops from the plan what the broker already holds. After a farewell or a migration marker Home
 * Assistant must see every document again, whether it was there before or not. */
static void keep_changes(struct discovery_plan *plan)
{
    size_t kept = 0;
    bool prepares = false;
    for (size_t i = 0; i < plan->count; i++) {
        struct discovery_step *step = &plan->step[i];
        prepares = prepares || step->phase == DISCOVERY_PREPARE;
        if (prepares || !step->unchanged) {
            plan->step[kept++] = *step;
        } else {
            free(step->topic);
            free(step->payload);
        }
    }
    plan->count = kept;
}

static bool has_documents(const struct discovery_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->step[i].phase == DISCOVERY_CONFIG) {
            return true;
        }
    }
    return false;
}

static void begin_round(struct announcer *announcer, bool full)
{
    struct discovery_plan *plan = &announcer->plan;
    drop_round(announcer);
    discovery_plan_make(plan, announcer->config, announcer->caps, announcer->about,
                        &announcer->seen);
    if (!full) {
        keep_changes(plan);
    }
    announcer->states_wanted = full || announcer->states_due || has_documents(plan);
    announcer->states_due = false;
}

/* True while the round has to wait between two phases. Sets the pause when it begins. */
static bool must_pause(struct announcer *announcer, hb_mono now)
{
    const struct discovery_plan *plan = &announcer->plan;
    const bool next_phase = announcer->at > 0 && announcer->at < plan->count &&
                            plan->step[announcer->at].phase != plan->step[announcer->at - 1].phase;
    if (next_phase && announcer->sent_documents) {
        announcer->sent_documents = false;
        announcer->pause_until = mono_add_ms(now, BIRTH_SPACING_MS);
    }
    return announcer->pause_until.ms > now.ms;
}

/* States follow the last document and come before anything is removed. */
static bool states_are_next(const struct announcer *announcer)
{
    const struct discovery_plan *plan = &announcer->plan;
    return announcer->states_wanted &&
           (announcer->at == plan->count || plan->step[announcer->at].phase >= DISCOVERY_REMOVE);
}

const struct announcement *announcer_peek(struct announcer *announcer, hb_mono now)
{
    if (round_is_over(announcer)) {
        const enum birth_round round = birth_take(&announcer->birth, now);
        if (round == BIRTH_ROUND_NONE) {
            return NULL;
        }
        begin_round(announcer, round == BIRTH_ROUND_FULL);
        if (round_is_over(announcer)) {
            return NULL;
        }
    }
    if (states_are_next(announcer)) {
        announcer->current = (struct announcement){.kind = ANNOUNCE_STATES};
        return &announcer->current;
    }
    if (must_pause(announcer, now)) {
        return NULL;
    }
    const struct discovery_step *step = &announcer->plan.step[announcer->at];
    announcer->current = (struct announcement){ANNOUNCE_MESSAGE, step->topic, step->payload};
    return &announcer->current;
}

void announcer_done(struct announcer *announcer, hb_mono now)
{
    if (announcer->current.kind == ANNOUNCE_STATES) {
        announcer->states_wanted = false;
    } else {
        const struct discovery_step *step = &announcer->plan.step[announcer->at++];
        discovery_seen_note(&announcer->seen, announcer->config, step->topic, step->payload,
                            strlen(step->payload));
        announcer->sent_documents = true;
        birth_sent(&announcer->birth, now);
    }
    if (round_is_over(announcer)) {
        drop_round(announcer);
    }
}

hb_mono announcer_wake(const struct announcer *announcer)
{
    if (!round_is_over(announcer)) {
        return mono_is_set(announcer->pause_until) ? announcer->pause_until : (hb_mono){1};
    }
    return birth_wake(&announcer->birth);
}
