#include "devices/luxos_codec.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "devices/pool_url.h"
#include "ground/text.h"

#define MOST_W     20000.0
#define MOST_GHS   1e7
#define MOST_S     3.2e9
#define LEAST_C    (-40.0)
#define MOST_C     150.0
#define HASH_PER_G 1e9

/* --- commands --------------------------------------------------------------------------------- */

bool luxos_request(char *text, size_t size, const char *command, const char *parameter)
{
    struct json *json = json_new_object();
    json_add_string(json, "command", command);
    if (parameter != NULL) {
        json_add_string(json, "parameter", parameter);
    }
    return json_print_to(json, text, size);
}

struct luxos_verdict luxos_verdict(const struct json *answer, struct reply_faults *faults)
{
    struct luxos_verdict verdict = {.code = NAN};
    char status[8];
    reply_text(answer, "STATUS[0].STATUS", status, sizeof status, faults);
    verdict.ok = strcmp(status, "S") == 0 || strcmp(status, "I") == 0;
    verdict.code = reply_number_if_any(answer, "STATUS[0].Code", 0, 1e6, faults);
    reply_text_if_any(answer, "STATUS[0].Msg", verdict.message, sizeof verdict.message, faults);
    return verdict;
}

bool luxos_session(const struct json *answer, char session[LUXOS_SESSION],
                   struct reply_faults *faults)
{
    reply_text_if_any(answer, "SESSION[0].SessionID", session, LUXOS_SESSION, faults);
    return session[0] != '\0';
}

/* --- readings ----------------------------------------------------------------------------------*/

static bool has_word(const char *text, const char *word)
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

/* Recorded: "None" while mining. */
static int asleep(const struct json *answer, struct reply_faults *faults)
{
    char mode[32];
    reply_text(answer, "CONFIG[0].CurtailMode", mode, sizeof mode, faults);
    if (has_word(mode, "sleep")) {
        return 1;
    }
    return has_word(mode, "none") || has_word(mode, "wake") ? 0 : -1;
}

void luxos_config(const struct json *answer, struct heater_state *state,
                  struct luxos_settings *settings, struct reply_faults *faults)
{
    char mac[32];
    char system[32];
    settings->asleep = asleep(answer, faults);
    settings->atm = reply_bool_if_any(answer, "CONFIG[0].IsAtmEnabled", faults);
    reply_text(answer, "CONFIG[0].Profile", settings->profile, sizeof settings->profile, faults);
    reply_text(answer, "CONFIG[0].Model", state->model, sizeof state->model, faults);
    reply_text(answer, "CONFIG[0].MACAddr", mac, sizeof mac, faults);
    char tidy[18];
    if (reply_mac(mac, tidy)) {
        (void)text_copy(state->identity, sizeof state->identity, tidy);
    }
    const char *description = json_string(json_path(answer, "STATUS[0].Description"));
    if (description != NULL) {
        text_copy_printable(state->firmware, sizeof state->firmware, description,
                            strlen(description));
    }
    reply_text_if_any(answer, "CONFIG[0].SystemStatus", system, sizeof system, faults);
    if (has_word(system, "overheat") || has_word(system, "too hot")) {
        state->health = HEATER_OVERHEATED;
    }
}

void luxos_power(const struct json *answer, struct heater_state *state, struct reply_faults *faults)
{
    /* "PSU": false means that the firmware computed it: its word all the same. */
    state->power_w = reading_make(reply_number(answer, "POWER[0].Watts", 0, MOST_W, faults),
                                  state->at, PROVENANCE_REPORTED);
}

void luxos_summary(const struct json *answer, struct heater_state *state,
                   struct reply_faults *faults)
{
    const double ghs = reply_number(answer, "SUMMARY[0].GHS 5s", 0, MOST_GHS, faults);
    const double best = reply_number_if_any(answer, "SUMMARY[0].Best Share", 0, 1e18, faults);
    state->hashrate_hs = reading_make(ghs * HASH_PER_G, state->at, PROVENANCE_REPORTED);
    state->uptime_s = reading_make(reply_number(answer, "SUMMARY[0].Elapsed", 0, MOST_S, faults),
                                   state->at, PROVENANCE_REPORTED);
    (void)reply_count(answer, "SUMMARY[0].Accepted", &state->shares_accepted, faults);
    (void)reply_count(answer, "SUMMARY[0].Rejected", &state->shares_rejected, faults);
    (void)reply_count(answer, "SUMMARY[0].Stale", &state->shares_stale, faults);
    state->best_difficulty = isfinite(best) ? best : 0;
}

static double hotter(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

/* A position's label tells whether it is the chips' or the board's; 0 stands for no sensor. */
static void take_board(const struct json *board, const struct json *labels, double *chip_c,
                       double *board_c, struct reply_faults *faults)
{
    static const char *const places[] = {"TopLeft", "TopRight", "BottomLeft", "BottomRight"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *label = json_string(json_get(json_get(labels, places[i]), "Label"));
        const double c = reply_number_if_any(board, places[i], LEAST_C, MOST_C, faults);
        if (isnan(c) || c == 0) {
            continue;
        }
        double *to = label != NULL && has_word(label, "chip") ? chip_c : board_c;
        *to = hotter(*to, c);
    }
}

void luxos_temps(const struct json *answer, struct heater_state *state, struct reply_faults *faults)
{
    const struct json *boards = json_get(answer, "TEMPS");
    const struct json *labels = json_path(answer, "METADATA[0]");
    double chip_c = NAN;
    double board_c = NAN;
    if (boards == NULL) {
        reply_fault(faults, REPLY_MISSING, "TEMPS: expected a list");
    }
    for (const struct json *board = json_first(boards); board != NULL; board = json_next(board)) {
        take_board(board, labels, &chip_c, &board_c, faults);
    }
    state->chip_c = reading_make(chip_c, state->at, PROVENANCE_REPORTED);
    state->board_c = reading_make(board_c, state->at, PROVENANCE_REPORTED);
}

void luxos_fans(const struct json *answer, struct heater_state *state, struct reply_faults *faults)
{
    double fastest = NAN;
    const struct json *fans = json_get(answer, "FANS");
    for (const struct json *fan = json_first(fans); fan != NULL; fan = json_next(fan)) {
        fastest = hotter(fastest, reply_number(fan, "Speed", 0, 100, faults));
    }
    state->fan_ratio = reading_make(fastest / 100, state->at, PROVENANCE_REPORTED);
}

void luxos_pools(const struct json *answer, struct heater_state *state, struct reply_faults *faults)
{
    const struct json *pools = json_get(answer, "POOLS");
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

/* --- profiles --------------------------------------------------------------------------------- */

void luxos_profiles(const struct json *answer, struct luxos_profiles *profiles,
                    struct reply_faults *faults)
{
    const struct json *rows = json_get(answer, "PROFILES");
    *profiles = (struct luxos_profiles){0};
    if (rows == NULL) {
        reply_fault(faults, REPLY_MISSING, "PROFILES: expected a list");
    }
    for (const struct json *row = json_first(rows); row != NULL && profiles->count < LUXOS_PROFILES;
         row = json_next(row)) {
        struct luxos_profile *profile = &profiles->list[profiles->count];
        reply_text(row, "Profile Name", profile->name, sizeof profile->name, faults);
        profile->power_w = reply_number(row, "Watts", 1, MOST_W, faults);
        profile->is_default = reply_number_or_text(row, "Step", -1000, 1000, faults) == 0;
        /* A name that would not come back as it was is no use to set. */
        const char *whole = json_string(json_get(row, "Profile Name"));
        if (whole != NULL && strcmp(whole, profile->name) == 0 && strchr(whole, ',') == NULL &&
            isfinite(profile->power_w)) {
            profiles->count++;
        }
    }
}

const struct luxos_profile *luxos_profile_named(const struct luxos_profiles *profiles,
                                                const char *name)
{
    for (size_t i = 0; i < profiles->count; i++) {
        if (strcmp(profiles->list[i].name, name) == 0) {
            return &profiles->list[i];
        }
    }
    return NULL;
}

const struct luxos_profile *luxos_profile_for(const struct luxos_profiles *profiles, double power_w)
{
    const struct luxos_profile *best = NULL;
    for (size_t i = 0; i < profiles->count; i++) {
        const struct luxos_profile *profile = &profiles->list[i];
        if (best == NULL || fabs(profile->power_w - power_w) < fabs(best->power_w - power_w)) {
            best = profile;
        }
    }
    return best;
}

double luxos_default_w(const struct luxos_profiles *profiles)
{
    double most_w = NAN;
    for (size_t i = 0; i < profiles->count; i++) {
        if (profiles->list[i].is_default) {
            return profiles->list[i].power_w;
        }
        most_w = hotter(most_w, profiles->list[i].power_w);
    }
    return most_w;
}
