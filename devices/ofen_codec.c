#include "devices/ofen_codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "devices/braiins_codec.h"
#include "devices/pool_url.h"
#include "ground/text.h"

#define POWER_MAX_W  100000.0
#define HASHRATE_MAX 1e9 /* GH/s */
#define GIGA         1e9
#define MEGA         1e6

void ofen_forget(struct ofen *seen, hb_mono now)
{
    *seen = (struct ofen){.state = reply_unknown_state(now),
                          .operational = -1,
                          .enabled = -1,
                          .paired = -1,
                          .level = OFEN_LEVEL_UNKNOWN,
                          .told_w = NAN};
}

static struct reading reported(const struct ofen *seen, double value)
{
    return reading_make(value, seen->state.at, PROVENANCE_REPORTED);
}

/* --- answers that are one value ---------------------------------------------------------------*/

/* A bare value, with the quotes, white space and "W" that it may have around it. */
static double read_value(const char *body, size_t len, double max, const char *what,
                         struct reply_faults *faults)
{
    char text[48];
    const char *begin = body;
    const char *end = body + len;
    while (begin < end && strchr(" \t\r\n\"", *begin) != NULL && *begin != '\0') {
        begin++;
    }
    while (end > begin && strchr(" \t\r\n\"W", end[-1]) != NULL && end[-1] != '\0') {
        end--;
    }
    text_copy_printable(text, sizeof text, begin, (size_t)(end - begin));
    return reply_scan(text, 0, max, what, faults);
}

static int level_of(double value)
{
    return isfinite(value) && value == floor(value) ? (int)value : OFEN_LEVEL_UNKNOWN;
}

bool ofen_read_level(const char *body, size_t len, struct ofen *seen, struct reply_faults *faults)
{
    seen->level = level_of(read_value(body, len, OFEN_LEVELS - 1, "powerTarget", faults));
    return seen->level != OFEN_LEVEL_UNKNOWN;
}

bool ofen_read_watt(const char *body, size_t len, struct ofen *seen, struct reply_faults *faults)
{
    seen->told_w = read_value(body, len, POWER_MAX_W, "powerTarget/watt", faults);
    return isfinite(seen->told_w);
}

/* --- an Ofen ----------------------------------------------------------------------------------*/

bool ofen_read_system(const char *body, size_t len, struct ofen *seen, struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    char product[NAME_MAX_B];
    if (json == NULL) {
        return false;
    }
    struct heater_state *state = &seen->state;
    reply_text(json, "model", state->model, sizeof state->model, faults);
    reply_text(json, "version", state->firmware, sizeof state->firmware, faults);
    reply_text(json, "productId", product, sizeof product, faults);
    seen->paired = reply_bool_if_any(json, "isPaired", faults);
    const char *last = strrchr(product, ' '); /* "model serial" */
    (void)text_copy(state->identity, sizeof state->identity, last != NULL ? last + 1 : product);
    json_free(json);
    return true;
}

bool ofen_read_status(const char *body, size_t len, struct ofen *seen, struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    seen->operational = reply_bool(json, "operational", faults);
    json_free(json);
    return true;
}

/* The figure of the whole device stands in where the block of its miner has none. */
static void keep(struct reading *reading, struct reading instead)
{
    if (!mono_is_set(reading->at)) {
        *reading = instead;
    }
}

/* From 0.4 on. `enabled` is a truth value or the number of devices that are. */
static void read_forge(const struct json *json, struct ofen *seen, struct reply_faults *faults)
{
    struct heater_state *state = &seen->state;
    const struct json *mining = json_get(json, "miningDevices");
    const struct json *last = json_item(json_get(mining, "lastSummaries"), 0);
    double count = NAN;
    bool flag = false;
    if (json_bool(json_get(mining, "enabled"), &flag)) {
        seen->enabled = flag;
    } else if (json_number(json_get(mining, "enabled"), &count)) {
        seen->enabled = count >= 1;
    } else {
        reply_fault(faults, REPLY_MISSING, "miningDevices.enabled: expected it, got none");
    }
    if (last != NULL) {
        braiins_take_stats(last, state, faults);
        braiins_take_cooling(last, state, faults);
    }
    keep(&state->power_w,
         reported(seen, reply_number_if_any(mining, "powerConsumptionW", 0, POWER_MAX_W, faults)));
    keep(&state->chip_c,
         reported(seen, reply_number_if_any(mining, "maxChipTemperature", -50, 200, faults)));
    keep(&state->hashrate_hs,
         reported(seen, reply_number_if_any(mining, "hashRate", 0, HASHRATE_MAX, faults) * GIGA));
}

/* Before 0.4: GraphQL names of the Braiins OS inside. It is on while its tuner works. */
static void read_summary(const struct json *json, struct ofen *seen, struct reply_faults *faults)
{
    struct heater_state *state = &seen->state;
    seen->enabled = json_get(json, "tunerStatus") != NULL;
    state->power_w = reported(
        seen, reply_number_if_any(json, "power.approxConsumptionW", 0, POWER_MAX_W, faults));
    state->hashrate_hs = reported(
        seen,
        reply_number_if_any(json, "realHashrate.mhs5S", 0, 1e3 * HASHRATE_MAX, faults) * MEGA);
}

bool ofen_read_summary(const char *body, size_t len, struct ofen *seen, struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    if (json_get(json, "forge") != NULL) {
        read_forge(json, seen, faults);
    } else {
        read_summary(json, seen, faults);
    }
    json_free(json);
    return true;
}

bool ofen_read_pools(const char *body, size_t len, struct ofen *seen, struct reply_faults *faults)
{
    static const char *const names[][2] = {{"url1", "user1"}, {"poolUrl1", "poolUser1"}};
    struct json *json = reply_parse(body, len, faults);
    struct heater_state *state = &seen->state;
    char url[URL_MAX];
    if (json == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0] && state->pool[0] == '\0'; i++) {
        reply_text_if_any(json, names[i][0], url, sizeof url, faults);
        pool_url_place(url, state->pool);
        reply_text_if_any(json, names[i][1], state->pool_user, sizeof state->pool_user, faults);
    }
    json_free(json);
    return true;
}

/* --- a 21port ---------------------------------------------------------------------------------*/

bool port21_read_configuration(const char *body, size_t len, struct ofen *seen,
                               struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    struct heater_state *state = &seen->state;
    reply_text(json, "id", state->identity, sizeof state->identity, faults);
    if (strcmp(state->identity, "21PORT") == 0) {
        state->identity[0] = '\0'; /* the name of its kind, not of this one */
    }
    json_free(json);
    return true;
}

static void read_forge_status(const struct json *json, struct ofen *seen,
                              struct reply_faults *faults)
{
    static const char *const running[] = {"running", "running_no_main_loop", "paused"};
    char status[32];
    reply_text(json, "forgeStatus", status, sizeof status, faults);
    seen->operational = status[0] == '\0' ? -1 : 0;
    for (size_t i = 0; i < sizeof running / sizeof running[0]; i++) {
        if (strcmp(status, running[i]) == 0) {
            seen->operational = 1;
        }
    }
}

static enum pool_link read_pool_status(const struct json *json, struct reply_faults *faults)
{
    char status[32];
    reply_text_if_any(json, "poolStatus", status, sizeof status, faults);
    if (status[0] == '\0') {
        return POOL_NONE;
    }
    return strcmp(status, "alive") == 0 ? POOL_OK : POOL_LOST;
}

static void read_one_device(const struct json *device, struct ofen *seen,
                            struct reply_faults *faults)
{
    struct heater_state *state = &seen->state;
    seen->enabled = reply_bool(device, "enabled", faults);
    seen->level = level_of(reply_number(device, "powerLevel", 0, OFEN_LEVELS - 1, faults));
    state->power_w =
        reported(seen, reply_number(device, "powerConsumptionW", 0, POWER_MAX_W, faults));
    state->hashrate_hs =
        reported(seen, reply_number(device, "hashrateGhs", 0, HASHRATE_MAX, faults) * GIGA);
    state->chip_c =
        reported(seen, reply_number_if_any(device, "chipTemperature", -50, 200, faults));
    state->pool_link = read_pool_status(device, faults);
    reply_text_if_any(device, "model", state->model, sizeof state->model, faults);
}

/* On if any of them is; the hottest chip counts. */
static void read_all_devices(const struct json *json, struct ofen *seen,
                             struct reply_faults *faults)
{
    struct heater_state *state = &seen->state;
    double chip = NAN;
    const struct json *devices = json_get(json, "devices");
    for (const struct json *at = json_first(devices); at != NULL; at = json_next(at)) {
        const int enabled = reply_bool(at, "enabled", faults);
        seen->enabled = enabled > seen->enabled ? enabled : seen->enabled;
        chip = fmax(chip, reply_number_if_any(at, "chipTemperature", -50, 200, faults));
    }
    seen->level = level_of(reply_number(json, "powerLevel", 0, OFEN_LEVELS - 1, faults));
    state->power_w =
        reported(seen, reply_number(json, "currentPowerConsumptionW", 0, POWER_MAX_W, faults));
    state->hashrate_hs =
        reported(seen, reply_number(json, "totalHashrateGhs", 0, HASHRATE_MAX, faults) * GIGA);
    state->chip_c = reported(seen, chip);
    state->pool_link = read_pool_status(json, faults);
    (void)text_copy(state->model, sizeof state->model, "21port");
}

bool port21_read_summary(const char *body, size_t len, const char *miner, struct ofen *seen,
                         struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    bool found = miner[0] == '\0';
    read_forge_status(json, seen, faults);
    if (found) {
        read_all_devices(json, seen, faults);
    }
    const struct json *devices = json_get(json, "devices");
    for (const struct json *at = json_first(devices); at != NULL && !found; at = json_next(at)) {
        const char *id = json_string(json_get(at, "id"));
        if (id != NULL && strcmp(id, miner) == 0) {
            found = true;
            read_one_device(at, seen, faults);
        }
    }
    reply_text_if_any(json, "firmwareVersion.controlVersion", seen->state.firmware,
                      sizeof seen->state.firmware, faults);
    json_free(json);
    return found;
}

bool port21_read_pools(const char *body, size_t len, struct ofen *seen, struct reply_faults *faults)
{
    struct json *json = reply_parse(body, len, faults);
    char url[URL_MAX];
    if (json == NULL) {
        return false;
    }
    const struct json *first = json_item(json, 0);
    reply_text_if_any(first, "url", url, sizeof url, faults);
    pool_url_place(url, seen->state.pool);
    reply_text_if_any(first, "user", seen->state.pool_user, sizeof seen->state.pool_user, faults);
    json_free(json);
    return true;
}

/* --- writing ----------------------------------------------------------------------------------*/

static bool is_on(const struct ofen *seen)
{
    return seen->enabled == 1 && seen->operational != 0;
}

int ofen_applied(const struct ofen *seen)
{
    if (seen->enabled == 0 || seen->operational == 0) {
        return OFEN_LEVEL_OFF;
    }
    return seen->enabled < 0 ? OFEN_LEVEL_UNKNOWN : seen->level;
}

bool ofen_needs(const struct ofen *seen, enum ofen_write write, int level, bool early_refused)
{
    const bool on = level != OFEN_LEVEL_OFF;
    switch (write) {
    case OFEN_SET_LEVEL:
        return on && seen->level != level && (is_on(seen) || !early_refused);
    case OFEN_ENABLE:
        return on && !is_on(seen);
    case OFEN_DISABLE:
        return !on && seen->enabled != 0;
    case OFEN_WRITES:
        break;
    }
    return false;
}

struct ofen_call ofen_call(enum ofen_write write, int level, const char *miner)
{
    struct ofen_call call = {"/21control/heater/enable", ""};
    (void)miner; /* there is only one inside */
    if (write == OFEN_SET_LEVEL) {
        (void)snprintf(call.path, sizeof call.path, "/21control/heater/powerTarget/%d", level);
    } else {
        (void)snprintf(call.body, sizeof call.body, "{\"enabled\":%s}",
                       write == OFEN_ENABLE ? "true" : "false");
    }
    return call;
}

struct ofen_call port21_call(enum ofen_write write, int level, const char *miner)
{
    struct ofen_call call = {"/21port/mining/enable", ""};
    struct json *json = json_new_object();
    if (write == OFEN_SET_LEVEL) {
        (void)text_copy(call.path, sizeof call.path, "/21port/mining/powerLevel");
        json_add_number(json, "level", level, 0);
    } else {
        json_add_bool(json, "enabled", write == OFEN_ENABLE);
    }
    if (miner[0] != '\0') {
        json_add_string(json, "minerId", miner);
    }
    (void)json_print_to(json, call.body, sizeof call.body);
    return call;
}
