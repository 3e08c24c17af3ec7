#include "devices/bosminer_codec.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "devices/pool_url.h"
#include "ground/text.h"

#define MOST_W     20000.0
#define MOST_MHS   1e10
#define MOST_S     3.2e9
#define LEAST_C    (-40.0)
#define MOST_C     150.0
#define HASH_PER_M 1e6
#define FULL_SPEED 100.0

static bool contains(const char *text, const char *word)
{
    const size_t len = strlen(word);
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (i < len && tolower((unsigned char)text[i]) == word[i]) {
            i++;
        }
        if (i == len) {
            return true;
        }
    }
    return false;
}

/* Each answer says which program gave it. */
static void note_program(const char *description, struct bosminer *seen)
{
    if (contains(description, "bosminer") || contains(description, "boser")) {
        seen->ours = true;
        text_copy_printable(seen->state.firmware, sizeof seen->state.firmware, description,
                            strlen(description));
    }
}

static struct json *parse(const char *body, size_t len, struct bosminer *seen,
                          struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    const char *message = json_string(json_path(json, "STATUS[0].Msg"));
    const char *description = json_string(json_path(json, "STATUS[0].Description"));
    if (description != NULL) {
        note_program(description, seen);
    }
    /* Where another program serves the API, it says so while bosminer does not run. */
    if (message != NULL && strcmp(message, "Unavailable") == 0) {
        seen->unavailable = true;
    }
    return json;
}

/* The first row of a section; NULL, counted, if there is none. */
static const struct json *row_of(const struct json *json, const char *section,
                                 struct reply_faults *faults)
{
    const struct json *row = json_item(json_get(json, section), 0);
    if (!json_is_object(row)) {
        reply_fault(faults, REPLY_MISSING, "%s: expected a list", section);
        return NULL;
    }
    return row;
}

void bosminer_forget(struct bosminer *seen, hb_mono now)
{
    *seen = (struct bosminer){.state = reply_unknown_state(now), .limit_w = NAN, .shows_hs = NAN};
}

/* --- the tuner ----------------------------------------------------------------------------------
 */

static enum bosminer_tuner tuner_of(const char *words)
{
    if (words[0] == '\0') {
        return BOSMINER_TUNER_UNKNOWN;
    }
    if (contains(words, "paused")) {
        return BOSMINER_TUNER_PAUSED;
    }
    return contains(words, "stable") ? BOSMINER_TUNER_STABLE : BOSMINER_TUNER_BUSY;
}

/* It is paused if one board is, else as far as the slowest of them. */
static void take_board(struct bosminer *seen, const struct json *board, struct reply_faults *faults)
{
    char words[NAME_MAX_B];
    reply_text_if_any(board, "Status", words, sizeof words, faults);
    const enum bosminer_tuner tuner = tuner_of(words);
    if (tuner > seen->tuner) {
        seen->tuner = tuner;
        (void)text_copy(seen->tuner_words, sizeof seen->tuner_words, words);
    }
}

bool bosminer_read_tuner(const char *body, size_t len, struct bosminer *seen,
                         struct reply_faults *faults)
{
    struct json *json = parse(body, len, seen, faults);
    const struct json *row =
        json != NULL && !seen->unavailable ? row_of(json, "TUNERSTATUS", faults) : NULL;
    if (row != NULL) {
        const double power_w =
            reply_number(row, "ApproximateMinerPowerConsumption", 0, MOST_W, faults);
        seen->state.power_w = reading_make(power_w, seen->state.at, PROVENANCE_REPORTED);
        seen->limit_w = reply_number(row, "PowerLimit", 0, MOST_W, faults);
        const struct json *boards = json_get(row, "TunerChainStatus");
        for (const struct json *at = json_first(boards); at != NULL; at = json_next(at)) {
            take_board(seen, at, faults);
        }
    }
    const bool useful = json != NULL;
    json_free(json);
    return useful;
}

/* --- the rest -----------------------------------------------------------------------------------
 */

bool bosminer_read_summary(const char *body, size_t len, struct bosminer *seen,
                           struct reply_faults *faults)
{
    struct heater_state *state = &seen->state;
    struct json *json = parse(body, len, seen, faults);
    const struct json *row =
        json != NULL && !seen->unavailable ? row_of(json, "SUMMARY", faults) : NULL;
    if (row != NULL) {
        const double mean = reply_number(row, "MHS 1m", 0, MOST_MHS, faults) * HASH_PER_M;
        const double best = reply_number_if_any(row, "Best Share", 0, 1e18, faults);
        seen->shows_hs = reply_number_if_any(row, "MHS 5s", 0, MOST_MHS, faults) * HASH_PER_M;
        state->hashrate_hs = reading_make(mean, state->at, PROVENANCE_REPORTED);
        state->uptime_s = reading_make(reply_number(row, "Elapsed", 0, MOST_S, faults), state->at,
                                       PROVENANCE_REPORTED);
        (void)reply_count(row, "Accepted", &state->shares_accepted, faults);
        (void)reply_count(row, "Rejected", &state->shares_rejected, faults);
        (void)reply_count(row, "Stale", &state->shares_stale, faults);
        state->best_difficulty = isfinite(best) ? best : 0;
    }
    const bool useful = json != NULL;
    json_free(json);
    return useful;
}

/* The hottest; a sensor that is missing says 0. */
static void keep_hottest(struct reading *hottest, double c, hb_mono now)
{
    if (c > 0 && (!mono_is_set(hottest->at) || c > hottest->value)) {
        *hottest = reading_make(c, now, PROVENANCE_REPORTED);
    }
}

bool bosminer_read_temps(const char *body, size_t len, struct bosminer *seen,
                         struct reply_faults *faults)
{
    struct heater_state *state = &seen->state;
    struct json *json = parse(body, len, seen, faults);
    const struct json *boards = json_get(json, "TEMPS");
    for (const struct json *at = json_first(boards); at != NULL; at = json_next(at)) {
        keep_hottest(&state->chip_c, reply_number(at, "Chip", LEAST_C, MOST_C, faults), state->at);
        keep_hottest(&state->board_c, reply_number(at, "Board", LEAST_C, MOST_C, faults),
                     state->at);
    }
    const bool useful = json != NULL;
    json_free(json);
    return useful;
}

/* It tells four connectors, of which those without a fan turn at 0. */
bool bosminer_read_fans(const char *body, size_t len, struct bosminer *seen,
                        struct reply_faults *faults)
{
    struct json *json = parse(body, len, seen, faults);
    const struct json *fans = json_get(json, "FANS");
    double fastest = NAN;
    for (const struct json *at = json_first(fans); at != NULL; at = json_next(at)) {
        const double speed = reply_number(at, "Speed", 0, FULL_SPEED, faults);
        const double rpm = reply_number(at, "RPM", 0, 1e5, faults);
        fastest = rpm > 0 && isfinite(speed) ? fmax(fastest, speed) : fastest;
    }
    seen->state.fan_ratio = reading_make(fastest / FULL_SPEED, seen->state.at, PROVENANCE_REPORTED);
    const bool useful = json != NULL;
    json_free(json);
    return useful;
}

static void take_pools(const struct json *pools, struct heater_state *state,
                       struct reply_faults *faults)
{
    bool alive = false;
    for (const struct json *pool = json_first(pools); pool != NULL; pool = json_next(pool)) {
        char url[URL_MAX];
        char status[16];
        reply_text(pool, "Status", status, sizeof status, faults);
        alive = alive || strcmp(status, "Alive") == 0;
        if (reply_bool_if_any(pool, "Stratum Active", faults) != 1 || state->pool[0] != '\0') {
            continue;
        }
        reply_text(pool, "URL", url, sizeof url, faults);
        pool_url_place(url, state->pool);
        reply_text(pool, "User", state->pool_user, sizeof state->pool_user, faults);
    }
    if (json_count(pools) > 0) {
        state->pool_link = state->pool[0] != '\0' ? POOL_OK : alive ? POOL_CONNECTING : POOL_LOST;
    }
}

bool bosminer_read_pools(const char *body, size_t len, struct bosminer *seen,
                         struct reply_faults *faults)
{
    struct json *json = parse(body, len, seen, faults);
    take_pools(json_get(json, "POOLS"), &seen->state, faults);
    const bool useful = json != NULL;
    json_free(json);
    return useful;
}

bool bosminer_read_details(const char *body, size_t len, struct bosminer *seen,
                           struct reply_faults *faults)
{
    struct json *json = parse(body, len, seen, faults);
    reply_text_if_any(json, "DEVDETAILS[0].Model", seen->state.model, sizeof seen->state.model,
                      faults);
    const bool useful = json != NULL;
    json_free(json);
    return useful;
}

/* --- pause and resume ----------------------------------------------------------------------------
 */

/* "PAUSE":[true] or "RESUME":[true]; later versions put an object there. */
static bool says_so(const struct json *json)
{
    static const char *const sections[] = {"PAUSE", "RESUME"};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        bool done = false;
        const struct json *first = json_item(json_get(json, sections[i]), 0);
        if (first != NULL && (!json_bool(first, &done) || done)) {
            return true;
        }
    }
    return false;
}

bool bosminer_obeys(const char *body, size_t len, struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    const char *status = json_string(json_path(json, "STATUS[0].STATUS"));
    const bool obeys = status != NULL && strcmp(status, "S") == 0 && says_so(json);
    json_free(json);
    return obeys;
}
