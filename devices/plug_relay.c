#include "devices/plug_relay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t day_ms = 86400000, minute_ms = 60000;
/* An order that was not read back is on its way for so long: before it is given once more, and
 * before its contrary takes the contact for what was read last. */
static const int64_t repeat_ms = 3000, on_its_way_ms = 10000;

/* --- counting -----------------------------------------------------------------------------------
 */

static bool is_within_day(hb_mono at, hb_mono now)
{
    return mono_is_set(at) && mono_age_ms(now, at) < day_ms;
}

unsigned relay_cycles_day(const struct relay *relay, hb_mono now)
{
    unsigned count = 0;
    for (size_t i = 0; i < RELAY_CYCLES_DAY; i++) {
        count += is_within_day(relay->closed_at[i], now);
    }
    return count;
}

static void note_closing(struct relay *relay, hb_mono at)
{
    relay->closed_at[relay->next] = at;
    relay->next = (relay->next + 1) % RELAY_CYCLES_DAY;
}

void relay_read(struct relay *relay, enum relay_contact contact, hb_mono now)
{
    if (contact == RELAY_CLOSED && relay->contact == RELAY_OPEN) {
        relay->cycles++;
        relay->changed = true;
        note_closing(relay, now);
    }
    if (contact == RELAY_OPEN && relay->contact == RELAY_CLOSED && !relay->want_closed) {
        relay->opened_at = now; /* not after a power cut, from which it is brought back at once */
        relay->changed = true;
    }
    if (contact == RELAY_OPEN) {
        relay->soft_since = (hb_mono){0};
    }
    if (relay->told == (contact == RELAY_CLOSED ? RELAY_DO_CLOSE : RELAY_DO_OPEN)) {
        relay->told = 0; /* it arrived */
    }
    relay->contact = contact;
}

static bool is_on_its_way(const struct relay *relay, enum relay_todo order, hb_mono now)
{
    return relay->told == (unsigned)order && mono_age_ms(now, relay->told_at) < on_its_way_ms;
}

/* --- deciding -----------------------------------------------------------------------------------
 */

/* The meter's word since `since`: what it said before says nothing about a stop that began then. */
static bool is_idle(const struct relay *relay, hb_mono since)
{
    const struct reading *power_w = &relay->power_w;
    return power_w->from == PROVENANCE_METERED && power_w->at.ms >= since.ms &&
           power_w->value <= relay->rules.safe_w;
}

static unsigned close_it(struct relay *relay, hb_mono now)
{
    relay->close_waits =
        mono_is_set(relay->opened_at) && mono_age_ms(now, relay->opened_at) < relay->rules.rest_ms;
    if (relay->close_waits) {
        return 0;
    }
    if (relay_cycles_day(relay, now) >= (unsigned)relay->rules.cycles_day) {
        const bool was_refused = relay->refused;
        relay->close_waits = relay->refused = true; /* the order stands until it is withdrawn */
        return was_refused ? 0 : RELAY_REFUSE;
    }
    return RELAY_DO_CLOSE;
}

static unsigned order_on(struct relay *relay, hb_mono now)
{
    const bool was_stopping = mono_is_set(relay->soft_since);
    relay->soft_since = (hb_mono){0};
    if (relay->contact != RELAY_CLOSED || is_on_its_way(relay, RELAY_DO_OPEN, now)) {
        return close_it(relay, now);
    }
    const bool runs = !was_stopping && mono_is_set(relay->power_w.at) &&
                      relay->power_w.value >= relay->rules.running_w;
    return relay->rules.soft_start && !runs ? RELAY_DO_SOFT_START : 0;
}

/* A second after the last message of the meter, the order finds an idle heater idle still. */
static bool was_idle_lately(const struct relay *relay, hb_mono now)
{
    return is_idle(relay, mono_add_ms(now, -minute_ms));
}

/* The second phase of off, once it is due. */
static unsigned end_stop(struct relay *relay, hb_mono now)
{
    if (!mono_is_set(relay->soft_since) ||
        mono_age_ms(now, relay->soft_since) < relay->rules.soft_least_ms) {
        return 0;
    }
    if (is_idle(relay, mono_add_ms(relay->soft_since, 1))) {
        relay->soft_since = (hb_mono){0};
        return RELAY_DO_OPEN;
    }
    if (mono_age_ms(now, relay->soft_since) >= relay->rules.soft_wait_ms) {
        relay->soft_since = (hb_mono){0};
        return RELAY_DO_OPEN | RELAY_UNDER_LOAD;
    }
    return 0;
}

static unsigned order_off(struct relay *relay, hb_mono now)
{
    relay->close_waits = false;
    if (relay->contact == RELAY_OPEN) {
        return is_on_its_way(relay, RELAY_DO_CLOSE, now) ? RELAY_DO_OPEN : 0;
    }
    if (mono_is_set(relay->soft_since)) {
        return RELAY_DO_SOFT_STOP | end_stop(relay, now);
    }
    /* One that seems idle may have been hot a moment ago. */
    const bool cold = relay->rules.soft_least_ms <= 0 && was_idle_lately(relay, now);
    if (!relay->rules.soft_stop || cold) {
        return RELAY_DO_OPEN;
    }
    relay->soft_since = now;
    return RELAY_DO_SOFT_STOP;
}

/* Leaves out an order to the contact that is on its way already. */
static unsigned once(struct relay *relay, unsigned todo, hb_mono now)
{
    const unsigned contact = todo & (RELAY_DO_OPEN | RELAY_DO_CLOSE);
    if (contact == 0) {
        return todo;
    }
    if (contact == relay->told && mono_age_ms(now, relay->told_at) < repeat_ms) {
        return todo & ~contact;
    }
    relay->told = contact;
    relay->told_at = now;
    return todo;
}

unsigned relay_order(struct relay *relay, bool closed, hb_mono now)
{
    const bool again = relay->ordered && relay->want_closed == closed;
    relay->ordered = true;
    relay->want_closed = closed;
    relay->refused = false;
    if (relay->contact == RELAY_UNKNOWN && !again) {
        return 0; /* it is asked first; one that never answers is told with the second order */
    }
    return once(relay, closed ? order_on(relay, now) : order_off(relay, now), now);
}

unsigned relay_step(struct relay *relay, hb_mono now)
{
    const bool waits = relay->close_waits && relay->want_closed;
    if (waits && relay->contact != RELAY_CLOSED) {
        return once(relay, close_it(relay, now), now);
    }
    return once(relay, end_stop(relay, now), now);
}

/* --- memory -------------------------------------------------------------------------------------
 */

/* "<cycles> <wall ms> <minutes since opened, -1: never> <minutes since each closing of the day...>"
 */
void relay_print(struct relay *relay, hb_mono now, hb_wall wall, char text[HEATER_MEMORY_MAX])
{
    const int64_t opened = is_within_day(relay->opened_at, now) /* no rest is longer */
                               ? mono_age_ms(now, relay->opened_at) / minute_ms
                               : -1;
    int used = snprintf(text, HEATER_MEMORY_MAX, "%" PRIu64 " %" PRId64 " %" PRId64, relay->cycles,
                        wall.ms, opened);
    for (size_t i = 0; i < RELAY_CYCLES_DAY; i++) {
        const hb_mono at = relay->closed_at[(relay->next + i) % RELAY_CYCLES_DAY];
        if (is_within_day(at, now) && used + 8 < HEATER_MEMORY_MAX) {
            used += snprintf(text + used, HEATER_MEMORY_MAX - (size_t)used, " %d",
                             (int)(mono_age_ms(now, at) / minute_ms));
        }
    }
    relay->changed = false;
}

static bool next_number(const char **text, int64_t min, int64_t max, int64_t *number)
{
    char *rest = NULL;
    errno = 0;
    *number = strtoll(*text, &rest, 10);
    const bool good = rest != *text && errno == 0 && *number >= min && *number <= max &&
                      (*rest == ' ' || *rest == '\0');
    *text = rest;
    return good;
}

bool relay_parse(struct relay *relay, const char *text, hb_mono now, hb_wall wall)
{
    int64_t cycles = 0;
    int64_t wall_ms = 0;
    int64_t opened = 0;
    struct relay read = *relay;
    if (!next_number(&text, 0, INT64_MAX, &cycles) || !next_number(&text, 0, INT64_MAX, &wall_ms) ||
        !next_number(&text, -1, INT32_MAX, &opened)) {
        return false;
    }
    /* A clock that was set back meanwhile makes nothing younger than it was. */
    const int64_t since_ms = wall.ms > wall_ms ? wall.ms - wall_ms : 0;
    while (*text != '\0') {
        int64_t minutes = 0;
        if (!next_number(&text, 0, day_ms / minute_ms, &minutes)) {
            return false;
        }
        note_closing(&read, mono_add_ms(now, -since_ms - minutes * minute_ms));
    }
    read.cycles = (uint64_t)cycles;
    if (opened >= 0) {
        read.opened_at = mono_add_ms(now, -since_ms - opened * minute_ms);
    }
    *relay = read;
    return true;
}
