#include "devices/whatsminer_codec.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "devices/pool_url.h"
#include "ground/text.h"

#define MOST_W     30000.0
#define MOST_MHS   1e10
#define MOST_THS   1e4
#define MOST_S     3.2e9
#define MOST_UNIX  1e11
#define LEAST_C    (-40.0)
#define MOST_C     150.0
#define MOST_CODE  99999999.0
#define HS_PER_MHS 1e6
#define HS_PER_THS 1e12

void whatsminer_forget(struct whatsminer *seen, hb_mono now)
{
    *seen = (struct whatsminer){
        .state = reply_unknown_state(now),
        .set = {.off = -1, .ramped = -1, .limit_w = NAN, .percent = NAN},
        .writable = -1,
        .when_s = NAN,
    };
}

/* --- fields ------------------------------------------------------------------------------------*/

/* Firmware writes flags as true, 1, "true" or "1". */
static int flag(const struct json *json, const char *path, struct reply_faults *faults)
{
    static const char *const yes[] = {"true", "1", "enable", "on"};
    static const char *const no[] = {"false", "0", "disable", "off"};
    const char *text = json_string(json_path(json, path));
    if (text == NULL) {
        return reply_bool_if_any(json, path, faults);
    }
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcasecmp(text, yes[i]) == 0) {
            return 1;
        }
        if (strcasecmp(text, no[i]) == 0) {
            return 0;
        }
    }
    reply_fault(faults, REPLY_TYPE, "%s: expected true or false, got another text", path);
    return -1;
}

/* A setting that some firmware leaves empty. */
static double setting(const struct json *json, const char *path, double max,
                      struct reply_faults *faults)
{
    const char *text = json_string(json_path(json, path));
    return json_path(json, path) == NULL || (text != NULL && text[0] == '\0')
               ? (double)NAN
               : reply_number_or_text(json, path, 0, max, faults);
}

/* Told as 0 while it was never set. */
static double percent(const struct json *json, const char *path, struct reply_faults *faults)
{
    const double told = setting(json, path, 200, faults);
    return told == 0 ? 100 : told;
}

static double hotter(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

static void take(const struct whatsminer *seen, struct reading *reading, double value)
{
    *reading = reading_make(value, seen->state.at, PROVENANCE_REPORTED);
}

static void take_mac(struct whatsminer *seen, const struct json *json, const char *path,
                     struct reply_faults *faults)
{
    char text[NAME_MAX_B];
    char mac[18];
    reply_text_if_any(json, path, text, sizeof text, faults);
    if (reply_mac(text, mac)) {
        (void)text_copy(seen->state.identity, sizeof seen->state.identity, mac);
    }
}

/* "'20210322.22.REL'" has its quotes inside the string. */
static void take_firmware(struct whatsminer *seen, const struct json *json, const char *path,
                          struct reply_faults *faults)
{
    char text[NAME_MAX_B];
    reply_text_if_any(json, path, text, sizeof text, faults);
    const char *begin = text + strspn(text, "'");
    const int len = (int)strcspn(begin, "'");
    if (len > 0) {
        (void)snprintf(seen->state.firmware, sizeof seen->state.firmware, "%.*s", len, begin);
    }
}

static void note_code(struct whatsminer *seen, const char *text)
{
    double code = NAN;
    if (seen->code_count < WHATSMINER_CODES && text_to_number(text, strlen(text), &code) &&
        code >= 1 && code <= MOST_CODE) {
        seen->codes[seen->code_count++] = (int)code;
    }
}

/* [{"218":"date"},...], with "reason" beside it in API 3; or only ["218",...]. */
static void take_codes(struct whatsminer *seen, const struct json *codes)
{
    seen->code_count = 0;
    for (const struct json *row = json_first(codes); row != NULL; row = json_next(row)) {
        if (json_string(row) != NULL) {
            note_code(seen, json_string(row));
        }
        for (const struct json *m = json_is_object(row) ? json_first(row) : NULL; m != NULL;
             m = json_next(m)) {
            note_code(seen, json_name(m));
        }
    }
}

/* --- API 2 -------------------------------------------------------------------------------------*/

static bool read_status2(const struct json *answer, struct whatsminer *seen,
                         struct reply_faults *faults)
{
    seen->set.off = flag(answer, "Msg.mineroff", faults);
    if (seen->set.off < 0) {
        seen->set.off = flag(answer, "Msg.btmineroff", faults); /* older firmware */
    }
    if (seen->set.off < 0) {
        reply_fault(faults, REPLY_MISSING, "Msg.mineroff: missing");
    }
    seen->set.limit_w = setting(answer, "Msg.power_limit_set", MOST_W, faults);
    seen->set.percent = percent(answer, "Msg.power_pct", faults);
    take_firmware(seen, answer, "Msg.FirmwareVersion", faults);
    seen->when_s = reply_number_if_any(answer, "When", 0, MOST_UNIX, faults);
    return json_is_object(json_get(answer, "Msg"));
}

/* Without its mining there may be no summary. */
static const struct json *section2(const struct json *answer, const char *path,
                                   const struct whatsminer *seen, struct reply_faults *faults)
{
    const struct json *section = json_path(answer, path);
    if (section == NULL && seen->set.off != 1) {
        reply_fault(faults, REPLY_MISSING, "%s: missing", path);
    }
    return section;
}

static bool read_summary2(const struct json *answer, struct whatsminer *seen,
                          struct reply_faults *faults)
{
    struct heater_state *state = &seen->state;
    const struct json *s = section2(answer, "SUMMARY[0]", seen, faults);
    if (s == NULL) {
        return false;
    }
    double mhs = reply_number_if_any(s, "HS RT", 0, MOST_MHS, faults);
    if (isnan(mhs)) {
        mhs = reply_number(s, "MHS av", 0, MOST_MHS, faults);
    }
    take(seen, &state->hashrate_hs, mhs * HS_PER_MHS);
    take(seen, &state->power_w, reply_number(s, "Power", 0, MOST_W, faults));
    take(seen, &state->chip_c, reply_number_if_any(s, "Chip Temp Max", LEAST_C, MOST_C, faults));
    take(seen, &state->inlet_c, reply_number_if_any(s, "Env Temp", LEAST_C, MOST_C, faults));
    take(seen, &state->uptime_s, reply_number(s, "Elapsed", 0, MOST_S, faults));
    const double limit_w = reply_number(s, "Power Limit", 0, MOST_W, faults);
    seen->set.limit_w = limit_w > 0 ? limit_w : seen->set.limit_w; /* that which holds */
    seen->set.ramped = flag(s, "Hash Stable", faults);
    (void)reply_count(s, "Accepted", &state->shares_accepted, faults);
    if (json_get(s, "Rejected") != NULL) {
        (void)reply_count(s, "Rejected", &state->shares_rejected, faults);
    }
    if (json_get(s, "Stale") != NULL) {
        (void)reply_count(s, "Stale", &state->shares_stale, faults);
    }
    const double best = reply_number_if_any(s, "Best Share", 0, 1e18, faults);
    state->best_difficulty = isfinite(best) ? best : 0;
    take_mac(seen, s, "MAC", faults);
    if (state->firmware[0] == '\0') {
        take_firmware(seen, s, "Firmware Version", faults);
    }
    return true;
}

static bool read_info2(const struct json *answer, struct whatsminer *seen,
                       struct reply_faults *faults)
{
    take_mac(seen, answer, "Msg.mac", faults);
    return json_is_object(json_get(answer, "Msg"));
}

static bool read_boards2(const struct json *answer, struct whatsminer *seen,
                         struct reply_faults *faults)
{
    double board_c = NAN;
    const struct json *boards = section2(answer, "DEVS", seen, faults);
    for (const struct json *b = json_first(boards); b != NULL; b = json_next(b)) {
        board_c = hotter(board_c, reply_number_if_any(b, "Temperature", LEAST_C, MOST_C, faults));
    }
    take(seen, &seen->state.board_c, board_c);
    return boards != NULL;
}

static bool read_model2(const struct json *answer, struct whatsminer *seen,
                        struct reply_faults *faults)
{
    const struct json *details = section2(answer, "DEVDETAILS[0]", seen, faults);
    reply_text_if_any(details, "Model", seen->state.model, sizeof seen->state.model, faults);
    return details != NULL;
}

static bool read_codes2(const struct json *answer, struct whatsminer *seen,
                        struct reply_faults *faults)
{
    (void)faults;
    take_codes(seen, json_path(answer, "Msg.error_code"));
    return true;
}

/* The names of a pool's fields in both APIs. */
struct pool_names {
    const char *url, *user, *alive, *active;
};

static void take_pools(const struct json *pools, const struct pool_names *names,
                       struct whatsminer *seen, struct reply_faults *faults)
{
    struct heater_state *state = &seen->state;
    bool alive = false;
    for (const struct json *pool = json_first(pools); pool != NULL; pool = json_next(pool)) {
        char url[URL_MAX];
        char status[16];
        reply_text(pool, names->alive, status, sizeof status, faults);
        alive = alive || strcasecmp(status, "alive") == 0;
        if (flag(pool, names->active, faults) != 1 || state->pool[0] != '\0') {
            continue;
        }
        reply_text(pool, names->url, url, sizeof url, faults);
        pool_url_place(url, state->pool);
        reply_text(pool, names->user, state->pool_user, sizeof state->pool_user, faults);
    }
    if (json_count(pools) > 0) {
        state->pool_link = state->pool[0] != '\0' ? POOL_OK : alive ? POOL_CONNECTING : POOL_LOST;
    }
}

static bool read_pools2(const struct json *answer, struct whatsminer *seen,
                        struct reply_faults *faults)
{
    static const struct pool_names names = {"URL", "User", "Status", "Stratum Active"};
    const struct json *pools = section2(answer, "POOLS", seen, faults);
    take_pools(pools, &names, seen, faults);
    return pools != NULL;
}

/* --- API 3 -------------------------------------------------------------------------------------*/

static bool read_info3(const struct json *answer, struct whatsminer *seen,
                       struct reply_faults *faults)
{
    const struct json *msg = json_get(answer, "msg");
    const int working = flag(msg, "miner.working", faults);
    if (working < 0) {
        reply_fault(faults, REPLY_MISSING, "msg.miner.working: missing");
    }
    seen->set.off = working < 0 ? -1 : 1 - working;
    seen->writable = flag(msg, "system.apiswitch", faults);
    reply_text(msg, "salt", seen->salt, sizeof seen->salt, faults);
    seen->when_s = reply_number(answer, "when", 0, MOST_UNIX, faults);
    reply_text(msg, "miner.type", seen->state.model, sizeof seen->state.model, faults);
    take_firmware(seen, msg, "system.fwversion", faults);
    take_mac(seen, msg, "network.mac", faults);
    take_codes(seen, json_get(msg, "error-code"));
    return json_is_object(json_get(msg, "miner"));
}

static bool read_setting3(const struct json *answer, struct whatsminer *seen,
                          struct reply_faults *faults)
{
    const struct json *msg = json_get(answer, "msg");
    seen->set.limit_w = setting(msg, "power-limit", MOST_W, faults);
    seen->set.percent = percent(msg, "power-percent", faults);
    return json_is_object(msg);
}

static bool read_summary3(const struct json *answer, struct whatsminer *seen,
                          struct reply_faults *faults)
{
    struct heater_state *state = &seen->state;
    const struct json *s = json_path(answer, "msg.summary");
    double board_c = NAN;
    if (s == NULL) {
        reply_fault(faults, REPLY_MISSING, "msg.summary: missing");
        return false;
    }
    const double ths = reply_number(s, "hash-realtime", 0, MOST_THS, faults);
    take(seen, &state->hashrate_hs, ths * HS_PER_THS);
    take(seen, &state->power_w, reply_number(s, "power-realtime", 0, MOST_W, faults));
    take(seen, &state->chip_c, reply_number_if_any(s, "chip-temp-max", LEAST_C, MOST_C, faults));
    take(seen, &state->inlet_c,
         reply_number_if_any(s, "environment-temperature", LEAST_C, MOST_C, faults));
    take(seen, &state->uptime_s, reply_number(s, "elapsed", 0, MOST_S, faults));
    for (const struct json *b = json_first(json_get(s, "board-temperature")); b != NULL;
         b = json_next(b)) {
        double c = NAN;
        board_c = json_number(b, &c) && c > LEAST_C && c < MOST_C ? hotter(board_c, c) : board_c;
    }
    take(seen, &state->board_c, board_c);
    if (isnan(seen->set.limit_w)) {
        seen->set.limit_w = setting(s, "power-limit", MOST_W, faults);
    }
    seen->set.ramped = flag(s, "up-freq-finish", faults);
    return true;
}

static bool read_pools3(const struct json *answer, struct whatsminer *seen,
                        struct reply_faults *faults)
{
    static const struct pool_names names = {"url", "account", "status", "stratum-active"};
    const struct json *pools = json_path(answer, "msg.pools");
    take_pools(pools, &names, seen, faults);
    return pools != NULL;
}

const struct whatsminer_part *whatsminer_parts(enum whatsminer_api api)
{
    static const struct whatsminer_part api2[] = {
        {"{\"cmd\":\"get_miner_info\"}", read_info2, true},
        {"{\"cmd\":\"status\"}", read_status2, true},
        {"{\"cmd\":\"summary\"}", read_summary2, false},
        {"{\"cmd\":\"edevs\"}", read_boards2, false},
        {"{\"cmd\":\"devdetails\"}", read_model2, false},
        {"{\"cmd\":\"pools\"}", read_pools2, false},
        {"{\"cmd\":\"get_error_code\"}", read_codes2, false},
        {0},
    };
    static const struct whatsminer_part api3[] = {
        {"{\"cmd\":\"get.device.info\",\"param\":null}", read_info3, true},
        {"{\"cmd\":\"get.miner.setting\",\"param\":null}", read_setting3, false},
        {"{\"cmd\":\"get.miner.status\",\"param\":\"summary\"}", read_summary3, false},
        {"{\"cmd\":\"get.miner.status\",\"param\":\"pools\"}", read_pools3, false},
        {0},
    };
    return api == WHATSMINER_API2 ? api2 : api3;
}

/* --- conclusions -------------------------------------------------------------------------------*/

static double applied_w(const struct whatsminer_set *set)
{
    if (set->off == 1) {
        return 0;
    }
    return set->off == 0 ? set->limit_w * set->percent / 100 : NAN;
}

static void find_problem(struct whatsminer *seen)
{
    struct heater_state *state = &seen->state;
    const struct whatsminer_error *known = NULL;
    int code = 0;
    for (size_t i = 0; i < seen->code_count; i++) {
        const struct whatsminer_error *error = whatsminer_error(seen->codes[i]);
        if (error != NULL && error->hot) {
            state->health = HEATER_OVERHEATED;
        }
        if (known == NULL || (error != NULL && error->hot && !known->hot)) {
            known = error;
            code = seen->codes[i];
        }
    }
    if (seen->code_count == 0) {
        return;
    }
    state->problem = true;
    const int len =
        snprintf(state->problem_text, sizeof state->problem_text, "it reports error %d: %s", code,
                 known != NULL ? known->what : "see its manual");
    if (seen->code_count > 1) {
        (void)snprintf(state->problem_text + len, sizeof state->problem_text - (size_t)len,
                       " (and %zu more)", seen->code_count - 1);
    }
}

void whatsminer_conclude(struct whatsminer *seen, double standby_w)
{
    struct heater_state *state = &seen->state;
    state->applied_w = applied_w(&seen->set);
    if (seen->set.off == 1) {
        state->chip_c = reading_none(); /* without current they cannot be read */
        if (!mono_is_set(state->power_w.at)) {
            state->power_w = reading_make(standby_w, state->at, PROVENANCE_MODELLED);
        }
        if (!mono_is_set(state->hashrate_hs.at)) {
            take(seen, &state->hashrate_hs, 0);
        }
    }
    find_problem(seen);
}
