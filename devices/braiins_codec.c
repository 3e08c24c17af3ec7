#include "devices/braiins_codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "devices/pool_url.h"
#include "ground/text.h"

#define POWER_MAX_W   20000.0
#define HASHRATE_MAX  1e9 /* GH/s */
#define GIGA          1e9
#define SECONDS_MAX   1e10
#define CHIP_LOCATION 1 /* of `highest_temperature.location` */

void braiins_forget(struct braiins *seen, hb_mono now)
{
    *seen = (struct braiins){.state = reply_unknown_state(now),
                             .status = BRAIINS_STATUS_UNKNOWN,
                             .tuner = BRAIINS_TUNER_UNKNOWN,
                             .set_w = NAN,
                             .holds_w = NAN,
                             .tuner_on = -1,
                             .dps = -1};
}

/* --- reading ----------------------------------------------------------------------------------*/

static struct reading told(const struct heater_state *state, double value)
{
    return reading_make(value, state->at, PROVENANCE_REPORTED);
}

bool braiins_read_details(const char *body, size_t len, struct braiins *seen,
                          struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    struct heater_state *state = &seen->state;
    char mac[NAME_MAX_B] = "";
    char identity[18] = "";
    const double status = reply_number(json, "status", 0, BRAIINS_RESTRICTED, faults);
    if (isfinite(status)) {
        seen->status = (enum braiins_status)(int)status;
    }
    reply_text(json, "miner_identity.name", state->model, sizeof state->model, faults);
    reply_text(json, "bos_version.current", state->firmware, sizeof state->firmware, faults);
    reply_text(json, "mac_address", mac, sizeof mac, faults);
    if (reply_mac(mac, identity)) {
        (void)text_copy(state->identity, sizeof state->identity, identity);
    }
    state->uptime_s =
        told(&seen->state, reply_number(json, "system_uptime_s", 0, SECONDS_MAX, faults));
    json_free(json);
    return true;
}

bool braiins_read_configuration(const char *body, size_t len, struct braiins *seen,
                                struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    seen->set_w = reply_number_if_any(json, "tuner.power_target.watt", 0, POWER_MAX_W, faults);
    seen->tuner_on = reply_bool_if_any(json, "tuner.enabled", faults);
    seen->dps = reply_bool_if_any(json, "dps.enabled", faults);
    json_free(json);
    return true;
}

bool braiins_read_tuner(const char *body, size_t len, struct braiins *seen,
                        struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    const double tuner =
        reply_number(json, "overall_tuner_state", 0, BRAIINS_TUNER_PREHEAT, faults);
    if (isfinite(tuner)) {
        seen->tuner = (enum braiins_tuner)(int)tuner;
    }
    seen->holds_w = reply_number_if_any(json, "mode_state.powertargetmodestate.current_target.watt",
                                        0, POWER_MAX_W, faults);
    json_free(json);
    return true;
}

void braiins_take_stats(const struct json *json, struct heater_state *state,
                        struct reply_faults *faults)
{
    const double hashrate = reply_number(
        json, "miner_stats.real_hashrate.last_5s.gigahash_per_second", 0, HASHRATE_MAX, faults);
    state->hashrate_hs = told(state, hashrate * GIGA);
    state->power_w = told(state, reply_number(json, "power_stats.approximated_consumption.watt", 0,
                                              POWER_MAX_W, faults));
    (void)reply_count(json, "pool_stats.accepted_shares", &state->shares_accepted, faults);
    (void)reply_count(json, "pool_stats.rejected_shares", &state->shares_rejected, faults);
    (void)reply_count(json, "pool_stats.stale_shares", &state->shares_stale, faults);
    const double best = reply_number_if_any(json, "pool_stats.best_share", 0, 1e300, faults);
    state->best_difficulty = isfinite(best) ? best : 0;
}

bool braiins_read_stats(const char *body, size_t len, struct braiins *seen,
                        struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    braiins_take_stats(json, &seen->state, faults);
    json_free(json);
    return true;
}

static double highest_fan(const struct json *json, struct reply_faults *faults)
{
    double highest = NAN;
    const struct json *fans = json_get(json, "fans");
    for (const struct json *fan = json_first(fans); fan != NULL; fan = json_next(fan)) {
        highest = fmax(highest, reply_number_if_any(fan, "target_speed_ratio", 0, 1, faults));
    }
    return highest;
}

void braiins_take_cooling(const struct json *json, struct heater_state *state,
                          struct reply_faults *faults)
{
    const double degrees =
        reply_number_if_any(json, "highest_temperature.temperature.degree_c", -50, 200, faults);
    const double location =
        reply_number_if_any(json, "highest_temperature.location", 0, 100, faults);
    if (location == CHIP_LOCATION) {
        state->chip_c = told(state, degrees);
    } else {
        state->board_c = told(state, degrees);
    }
    state->fan_ratio = told(state, highest_fan(json, faults));
}

bool braiins_read_cooling(const char *body, size_t len, struct braiins *seen,
                          struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    braiins_take_cooling(json, &seen->state, faults);
    json_free(json);
    return true;
}

bool braiins_read_boards(const char *body, size_t len, struct braiins *seen,
                         struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    double chip = NAN;
    double board = NAN;
    double inlet = NAN;
    const struct json *boards = json_get(json, "hashboards");
    for (const struct json *at = json_first(boards); at != NULL; at = json_next(at)) {
        chip = fmax(chip, reply_number_if_any(at, "highest_chip_temp.temperature.degree_c", -50,
                                              200, faults));
        board = fmax(board, reply_number_if_any(at, "board_temp.degree_c", -50, 200, faults));
        inlet =
            fmin(inlet, reply_number_if_any(at, "lowest_inlet_temp.degree_c", -50, 200, faults));
    }
    if (isfinite(chip)) {
        seen->state.chip_c = told(&seen->state, chip);
    }
    if (isfinite(board)) {
        seen->state.board_c = told(&seen->state, board);
    }
    seen->state.inlet_c = told(&seen->state, inlet);
    json_free(json);
    return true;
}

/* One pool of one group: the one in use is shown, or else the first. */
static void read_pool(const struct json *pool, struct heater_state *state,
                      struct reply_faults *faults)
{
    char url[URL_MAX];
    const int active = reply_bool_if_any(pool, "active", faults);
    const int alive = reply_bool_if_any(pool, "alive", faults);
    if (alive == 1 && state->pool_link == POOL_LOST) {
        state->pool_link = POOL_CONNECTING;
    }
    if (active == 1 && alive == 1) {
        state->pool_link = POOL_OK;
    }
    if (active == 1 || state->pool[0] == '\0') {
        reply_text(pool, "url", url, sizeof url, faults);
        pool_url_place(url, state->pool);
        reply_text_if_any(pool, "user", state->pool_user, sizeof state->pool_user, faults);
    }
}

bool braiins_read_pools(const char *body, size_t len, struct braiins *seen,
                        struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    for (const struct json *group = json_first(json); group != NULL; group = json_next(group)) {
        const struct json *pools = json_get(group, "pools");
        for (const struct json *pool = json_first(pools); pool != NULL; pool = json_next(pool)) {
            if (seen->state.pool_link == POOL_NONE) {
                seen->state.pool_link = POOL_LOST; /* until one of them is alive */
            }
            read_pool(pool, &seen->state, faults);
        }
    }
    json_free(json);
    return true;
}

bool braiins_read_constraints(const char *body, size_t len, struct braiins_range *range,
                              struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    range->min_w = reply_number_if_any(json, "tuner_constraints.power_target.min.watt", 1,
                                       POWER_MAX_W, faults);
    range->max_w = reply_number_if_any(json, "tuner_constraints.power_target.max.watt", 1,
                                       POWER_MAX_W, faults);
    json_free(json);
    return true;
}

/* --- conclusions ------------------------------------------------------------------------------*/

static bool is_off(const struct braiins *seen)
{
    return seen->status == BRAIINS_PAUSED || seen->status == BRAIINS_NOT_STARTED;
}

static void tell(struct heater_state *state, const char *sentence)
{
    if (!state->problem) {
        state->problem = true;
        (void)text_copy(state->problem_text, sizeof state->problem_text, sentence);
    }
}

/* While it tunes, it is on the way from one to the other; afterwards a difference is its own doing.
 */
static bool scales_itself(const struct braiins *seen)
{
    return (seen->tuner == BRAIINS_TUNER_STABLE || seen->tuner == BRAIINS_TUNER_CONTINUOUS) &&
           isfinite(seen->set_w) && isfinite(seen->holds_w) &&
           fabs(seen->set_w - seen->holds_w) >= 1;
}

static void tell_scaling(struct braiins *seen)
{
    char sentence[TEXT_MAX];
    if (scales_itself(seen)) {
        (void)snprintf(sentence, sizeof sentence,
                       "it holds %.0f W instead of the %.0f W that it is set to: switch Dynamic "
                       "Performance Scaling off on its page Performance, so that only one decides",
                       seen->holds_w, seen->set_w);
        tell(&seen->state, sentence);
    } else if (seen->dps == 1) {
        tell(&seen->state, "its Dynamic Performance Scaling is on and may change its power: switch "
                           "it off on its page Performance, so that only one decides");
    }
}

void braiins_conclude(struct braiins *seen)
{
    struct heater_state *state = &seen->state;
    state->link = HEATER_LINK_OK;
    if (is_off(seen)) {
        state->applied_w = 0;
    } else if (seen->status != BRAIINS_STATUS_UNKNOWN) {
        state->applied_w = scales_itself(seen) || isnan(seen->set_w) ? seen->holds_w : seen->set_w;
    }
    if (state->pool_link == POOL_LOST) {
        state->health = HEATER_POOL_LOST;
    }
    if (seen->tuner_on == 0) {
        tell(state, "its tuner is off, so it has no power target: switch the tuner on on its page "
                    "Performance");
    } else if (!is_off(seen)) {
        if (seen->status == BRAIINS_SUSPENDED) {
            tell(state, "it has suspended mining by itself: its page Logs says why");
        }
        if (seen->tuner == BRAIINS_TUNER_ERROR) {
            tell(state, "its tuner reports an error: its page Logs says which");
        }
        tell_scaling(seen);
    }
}

/* --- writing ----------------------------------------------------------------------------------*/

static bool has_target(const struct braiins *seen, double power_w)
{
    return isfinite(seen->set_w) && fabs(seen->set_w - power_w) < 0.5;
}

bool braiins_needs(const struct braiins *seen, enum braiins_write write, double power_w)
{
    const bool on = power_w > 0;
    switch (write) {
    case BRAIINS_SET_TARGET:
        return on && !has_target(seen, round(power_w));
    case BRAIINS_START:
        return on && seen->status == BRAIINS_NOT_STARTED;
    case BRAIINS_RESUME:
        return on && (seen->status == BRAIINS_PAUSED || seen->status == BRAIINS_STATUS_UNKNOWN);
    case BRAIINS_PAUSE:
        return !on && !is_off(seen);
    case BRAIINS_WRITES:
        break;
    }
    return false;
}

const char *braiins_write_path(enum braiins_write write)
{
    static const char *const paths[BRAIINS_WRITES] = {
        [BRAIINS_SET_TARGET] = "/api/v1/performance/power-target",
        [BRAIINS_START] = "/api/v1/actions/start",
        [BRAIINS_RESUME] = "/api/v1/actions/resume",
        [BRAIINS_PAUSE] = "/api/v1/actions/pause",
    };
    return paths[write];
}

void braiins_target_body(double power_w, char body[BRAIINS_BODY_MAX])
{
    (void)snprintf(body, BRAIINS_BODY_MAX, "{\"watt\":%.0f}", round(power_w));
}

bool braiins_login_body(const char *user, const char *password, char body[BRAIINS_BODY_MAX])
{
    struct json *json = json_new_object();
    json_add_string(json, "username", user);
    json_add_string(json, "password", password);
    return json_print_to(json, body, BRAIINS_BODY_MAX);
}

bool braiins_read_login(const char *body, size_t len, char token[BRAIINS_TOKEN_MAX])
{
    struct reply_faults faults = {0};
    struct json *json = reply_parse(body, len, &faults);
    token[0] = '\0';
    if (json == NULL) {
        return false;
    }
    const char *text = json_string(json_get(json, "token"));
    bool usable = text != NULL && text[0] != '\0' && text_copy(token, BRAIINS_TOKEN_MAX, text);
    for (const char *c = token; *c != '\0'; c++) {
        usable = usable && *c > ' ' && *c < 0x7f; /* it becomes a header */
    }
    if (!usable) {
        token[0] = '\0';
    }
    json_free(json);
    return usable;
}

void braiins_read_refusal(const char *body, size_t len, char *text, size_t size)
{
    struct hb_err err = {0};
    struct json *json = json_parse(body, len, len, &err);
    const char *message = json_string(json_get(json, "message"));
    if (message == NULL) {
        message = json_string(json_get(json, "error"));
    }
    if (message == NULL) {
        message = json_string(json);
    }
    if (message != NULL) {
        text_copy_printable(text, size, message, strlen(message));
    } else if (json == NULL && len > 0 && body[0] != '<') {
        text_copy_printable(text, size, body, len);
    } else {
        text[0] = '\0';
    }
    json_free(json);
}

/* --- versions without this interface ----------------------------------------------------------*/

enum braiins_era braiins_read_version(const char *body, size_t len, char *version, size_t size)
{
    struct reply_faults faults = {0};
    struct json *json = reply_parse(body, len, &faults);
    enum braiins_era era = BRAIINS_NONE;
    version[0] = '\0';
    const struct json *first = json_item(json_get(json, "VERSION"), 0);
    for (const struct json *at = json_first(first); at != NULL && era == BRAIINS_NONE;
         at = json_next(at)) {
        if (strncasecmp(json_name(at), "BOSminer", strlen("BOSminer")) == 0) {
            era = BRAIINS_BOSMINER;
        } else if (strcasecmp(json_name(at), "BOSer") == 0) {
            era = BRAIINS_BOSER;
        } else {
            continue;
        }
        const char *text = json_string(at);
        text_copy_printable(version, size, text != NULL ? text : json_name(at),
                            strlen(text != NULL ? text : json_name(at)));
    }
    json_free(json);
    return era;
}
