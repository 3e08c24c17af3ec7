#include "devices/apollo_codec.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/text.h"

#define POWER_MAX_W  20000.0
#define HASHRATE_MAX 1e9 /* GH/s */
#define GIGA         1e9

static const char *const mode_names[] = {[APOLLO_ECO] = "eco",
                                         [APOLLO_BALANCED] = "balanced",
                                         [APOLLO_TURBO] = "turbo",
                                         [APOLLO_CUSTOM] = "custom"};
enum { MODE_NAMES = sizeof mode_names / sizeof mode_names[0] };

const char apollo_query_state[] =
    "{\"query\":\"{Miner{online{result{online{status}}error{message}}"
    "stats{result{stats{version versions{miner}master{upTime boardsW}"
    "pool{host port userName intervals{int_0{sharesAccepted sharesRejected inService}}}"
    "temperature{max}slots{int_0{ghs temperature}}}}error{message}}}"
    "Settings{read{result{settings{minerMode}}error{message}}}"
    "Mcu{stats{result{stats{network{name mac}}}error{message}}}}\"}";
const char apollo_query_node[] =
    "{\"query\":\"{Settings{read{result{settings{nodeSoftware}}error{message}}}}\"}";

void apollo_forget(struct apollo *seen, hb_mono now)
{
    *seen = (struct apollo){.state = reply_unknown_state(now), .mode = APOLLO_MODE_UNKNOWN};
}

/* --- the answer as a whole --------------------------------------------------------------------*/

static void take_message(const struct json *json, char *why, size_t size)
{
    const char *message = json_string(json);
    if (message != NULL) {
        text_copy_printable(why, size, message, strlen(message));
    }
}

/* The `error` that every action has beside its result, anywhere below. */
static bool find_error(const struct json *json, int depth, char *why, size_t size)
{
    const struct json *message = json_path(json, "error.message");
    if (message != NULL && !json_is_null(message)) {
        take_message(message, why, size);
        return true;
    }
    for (const struct json *at = json_first(json); at != NULL && depth > 0; at = json_next(at)) {
        if (json_is_object(at) && find_error(at, depth - 1, why, size)) {
            return true;
        }
    }
    return false;
}

static enum apollo_answer judge(const struct json *json, char *why, size_t size)
{
    const struct json *error = json_item(json_get(json, "errors"), 0);
    if (error != NULL) {
        const char *code = json_string(json_path(error, "extensions.code"));
        take_message(json_get(error, "message"), why, size);
        return code != NULL && strcmp(code, "UNAUTHENTICATED") == 0 ? APOLLO_UNAUTHENTICATED
                                                                    : APOLLO_REFUSED;
    }
    const struct json *data = json_get(json, "data");
    if (!json_is_object(data)) {
        return APOLLO_UNUSABLE;
    }
    return find_error(data, 2, why, size) ? APOLLO_REFUSED : APOLLO_GOOD;
}

enum apollo_answer apollo_judge(const char *body, size_t len, char *why, size_t size,
                                struct reply_faults *faults)
{
    why[0] = '\0';
    struct json *json = reply_parse(body, len, faults);
    const enum apollo_answer answer = judge(json, why, size);
    json_free(json);
    return answer;
}

/* --- reading ----------------------------------------------------------------------------------*/

static struct reading told(const struct apollo *seen, double value)
{
    return reading_make(value, seen->state.at, PROVENANCE_REPORTED);
}

static double plus(double sum, double value)
{
    if (isnan(value)) {
        return sum;
    }
    return isnan(sum) ? value : sum + value;
}

static void read_online(const struct json *data, struct apollo *seen, struct reply_faults *faults)
{
    static const char *const names[] = {
        [APOLLO_OFFLINE] = "offline", [APOLLO_PENDING] = "pending", [APOLLO_ONLINE] = "online"};
    char status[APOLLO_ENUM_MAX];
    reply_text(data, "Miner.online.result.online.status", status, sizeof status, faults);
    for (int i = APOLLO_OFFLINE; i <= APOLLO_ONLINE; i++) {
        if (strcmp(status, names[i]) == 0) {
            seen->online = (enum apollo_online)i;
        }
    }
}

static void read_mode(const struct json *data, struct apollo *seen, struct reply_faults *faults)
{
    char mode[APOLLO_ENUM_MAX];
    reply_text(data, "Settings.read.result.settings.minerMode", mode, sizeof mode, faults);
    for (int i = 0; i < MODE_NAMES; i++) {
        if (mode_names[i] != NULL && strcmp(mode, mode_names[i]) == 0) {
            seen->mode = (enum apollo_mode)i;
        }
    }
}

static void read_model(const struct json *board, struct heater_state *state,
                       struct reply_faults *faults)
{
    char version[APOLLO_ENUM_MAX];
    reply_text_if_any(board, "version", version, sizeof version, faults);
    reply_text_if_any(board, "versions.miner", state->firmware, sizeof state->firmware, faults);
    (void)text_copy(state->model, sizeof state->model,
                    strcmp(version, "v1") == 0   ? "Apollo BTC"
                    : strcmp(version, "v2") == 0 ? "Apollo II"
                                                 : "Apollo");
}

static void read_pool(const struct json *board, struct heater_state *state,
                      struct reply_faults *faults)
{
    char host[NAME_MAX_B];
    const double port = reply_number_or_text(board, "pool.port", 1, 65535, faults);
    const double serves =
        reply_number_or_text(board, "pool.intervals.int_0.inService", 0, 1e12, faults);
    reply_text(board, "pool.host", host, sizeof host, faults);
    if (host[0] == '\0') {
        return;
    }
    if (isfinite(port)) {
        (void)snprintf(state->pool, sizeof state->pool, "%.50s:%.0f", host, port);
    } else {
        (void)text_copy(state->pool, sizeof state->pool, host);
    }
    reply_text_if_any(board, "pool.userName", state->pool_user, sizeof state->pool_user, faults);
    if (isfinite(serves)) {
        state->pool_link = serves > 0 ? POOL_OK : POOL_LOST;
    }
}

static void count_shares(const struct json *board, struct heater_state *state,
                         struct reply_faults *faults)
{
    const double accepted =
        reply_number_or_text(board, "pool.intervals.int_0.sharesAccepted", 0, 1e15, faults);
    const double rejected =
        reply_number_or_text(board, "pool.intervals.int_0.sharesRejected", 0, 1e15, faults);
    state->shares_accepted += isfinite(accepted) ? (uint64_t)accepted : 0;
    state->shares_rejected += isfinite(rejected) ? (uint64_t)rejected : 0;
}

/* What its boards say is what a file of the last run says: of a stopped miner it is history. */
static void read_boards(const struct json *data, struct apollo *seen, struct reply_faults *faults)
{
    struct heater_state *state = &seen->state;
    double power = NAN;
    double ghs = NAN;
    double chip = NAN;
    double board_c = NAN;
    const struct json *boards = json_path(data, "Miner.stats.result.stats");
    for (const struct json *at = json_first(boards); at != NULL; at = json_next(at)) {
        power = plus(power, reply_number_or_text(at, "master.boardsW", 0, POWER_MAX_W, faults));
        ghs = plus(ghs, reply_number_or_text(at, "slots.int_0.ghs", 0, HASHRATE_MAX, faults));
        chip = fmax(chip, reply_number_or_text(at, "temperature.max", -50, 200, faults));
        board_c =
            fmax(board_c, reply_number_or_text(at, "slots.int_0.temperature", -50, 200, faults));
        count_shares(at, state, faults);
        if (at == json_first(boards)) {
            read_model(at, state, faults);
            read_pool(at, state, faults);
            state->uptime_s =
                told(seen, reply_number_or_text(at, "master.upTime", 0, 1e10, faults));
        }
    }
    if (seen->online == APOLLO_ONLINE) {
        state->power_w = told(seen, power);
        state->hashrate_hs = told(seen, ghs * GIGA);
        state->chip_c = told(seen, chip);
        state->board_c = told(seen, board_c);
    } else {
        state->uptime_s = reading_none();
        state->pool_link = state->pool[0] != '\0' ? POOL_CONNECTING : POOL_NONE;
    }
    if (seen->online == APOLLO_OFFLINE) {
        state->hashrate_hs = told(seen, 0); /* its miner does not run */
    }
}

static void read_mac(const struct json *data, struct heater_state *state)
{
    char mac[18];
    const struct json *networks = json_path(data, "Mcu.stats.result.stats.network");
    for (const struct json *at = json_first(networks); at != NULL; at = json_next(at)) {
        const char *text = json_string(json_get(at, "mac"));
        const char *name = json_string(json_get(at, "name"));
        const bool wired = name != NULL && strncmp(name, "eth", 3) == 0;
        if (text != NULL && reply_mac(text, mac) && (wired || state->identity[0] == '\0')) {
            (void)text_copy(state->identity, sizeof state->identity, mac);
        }
    }
}

bool apollo_read_state(const char *body, size_t len, struct apollo *seen,
                       struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    const struct json *data = json_get(json, "data");
    if (data == NULL) {
        json_free(json);
        return false;
    }
    read_online(data, seen, faults);
    read_mode(data, seen, faults);
    read_boards(data, seen, faults);
    read_mac(data, &seen->state);
    json_free(json);
    return true;
}

/* The name of a value of an enum: letters, digits and underscores, for it is written back. */
static bool is_name(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_') {
            return false;
        }
    }
    return text[0] != '\0';
}

void apollo_read_node(const char *body, size_t len, struct apollo *seen,
                      struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    reply_text_if_any(json, "data.Settings.read.result.settings.nodeSoftware", seen->node_software,
                      sizeof seen->node_software, faults);
    if (!is_name(seen->node_software)) {
        seen->node_software[0] = '\0';
    }
    json_free(json);
}

bool apollo_read_login(const char *body, size_t len, char token[APOLLO_TOKEN_MAX])
{
    struct reply_faults faults = {0};
    struct json *json = reply_parse(body, len, &faults);
    const char *text = json_string(json_path(json, "data.Auth.login.result.accessToken"));
    bool usable = text != NULL && text[0] != '\0' && text_copy(token, APOLLO_TOKEN_MAX, text);
    for (const char *c = text; usable && *c != '\0'; c++) {
        usable = *c > ' ' && *c < 0x7f; /* it becomes a header */
    }
    if (!usable) {
        token[0] = '\0';
    }
    json_free(json);
    return usable;
}

/* --- writing ----------------------------------------------------------------------------------*/

static bool is_up(const struct apollo *seen, enum apollo_heading heading)
{
    return seen->online == APOLLO_ONLINE ||
           (seen->online == APOLLO_PENDING && heading == APOLLO_TO_OFF);
}

enum apollo_mode apollo_applied(const struct apollo *seen, enum apollo_heading heading)
{
    if (seen->online == APOLLO_ONLINE_UNKNOWN) {
        return APOLLO_MODE_UNKNOWN;
    }
    if (!is_up(seen, heading)) {
        return APOLLO_MODES;
    }
    return seen->mode == APOLLO_CUSTOM ? APOLLO_MODE_UNKNOWN : seen->mode;
}

bool apollo_needs(const struct apollo *seen, enum apollo_write write, enum apollo_mode mode,
                  enum apollo_heading heading, bool stale)
{
    const bool on = mode != APOLLO_MODES;
    const bool stopping = seen->online == APOLLO_PENDING && heading == APOLLO_TO_OFF;
    const bool new_mode = seen->mode != mode;
    switch (write) {
    case APOLLO_SET_MODE:
        return on && new_mode;
    case APOLLO_RESTART:
        return on && (new_mode || stale) &&
               (seen->online == APOLLO_ONLINE || (seen->online == APOLLO_PENDING && !stopping));
    case APOLLO_START:
        return on && (seen->online == APOLLO_OFFLINE || stopping ||
                      seen->online == APOLLO_ONLINE_UNKNOWN);
    case APOLLO_STOP:
        return !on && seen->online != APOLLO_OFFLINE && !stopping;
    case APOLLO_WRITES:
        break;
    }
    return false;
}

void apollo_write_body(const struct apollo *seen, enum apollo_write write, enum apollo_mode mode,
                       char body[APOLLO_BODY_MAX])
{
    static const char *const actions[APOLLO_WRITES] = {
        [APOLLO_RESTART] = "restart", [APOLLO_START] = "start", [APOLLO_STOP] = "stop"};
    if (write == APOLLO_SET_MODE) {
        const bool node = seen->node_software[0] != '\0';
        (void)snprintf(body, APOLLO_BODY_MAX,
                       "{\"query\":\"{Settings{update(input:{minerMode:%s%s%s})"
                       "{result{settings{minerMode}}error{message}}}}\"}",
                       mode_names[mode], node ? ",nodeSoftware:" : "", seen->node_software);
    } else {
        (void)snprintf(body, APOLLO_BODY_MAX, "{\"query\":\"{Miner{%s{error{message}}}}\"}",
                       actions[write]);
    }
}

bool apollo_login_body(const char *password, char body[APOLLO_BODY_MAX])
{
    struct json *json = json_new_object();
    struct json *variables = json_new_object();
    struct json *input = json_new_object();
    json_add_string(json, "query",
                    "query($input:AuthLoginInput!){Auth{login(input:$input)"
                    "{result{accessToken}error{message}}}}");
    json_add_string(input, "password", password);
    json_add(variables, "input", input);
    json_add(json, "variables", variables);
    return json_print_to(json, body, APOLLO_BODY_MAX);
}
