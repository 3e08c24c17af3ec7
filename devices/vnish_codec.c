#include "devices/vnish_codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/pool_url.h"
#include "ground/text.h"

#define MOST_W    20000.0
#define MOST_HASH 1e9
#define LEAST_C   (-40.0)
#define MOST_C    150.0
#define DAY_S     86400.0

/* --- readings ----------------------------------------------------------------------------------*/

/* One to four digits at `*text`, which is moved behind them and behind `follow`. */
static bool digits(const char **text, const char *follow, double *number)
{
    const size_t len = strspn(*text, "0123456789");
    if (len == 0 || len > 4 || !text_to_number(*text, len, number) ||
        strncmp(*text + len, follow, strlen(follow)) != 0) {
        return false;
    }
    *text += len + strlen(follow);
    return true;
}

double vnish_uptime_s(const char *text)
{
    double days = 0;
    double hours = 0;
    double minutes = 0;
    if (!digits(&text, " days, ", &days) && !digits(&text, " day, ", &days)) {
        days = 0;
    }
    if (!digits(&text, ":", &hours) || !digits(&text, "", &minutes) || *text != '\0') {
        return NAN;
    }
    return days * DAY_S + hours * 3600 + minutes * 60;
}

void vnish_info(const struct json *answer, struct heater_state *state, double *hash_unit,
                struct reply_faults *faults)
{
    char text[NAME_MAX_B];
    char mac[18];
    reply_text(answer, "miner", state->model, sizeof state->model, faults);
    reply_text(answer, "fw_version", text, sizeof text, faults);
    if (text[0] != '\0') {
        (void)snprintf(state->firmware, sizeof state->firmware, "VNish %.50s", text);
    }
    reply_text(answer, "system.network_status.mac", text, sizeof text, faults);
    if (reply_mac(text, mac)) {
        (void)text_copy(state->identity, sizeof state->identity, mac);
    }
    reply_text(answer, "system.uptime", text, sizeof text, faults);
    state->uptime_s = reading_make(vnish_uptime_s(text), state->at, PROVENANCE_REPORTED);
    reply_text_if_any(answer, "hr_measure", text, sizeof text, faults);
    *hash_unit = strcmp(text, "MH/s") == 0 ? 1e6 : 1e9;
}

static enum vnish_run run_of(const struct json *answer, struct reply_faults *faults)
{
    static const struct {
        const char *name;
        enum vnish_run run;
    } runs[] = {{"mining", VNISH_ON},         {"initializing", VNISH_ON}, {"starting", VNISH_ON},
                {"auto-tuning", VNISH_ON},    {"restarting", VNISH_ON},   {"stopped", VNISH_OFF},
                {"shutting-down", VNISH_OFF}, {"failure", VNISH_FAILED}};
    char name[32];
    reply_text(answer, "miner.miner_status.miner_state", name, sizeof name, faults);
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        if (strcmp(runs[i].name, name) == 0) {
            return runs[i].run;
        }
    }
    return VNISH_UNKNOWN;
}

/* Its own fee's pool is not the owner's. */
static void take_pools(const struct json *pools, struct heater_state *state,
                       struct reply_faults *faults)
{
    uint64_t accepted = 0;
    uint64_t rejected = 0;
    uint64_t stale = 0;
    bool user_pool = false;
    for (const struct json *pool = json_first(pools); pool != NULL; pool = json_next(pool)) {
        char text[URL_MAX];
        reply_text_if_any(pool, "pool_type", text, sizeof text, faults);
        if (text[0] != '\0' && strcmp(text, "UserPool") != 0) {
            continue;
        }
        user_pool = true;
        uint64_t count = 0;
        accepted += reply_count(pool, "accepted", &count, faults) ? count : 0;
        rejected += reply_count(pool, "rejected", &count, faults) ? count : 0;
        stale += reply_count(pool, "stale", &count, faults) ? count : 0;
        reply_text(pool, "status", text, sizeof text, faults);
        if (state->pool[0] == '\0' &&
            (strcmp(text, "active") == 0 || strcmp(text, "working") == 0)) {
            reply_text(pool, "url", text, sizeof text, faults);
            pool_url_place(text, state->pool);
            reply_text(pool, "user", state->pool_user, sizeof state->pool_user, faults);
        }
    }
    state->shares_accepted = accepted;
    state->shares_rejected = rejected;
    state->shares_stale = stale;
    if (user_pool) {
        state->pool_link = state->pool[0] != '\0' ? POOL_OK : POOL_LOST;
    }
}

void vnish_summary(const struct json *answer, double hash_unit, struct heater_state *state,
                   struct vnish_settings *settings, struct reply_faults *faults)
{
    const double best = reply_number_if_any(answer, "miner.best_share", 0, 1e18, faults);
    const hb_mono at = state->at;
    settings->run = run_of(answer, faults);
    settings->throttled =
        reply_number_if_any(answer, "miner.miner_status.throttled", 0, 100, faults);
    reply_text_if_any(answer, "miner.miner_status.description", settings->failure,
                      sizeof settings->failure, faults);
    state->power_w =
        reading_make(reply_number(answer, "miner.power_consumption", 0, MOST_W, faults), at,
                     PROVENANCE_REPORTED);
    state->hashrate_hs =
        reading_make(hash_unit * reply_number(answer, "miner.hr_realtime", 0, MOST_HASH, faults),
                     at, PROVENANCE_REPORTED);
    state->chip_c =
        reading_make(reply_number(answer, "miner.chip_temp.max", LEAST_C, MOST_C, faults), at,
                     PROVENANCE_REPORTED);
    state->board_c =
        reading_make(reply_number(answer, "miner.pcb_temp.max", LEAST_C, MOST_C, faults), at,
                     PROVENANCE_REPORTED);
    state->fan_ratio =
        reading_make(reply_number_if_any(answer, "miner.cooling.fan_duty", 0, 100, faults) / 100,
                     at, PROVENANCE_REPORTED);
    state->best_difficulty = isfinite(best) ? best : 0;
    take_pools(json_path(answer, "miner.pools"), state, faults);
}

/* --- presets ---------------------------------------------------------------------------------- */

/* A preset is called by its power: "2800". */
static double named_power_w(const char *name)
{
    double w = NAN;
    return text_to_number(name, strlen(name), &w) && w > 0 && w <= MOST_W ? w : NAN;
}

void vnish_perf_summary(const struct json *answer, struct vnish_settings *settings,
                        struct reply_faults *faults)
{
    reply_text_if_any(answer, "current_preset.name", settings->preset, sizeof settings->preset,
                      faults);
    settings->preset_w = named_power_w(settings->preset);
}

void vnish_presets(const struct json *answer, struct vnish_presets *presets,
                   struct reply_faults *faults)
{
    *presets = (struct vnish_presets){0};
    for (const struct json *row = json_first(answer); row != NULL && presets->count < VNISH_PRESETS;
         row = json_next(row)) {
        struct vnish_preset *preset = &presets->list[presets->count];
        char status[16];
        reply_text(row, "name", preset->name, sizeof preset->name, faults);
        reply_text(row, "status", status, sizeof status, faults);
        preset->power_w = named_power_w(preset->name);
        preset->tuned = strcmp(status, "tuned") == 0;
        if (isfinite(preset->power_w) &&
            reply_bool_if_any(row, "modded_psu_required", faults) != 1) {
            presets->count++;
        }
    }
}

size_t vnish_usable(const struct vnish_presets *presets, bool untuned,
                    struct vnish_preset usable[VNISH_PRESETS])
{
    size_t count = 0;
    bool any_tuned = false;
    for (size_t i = 0; i < presets->count; i++) {
        any_tuned = any_tuned || presets->list[i].tuned;
    }
    for (size_t i = 0; i < presets->count; i++) {
        if (untuned || !any_tuned || presets->list[i].tuned) {
            usable[count++] = presets->list[i];
        }
    }
    return count;
}

bool vnish_token(const struct json *answer, char token[VNISH_TOKEN], struct reply_faults *faults)
{
    reply_text(answer, "token", token, VNISH_TOKEN, faults);
    return token[0] != '\0';
}

/* --- bodies ----------------------------------------------------------------------------------- */

bool vnish_body_unlock(char *body, size_t size, const char *password)
{
    struct json *json = json_new_object();
    json_add_string(json, "pw", password);
    return json_print_to(json, body, size);
}

bool vnish_body_throttle(char *body, size_t size, int percent)
{
    struct json *json = json_new_object();
    json_add_number(json, "percent", percent, 0);
    return json_print_to(json, body, size);
}

/* Only the one key: what is left out of a settings document stays as it is. */
bool vnish_body_preset(char *body, size_t size, const char *preset)
{
    struct json *json = json_new_object();
    struct json *miner = json_new_object();
    struct json *overclock = json_new_object();
    json_add_string(overclock, "preset", preset);
    json_add(miner, "overclock", overclock);
    json_add(json, "miner", miner);
    return json_print_to(json, body, size);
}
