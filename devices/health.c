#include "devices/health.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Shares come at random: without one for as many hashes as this many shares take, chance is out
 * (one in two million), provided that enough were seen to know, and that a pool's change of
 * difficulty had the time to show. */
#define SHARES_MISSED  14.5
#define SHARES_TO_KNOW 8
#define SHARE_WEIGHT   0.125
static const int64_t share_patience_ms = 12 * 60000;
static const int64_t idle_patience_ms = 10 * 60000, dark_patience_ms = 5 * 60000;
static const int64_t pool_patience_ms = 3 * 60000, pool_restart_ms = 15 * 60000;
static const int64_t drift_patience_ms = 60000, obey_restart_ms = 5 * 60000;
/* A gap between two hash rates that is longer counts no hashes. */
static const int64_t gap_most_ms = 5 * 60000;

/* Notes since when something holds; how long that is, -1 if it does not hold. */
static int64_t held_ms(hb_mono *since, bool holds, hb_mono now)
{
    if (!holds) {
        *since = (hb_mono){0};
        return -1;
    }
    if (!mono_is_set(*since)) {
        *since = now;
    }
    return mono_age_ms(now, *since);
}

/* --- shares -----------------------------------------------------------------------------------*/

static bool should_hash(const struct health_input *in)
{
    const enum pool_link link = in->state->pool_link;
    return in->ordered_w > 0 && in->settled && link != POOL_LOST && link != POOL_CONNECTING;
}

static void wait_anew(struct health *h, hb_mono now)
{
    h->share_at = now;
    h->hashes = 0;
}

static void count_hashes(struct health *h, const struct reading *rate_hs)
{
    const struct reading last = h->last_hashrate_hs;
    h->last_hashrate_hs = *rate_hs;
    if (!mono_is_set(rate_hs->at) || !mono_is_set(last.at)) {
        return;
    }
    const int64_t elapsed_ms = mono_age_ms(rate_hs->at, last.at);
    if (elapsed_ms > 0 && elapsed_ms <= gap_most_ms) {
        h->hashes += fmin(rate_hs->value, last.value) * (double)elapsed_ms / 1000;
    }
}

static void take_shares(struct health *h, uint64_t more, hb_mono now)
{
    const double per_share = h->hashes / (double)more;
    if (h->disproved) {
        /* The gap of a flatline says nothing about shares. */
    } else if (h->shares_seen > 0 && per_share > 0) {
        h->per_share += SHARE_WEIGHT * (per_share - h->per_share);
    } else if (per_share > 0) {
        h->per_share = per_share;
    }
    /* The first is counted from no share at all, so only later ones tell a distance. */
    h->shares_seen += h->shares_seen < SHARES_TO_KNOW;
    h->disproved = false;
    wait_anew(h, now);
}

/* True while shares are missing that the claimed hashes should have made: once found, until one
 * comes. */
static bool shares_are_missing(struct health *h, const struct health_input *in)
{
    const struct heater_state *state = in->state;
    const bool restarted = state->shares_accepted < h->shares;
    const uint64_t more = restarted ? 0 : state->shares_accepted - h->shares;
    h->shares = state->shares_accepted;
    count_hashes(h, &state->hashrate_hs);
    if (more > 0 && mono_is_set(h->share_at) && !restarted) {
        take_shares(h, more, in->now);
    } else if (!should_hash(in) || !mono_is_set(h->share_at) || restarted) {
        wait_anew(h, in->now);
    }
    h->disproved |= h->shares_seen >= SHARES_TO_KNOW && h->hashes >= SHARES_MISSED * h->per_share &&
                    mono_age_ms(in->now, h->share_at) >= share_patience_ms;
    h->disproved = h->disproved && in->ordered_w > 0;
    return h->disproved;
}

/* --- watts --------------------------------------------------------------------------------------
 */

static bool draws_nothing(const struct health_input *in)
{
    const struct reading *power_w = &in->state->power_w;
    return mono_is_set(power_w->at) && power_w->from >= PROVENANCE_REPORTED &&
           power_w->value < in->standby_w + 0.1 * (in->ordered_w - in->standby_w);
}

static bool is_stalled(struct health *h, const struct health_input *in)
{
    const struct reading *rate_hs = &in->state->hashrate_hs;
    const bool known = mono_is_set(rate_hs->at);
    const bool claims = known && rate_hs->value > 0;
    h->hashed |= claims;
    const bool missing = shares_are_missing(h, in);
    const bool on = should_hash(in);
    const int64_t dark_ms = held_ms(&h->dark_since, on && claims && draws_nothing(in), in->now);
    const int64_t idle_ms = held_ms(&h->idle_since, on && h->hashed && known && !claims, in->now);
    return missing || dark_ms >= dark_patience_ms || idle_ms >= idle_patience_ms;
}

/* --- heat, pool, obedience
 * ---------------------------------------------------------------------*/

static bool is_hot(const struct health_input *in)
{
    const struct heater_state *state = in->state;
    const double too_hot_c = in->too_hot_c > 0 ? in->too_hot_c : HUGE_VAL;
    return state->health == HEATER_OVERHEATED ||
           (mono_is_set(state->chip_c.at) && state->chip_c.value >= too_hot_c) ||
           (mono_is_set(state->board_c.at) && state->board_c.value >= too_hot_c);
}

static bool same_name(const char *a, size_t len, const char *b)
{
    for (size_t i = 0; i < len; i++) {
        if (tolower((unsigned char)a[i]) != tolower((unsigned char)b[i])) {
            return false;
        }
    }
    return b[len] == '\0';
}

bool health_pool_is_listed(const char *list, const char *pool)
{
    const size_t separators = strspn(list, " ,");
    for (const char *word = list + separators; *word != '\0';) {
        const size_t len = strcspn(word, " ,");
        if (len <= strlen(pool) && same_name(word, len, pool)) {
            return true;
        }
        word += len;
        word += strspn(word, " ,");
    }
    return false;
}

/* Other words for the same pool: none of them known, or none expected. */
static bool pool_drifted(const struct health_input *in)
{
    const struct heater_state *state = in->state;
    const bool other_pool = in->expected_pool[0] != '\0' && state->pool[0] != '\0' &&
                            !health_pool_is_listed(in->expected_pool, state->pool);
    const bool other_user = in->expected_user[0] != '\0' && state->pool_user[0] != '\0' &&
                            strcmp(in->expected_user, state->pool_user) != 0;
    return other_pool || other_user;
}

/* --- the verdict ------------------------------------------------------------------------------ */

/* The worst first. All of them look, so that each keeps its own time. */
static enum heater_health find(struct health *h, const struct health_input *in)
{
    const hb_mono now = in->now;
    const bool stalled = is_stalled(h, in);
    const bool lost = in->state->pool_link == POOL_LOST;
    const int64_t lost_ms = held_ms(&h->pool_lost_since, lost, now);
    const int64_t drift_ms = held_ms(&h->drift_since, pool_drifted(in), now);
    if (is_hot(in)) {
        return HEATER_OVERHEATED;
    }
    if (in->disobeys) {
        return HEATER_NOT_OBEYING;
    }
    if (stalled) {
        return HEATER_STALLED;
    }
    if (lost_ms >= pool_patience_ms) {
        return HEATER_POOL_LOST;
    }
    if (drift_ms >= drift_patience_ms) {
        return HEATER_CONFIG_DRIFT;
    }
    return in->state->health;
}

/* A pool is never written, so a drift is a person's from the start. */
static bool could_help(const struct health *h, const struct health_input *in)
{
    const int64_t age_ms = mono_age_ms(in->now, h->since);
    const struct reading *chip_c = &in->state->chip_c;
    switch (h->found) {
    case HEATER_STALLED:
        return true;
    case HEATER_OVERHEATED: /* its own protection only; ours ends by itself */
        return in->can_restart && in->state->health == HEATER_OVERHEATED &&
               (mono_is_set(chip_c->at) ? chip_c->value < HEALTH_COOL_C : age_ms >= HEALTH_COOL_MS);
    case HEATER_NOT_OBEYING:
        return in->can_restart && age_ms >= obey_restart_ms;
    case HEATER_POOL_LOST:
        return in->can_restart && age_ms >= pool_restart_ms;
    case HEATER_CONFIG_DRIFT:
    case HEATER_WRONG_DEVICE:
    case HEATER_HEALTHY:
    case HEATER_HEALTH_COUNT:
        break;
    }
    return false;
}

void health_tried(struct health *h, enum heater_health kind, hb_mono now)
{
    h->tried[kind] = now;
}

bool health_look(struct health *h, const struct health_input *in)
{
    const enum heater_health found = find(h, in);
    if (found != h->found) {
        h->found = found;
        h->since = found == HEATER_HEALTHY ? (hb_mono){0} : in->now;
    }
    const hb_mono tried = h->tried[found];
    if (found == HEATER_HEALTHY || !could_help(h, in) ||
        (mono_is_set(tried) && mono_age_ms(in->now, tried) < HEALTH_AGAIN_MS)) {
        return false;
    }
    health_tried(h, found, in->now);
    return true;
}

void health_describe(const struct health *h, char *text, size_t size)
{
    static const char *const sentences[HEATER_HEALTH_COUNT] = {
        [HEATER_HEALTHY] = "",
        [HEATER_STALLED] = "it says that it works, but its shares or its power do not",
        [HEATER_OVERHEATED] = "it is too hot and protects itself",
        [HEATER_NOT_OBEYING] = "it does not do what it was told",
        [HEATER_POOL_LOST] = "its pool does not answer",
        [HEATER_CONFIG_DRIFT] =
            "its pool or user there was changed by another hand; see expected_pool",
        [HEATER_WRONG_DEVICE] = "another device answers at its address"};
    const bool tried = mono_is_set(h->tried[h->found]);
    (void)snprintf(text, size, "%s%s", sentences[h->found],
                   h->found != HEATER_HEALTHY && tried
                       ? "; one attempt to recover was made, have a look at it"
                       : "");
}
