#include "bridge/control/interlock.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/text.h"

void interlocks_init(struct interlocks *locks, const struct config_interlock *rules, size_t count)
{
    *locks = (struct interlocks){.rules = rules,
                                 .count = count < HEATER_INTERLOCKS ? count : HEATER_INTERLOCKS};
}

void interlocks_restore(struct interlocks *locks, const char *why)
{
    locks->tripped = locks->count > 0 && why[0] != '\0';
    text_copy_printable(locks->why, sizeof locks->why, why, locks->tripped ? strlen(why) : 0);
}

static bool is_within(const struct config_interlock *rule, double value)
{
    return (isnan(rule->min) || value >= rule->min) && (isnan(rule->max) || value <= rule->max);
}

void interlocks_take(struct interlocks *locks, size_t which, double value, bool kept, hb_mono now)
{
    if (which >= locks->count || !(fabs(value) <= INTERLOCK_VALUE_MOST)) {
        return;
    }
    struct interlock *lock = &locks->each[which];
    if (is_within(&locks->rules[which], value)) {
        lock->out_since = (hb_mono){0};
    } else if (!mono_is_set(lock->out_since)) {
        lock->out_since = now;
    }
    lock->value = value;
    lock->heard = kept ? lock->heard : now;
}

/* Since when it has been silent for too long; unset: it has not. */
static hb_mono silent_since(const struct config_interlock *rule, const struct interlock *lock,
                            hb_mono started, hb_mono now)
{
    const hb_mono heard = mono_is_set(lock->heard) ? lock->heard : started;
    const int64_t stale_ms = rule->source.stale_after_ms;
    const bool silent = stale_ms > 0 && mono_age_ms(now, heard) >= stale_ms;
    return silent ? mono_add_ms(heard, stale_ms) : (hb_mono){0};
}

/* Says what is wrong with it, in words without a full stop. */
static void explain(const struct config_interlock *rule, const struct interlock *lock,
                    char why[TEXT_MAX])
{
    if (!mono_is_set(lock->out_since)) {
        (void)snprintf(why, TEXT_MAX, "%s: no message for %" PRId64 " s", rule->id,
                       rule->source.stale_after_ms / 1000);
    } else if (!isnan(rule->min) && lock->value < rule->min) {
        (void)snprintf(why, TEXT_MAX, "%s: %g, expected at least %g", rule->id, lock->value,
                       rule->min);
    } else {
        (void)snprintf(why, TEXT_MAX, "%s: %g, expected at most %g", rule->id, lock->value,
                       rule->max);
    }
}

/* Since when the cause of one persists; unset: it does not. */
static hb_mono cause_since(const struct interlocks *locks, size_t which, hb_mono started,
                           hb_mono now)
{
    const struct interlock *lock = &locks->each[which];
    return mono_earlier(lock->out_since, silent_since(&locks->rules[which], lock, started, now));
}

bool interlocks_check(struct interlocks *locks, hb_mono started, hb_mono now)
{
    for (size_t i = 0; i < locks->count && !locks->tripped; i++) {
        const hb_mono since = cause_since(locks, i, started, now);
        if (mono_is_set(since) && mono_age_ms(now, since) >= locks->rules[i].hold_ms) {
            locks->tripped = true;
            explain(&locks->rules[i], &locks->each[i], locks->why);
            return true;
        }
    }
    return false;
}

bool interlocks_acknowledge(struct interlocks *locks, hb_mono started, hb_mono now,
                            struct hb_err *err)
{
    if (!locks->tripped) {
        return hb_fail(err, HB_ERR_STATE, "no interlock has tripped; nothing was done");
    }
    for (size_t i = 0; i < locks->count; i++) {
        const struct config_interlock *rule = &locks->rules[i];
        const struct interlock *lock = &locks->each[i];
        if (mono_is_set(cause_since(locks, i, started, now))) {
            char why[TEXT_MAX];
            explain(rule, lock, why);
            return hb_fail(err, HB_ERR_STATE, "the heater stays off, for the cause persists: %s",
                           why);
        }
        /* After a restart nobody knows yet what it would say. */
        if (rule->source.stale_after_ms > 0 && !mono_is_set(lock->heard)) {
            return hb_fail(err, HB_ERR_STATE,
                           "the heater stays off until something is heard of its interlock %s",
                           rule->id);
        }
    }
    locks->tripped = false;
    locks->why[0] = '\0';
    return true;
}
