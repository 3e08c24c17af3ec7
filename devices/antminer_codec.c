#include "devices/antminer_codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/pool_url.h"
#include "ground/text.h"

#define MOST_RATE 1e12
#define MOST_S    3.2e9
#define LEAST_C   (-40.0)
#define MOST_C    150.0

/* --- readings ----------------------------------------------------------------------------------*/

void antminer_system(const struct json *answer, struct heater_state *state,
                     struct reply_faults *faults)
{
    char text[NAME_MAX_B];
    char mac[18];
    reply_text(answer, "minertype", state->model, sizeof state->model, faults);
    reply_text(answer, "system_filesystem_version", state->firmware, sizeof state->firmware,
               faults);
    reply_text(answer, "macaddr", text, sizeof text, faults);
    if (reply_mac(text, mac)) {
        (void)text_copy(state->identity, sizeof state->identity, mac);
        return;
    }
    reply_text_if_any(answer, "serinum", state->identity, sizeof state->identity, faults);
}

static double rate_unit(const struct json *stats)
{
    static const struct {
        const char *name;
        double hs;
    } units[] = {{"TH/s", 1e12}, {"GH/s", 1e9}, {"GH", 1e9}, {"MH/s", 1e6}, {"KH/s", 1e3}};
    const char *name = json_string(json_get(stats, "rate_unit"));
    for (size_t i = 0; name != NULL && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(units[i].name, name) == 0) {
            return units[i].hs;
        }
    }
    return name == NULL ? 1e9 : NAN;
}

/* 0 stands for a sensor that is not there. */
static double hottest(const struct json *list, double so_far, struct reply_faults *faults)
{
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        const double c = reply_number(item, "", LEAST_C, MOST_C, faults);
        if (isfinite(c) && c != 0 && !(c <= so_far)) {
            so_far = c;
        }
    }
    return so_far;
}

void antminer_stats(const struct json *answer, struct heater_state *state,
                    struct reply_faults *faults)
{
    const struct json *stats = json_path(answer, "STATS[0]");
    double chip_c = NAN;
    double board_c = NAN;
    if (stats == NULL) {
        return;
    }
    const double rate = reply_number(stats, "rate_5s", 0, MOST_RATE, faults);
    state->hashrate_hs = reading_make(rate * rate_unit(stats), state->at, PROVENANCE_REPORTED);
    state->uptime_s = reading_make(reply_number(stats, "elapsed", 0, MOST_S, faults), state->at,
                                   PROVENANCE_REPORTED);
    const struct json *chain = json_first(json_get(stats, "chain"));
    for (; chain != NULL; chain = json_next(chain)) {
        chip_c = hottest(json_get(chain, "temp_chip"), chip_c, faults);
        board_c = hottest(json_get(chain, "temp_pcb"), board_c, faults);
    }
    state->chip_c = reading_make(chip_c, state->at, PROVENANCE_REPORTED);
    state->board_c = reading_make(board_c, state->at, PROVENANCE_REPORTED);
}

void antminer_summary(const struct json *answer, struct heater_state *state,
                      struct reply_faults *faults)
{
    const struct json *summary = json_path(answer, "SUMMARY[0]");
    const double best = reply_number_if_any(summary, "bestshare", 0, 1e18, faults);
    state->best_difficulty = isfinite(best) ? best : 0;
    const struct json *row = json_first(json_get(summary, "status"));
    for (; row != NULL && !state->problem; row = json_next(row)) {
        char type[16];
        char text[NAME_MAX_B];
        reply_text(row, "status", text, sizeof text, faults);
        reply_text_if_any(row, "type", type, sizeof type, faults);
        if (text[0] == '\0' || strcmp(text, "s") == 0) {
            continue;
        }
        reply_text_if_any(row, "msg", text, sizeof text, faults);
        state->problem = true;
        (void)snprintf(state->problem_text, sizeof state->problem_text,
                       "the Antminer finds fault with its %s: %s", type[0] != '\0' ? type : "state",
                       text[0] != '\0' ? text : "it does not say which");
        if (strcmp(type, "temp") == 0) {
            state->health = HEATER_OVERHEATED;
        }
    }
}

void antminer_pools(const struct json *answer, struct heater_state *state,
                    struct reply_faults *faults)
{
    bool alive = false;
    const struct json *pools = json_get(answer, "POOLS");
    for (const struct json *pool = json_first(pools); pool != NULL; pool = json_next(pool)) {
        char text[URL_MAX];
        uint64_t count = 0;
        state->shares_accepted += reply_count(pool, "accepted", &count, faults) ? count : 0;
        state->shares_rejected += reply_count(pool, "rejected", &count, faults) ? count : 0;
        state->shares_stale += reply_count(pool, "stale", &count, faults) ? count : 0;
        reply_text(pool, "status", text, sizeof text, faults);
        if (strcmp(text, "Alive") != 0 || alive) {
            continue; /* the first that answers is the one in use */
        }
        alive = true;
        reply_text(pool, "url", text, sizeof text, faults);
        pool_url_place(text, state->pool);
        reply_text(pool, "user", state->pool_user, sizeof state->pool_user, faults);
    }
    if (json_count(pools) > 0) {
        state->pool_link = alive ? POOL_OK : POOL_LOST;
    }
}

double antminer_rated_w(const char *model)
{
    /* Bitmain's data sheets, at 25 °C; the longest name that fits counts. */
    static const struct {
        const char *model;
        double w;
    } rated[] = {
        {"Antminer S9", 1323},      {"Antminer T17", 2200},     {"Antminer S17", 2520},
        {"Antminer S17 Pro", 2094}, {"Antminer T19", 3150},     {"Antminer S19", 3250},
        {"Antminer S19 Pro", 3250}, {"Antminer S19j", 3100},    {"Antminer S19j Pro", 3050},
        {"Antminer S19a", 3300},    {"Antminer S19 XP", 3010},  {"Antminer S19k Pro", 2760},
        {"Antminer S21", 3500},     {"Antminer S21 Pro", 3510}, {"Antminer S21 XP", 3645},
        {"Antminer T21", 3610},
    };
    double w = NAN;
    size_t longest = 0;
    for (size_t i = 0; i < sizeof rated / sizeof rated[0]; i++) {
        const size_t len = strlen(rated[i].model);
        const bool whole_word =
            strncmp(model, rated[i].model, len) == 0 && (model[len] == '\0' || model[len] == ' ');
        if (whole_word && len > longest) {
            longest = len;
            w = rated[i].w;
        }
    }
    return w;
}

bool antminer_taken(const struct json *answer, char code[NAME_MAX_B], struct reply_faults *faults)
{
    char stats[16];
    reply_text(answer, "stats", stats, sizeof stats, faults);
    reply_text_if_any(answer, "code", code, NAME_MAX_B, faults);
    return strcmp(stats, "success") == 0;
}
