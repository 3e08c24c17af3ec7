#include "devices/epic_codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/pool_url.h"
#include "ground/text.h"

#define MOST_W      20000.0
#define MOST_MHS    1e12
#define MOST_TARGET 1e6
#define MOST_S      3.2e9
#define LEAST_C     (-40.0)
#define MOST_C      150.0

/* An error is a name, or an object whose only member has that name; "" for none. */
static void error_name(const struct json *error, char name[NAME_MAX_B])
{
    const struct json *member = json_first(error);
    const char *text = json_string(error);
    if (text == NULL && member != NULL) {
        text = json_name(member);
    }
    name[0] = '\0';
    if (text != NULL) {
        text_copy_printable(name, NAME_MAX_B, text, strlen(text));
    }
}

/* --- readings ----------------------------------------------------------------------------------*/

static void take_run(const struct json *answer, struct epic_settings *settings,
                     struct reply_faults *faults)
{
    static const struct {
        const char *name;
        enum epic_run run;
        bool busy;
    } runs[] = {{"Mining", EPIC_ON, false},         {"Idling", EPIC_OFF, false},
                {"Stopping", EPIC_OFF, true},       {"Initializing", EPIC_ON, true},
                {"Loading", EPIC_ON, true},         {"AdjustingClockVoltage", EPIC_ON, true},
                {"PreInitCooldown", EPIC_ON, true}, {"Testing", EPIC_ON, true}};
    char name[32];
    settings->run = EPIC_UNKNOWN;
    settings->busy = false;
    reply_text(answer, "Status.Operating State", name, sizeof name, faults);
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        if (strcmp(runs[i].name, name) == 0) {
            settings->run = runs[i].run;
            settings->busy = runs[i].busy;
        }
    }
}

static void take_tuning(const struct json *answer, struct epic_settings *settings,
                        struct reply_faults *faults)
{
    const struct json *algorithm = json_first(json_path(answer, "PerpetualTune.Algorithm"));
    settings->tuning = reply_bool(answer, "PerpetualTune.Running", faults);
    settings->target = settings->min_throttle = settings->throttle_step = NAN;
    settings->algorithm[0] = '\0';
    if (algorithm == NULL) {
        return;
    }
    (void)text_copy(settings->algorithm, sizeof settings->algorithm, json_name(algorithm));
    settings->target = reply_number(algorithm, "Target", 0, MOST_TARGET, faults);
    settings->min_throttle =
        reply_number_if_any(algorithm, "Min Throttle Target", 0, MOST_TARGET, faults);
    settings->throttle_step =
        reply_number_if_any(algorithm, "Throttle Step", 0, MOST_TARGET, faults);
}

/* Of its boards, each in MH/s. */
static void take_boards(const struct json *answer, struct heater_state *state,
                        struct reply_faults *faults)
{
    double mhs = 0;
    double board_c = NAN;
    const struct json *boards = json_get(answer, "HBs");
    for (const struct json *b = json_first(boards); b != NULL; b = json_next(b)) {
        const double c = reply_number(b, "Temperature", LEAST_C, MOST_C, faults);
        mhs += reply_number(b, "Hashrate[0]", 0, MOST_MHS, faults);
        if (isfinite(c) && !(c <= board_c)) {
            board_c = c;
        }
    }
    state->board_c = reading_make(board_c, state->at, PROVENANCE_REPORTED);
    state->hashrate_hs =
        reading_make(boards != NULL ? mhs * 1e6 : NAN, state->at, PROVENANCE_REPORTED);
}

static void take_stratum(const struct json *answer, struct heater_state *state,
                         struct reply_faults *faults)
{
    char url[URL_MAX];
    reply_text_if_any(answer, "Stratum.Current Pool", url, sizeof url, faults);
    reply_text_if_any(answer, "Stratum.Current User", state->pool_user, sizeof state->pool_user,
                      faults);
    pool_url_place(url, state->pool);
    const int connected = reply_bool_if_any(answer, "Stratum.IsPoolConnected", faults);
    if (connected >= 0) {
        state->pool_link = connected == 1 ? POOL_OK : POOL_LOST;
    }
}

void epic_summary(const struct json *answer, struct heater_state *state,
                  struct epic_settings *settings, struct reply_faults *faults)
{
    const hb_mono at = state->at;
    take_run(answer, settings, faults);
    take_tuning(answer, settings, faults);
    take_boards(answer, state, faults);
    take_stratum(answer, state, faults);
    reply_text(answer, "Software", state->firmware, sizeof state->firmware, faults);
    state->power_w =
        reading_make(reply_number(answer, "Power Supply Stats.Input Power", 0, MOST_W, faults), at,
                     PROVENANCE_REPORTED);
    state->fan_ratio =
        reading_make(reply_number_if_any(answer, "Fans.Fans Speed", 0, 100, faults) / 100, at,
                     PROVENANCE_REPORTED);
    state->uptime_s = reading_make(reply_number(answer, "Session.Uptime", 0, MOST_S, faults), at,
                                   PROVENANCE_REPORTED);
    (void)reply_count(answer, "Session.Accepted", &state->shares_accepted, faults);
    (void)reply_count(answer, "Session.Rejected", &state->shares_rejected, faults);
    char error[NAME_MAX_B];
    error_name(json_path(answer, "Status.Last Error"), error);
    if (error[0] != '\0') {
        state->problem = true;
        (void)snprintf(state->problem_text, sizeof state->problem_text,
                       "ePIC tells its last error: %s", error);
    }
}

void epic_network(const struct json *answer, struct heater_state *state,
                  struct reply_faults *faults)
{
    char text[NAME_MAX_B];
    char mac[18];
    const struct json *network = json_first(answer); /* "dhcp" or "static" */
    reply_text(network, "mac_address", text, sizeof text, faults);
    if (reply_mac(text, mac)) {
        (void)text_copy(state->identity, sizeof state->identity, mac);
    }
}

/* --- abilities -------------------------------------------------------------------------------- */

static void take_levels(const struct json *answer, struct epic_abilities *abilities,
                        struct reply_faults *faults)
{
    const struct json *preset = json_first(json_get(answer, "Tune Presets"));
    for (; preset != NULL && abilities->level_count < EPIC_LEVELS; preset = json_next(preset)) {
        struct epic_level *level = &abilities->level[abilities->level_count];
        level->power_w = reply_number_if_any(preset, "power", 1, MOST_W, faults);
        level->target = round(reply_number(preset, "hashrate", 1, MOST_TARGET, faults));
        abilities->level_count += isfinite(level->power_w) && isfinite(level->target);
    }
}

void epic_capabilities(const struct json *answer, char model[NAME_MAX_B],
                       struct epic_abilities *abilities, struct reply_faults *faults)
{
    *abilities = (struct epic_abilities){.min_w = NAN, .max_w = NAN};
    reply_text(answer, "Model", model, NAME_MAX_B, faults);
    take_levels(answer, abilities, faults);
    const struct json *option = json_first(json_get(answer, "PerpetualTune"));
    for (; option != NULL; option = json_next(option)) {
        char name[EPIC_NAME];
        reply_text(option, "algorithm", name, sizeof name, faults);
        if (strcmp(name, "Power") != 0) {
            if (abilities->algorithm[0] == '\0') {
                (void)text_copy(abilities->algorithm, sizeof abilities->algorithm, name);
            }
            continue;
        }
        abilities->min_w = reply_number(option, "min", 1, MOST_W, faults);
        abilities->max_w = reply_number(option, "max", 1, MOST_W, faults);
        if (abilities->min_w < abilities->max_w) {
            abilities->knob = EPIC_POWER;
        }
    }
    if (abilities->knob != EPIC_POWER && abilities->level_count > 0 &&
        abilities->algorithm[0] != '\0') {
        abilities->knob = EPIC_LEVEL;
    }
}

/* --- from watts and back ---------------------------------------------------------------------- */

double epic_target(const struct epic_abilities *abilities, const struct epic_settings *settings,
                   double power_w, char algorithm[EPIC_NAME])
{
    if (abilities->knob == EPIC_POWER) {
        (void)text_copy(algorithm, EPIC_NAME, "Power");
        return round(power_w);
    }
    algorithm[0] = '\0';
    if (abilities->knob == EPIC_ON_OFF) {
        return NAN;
    }
    const bool other = settings->algorithm[0] != '\0' && strcmp(settings->algorithm, "Power") != 0;
    (void)text_copy(algorithm, EPIC_NAME, other ? settings->algorithm : abilities->algorithm);
    const struct epic_level *best = &abilities->level[0];
    for (size_t i = 1; i < abilities->level_count; i++) {
        if (fabs(abilities->level[i].power_w - power_w) < fabs(best->power_w - power_w)) {
            best = &abilities->level[i];
        }
    }
    return best->target;
}

double epic_applied_w(const struct epic_abilities *abilities, const struct epic_settings *settings)
{
    const bool by_power = strcmp(settings->algorithm, "Power") == 0;
    if (settings->tuning != 1) {
        return NAN;
    }
    if (by_power) {
        return settings->target;
    }
    for (size_t i = 0; i < abilities->level_count; i++) {
        if (abilities->level[i].target == settings->target) {
            return abilities->level[i].power_w;
        }
    }
    return NAN;
}

/* --- commands --------------------------------------------------------------------------------- */

bool epic_taken(const struct json *answer, char error[NAME_MAX_B], struct reply_faults *faults)
{
    error_name(json_get(answer, "error"), error);
    return reply_bool(answer, "result", faults) == 1;
}

/* Takes ownership of `param`. */
static bool print(char body[EPIC_BODY], struct json *param, const char *password)
{
    struct json *json = json_new_object();
    json_add(json, "param", param);
    json_add_string(json, "password", password);
    return json_print_to(json, body, EPIC_BODY);
}

bool epic_body_text(char body[EPIC_BODY], const char *param, const char *password)
{
    return print(body, json_new_string(param), password);
}

bool epic_body_bool(char body[EPIC_BODY], bool param, const char *password)
{
    struct json *holder = json_new_object();
    json_add_bool(holder, "param", param);
    struct json *value = json_copy(json_get(holder, "param"));
    json_free(holder);
    return print(body, value, password);
}

bool epic_body_algorithm(char body[EPIC_BODY], const char *algorithm, double target,
                         const struct epic_settings *settings, const char *password)
{
    struct json *param = json_new_object();
    json_add_string(param, "algo", algorithm);
    json_add_number(param, "target", target, 0);
    /* What the owner chose beside the target is told again, as leaving it out might reset it. */
    if (strcmp(settings->algorithm, algorithm) == 0) {
        if (isfinite(settings->min_throttle)) {
            json_add_number(param, "min_throttle", settings->min_throttle, 0);
        }
        if (isfinite(settings->throttle_step)) {
            json_add_number(param, "throttle_step", settings->throttle_step, 0);
        }
    }
    return print(body, param, password);
}
