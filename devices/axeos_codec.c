#include "devices/axeos_codec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ground/text.h"

/* --- reading the state
 * --------------------------------------------------------------------------*/

static enum axeos_kind kind_of(const struct json *json, const char *model)
{
    const struct json *paused = json_get(json, "miningPaused");
    const bool nerd = strncasecmp(model, "nerd", 4) == 0 || json_get(json, "shutdown") != NULL;
    if (nerd) {
        return AXEOS_NERD;
    }
    return paused != NULL && !json_is_null(paused) ? AXEOS_PAUSES : AXEOS_PLAIN;
}

double axeos_difficulty(const char *text)
{
    static const char suffixes[] = "kMGTPE";
    size_t len = strlen(text);
    double factor = 1, number = NAN;
    const char *suffix = len > 0 ? strchr(suffixes, text[len - 1]) : NULL;
    if (suffix != NULL) {
        factor = pow(1000, (double)(suffix - suffixes + 1));
        len--;
    }
    return text_to_number(text, len, &number) && number >= 0 ? number * factor : NAN;
}

/* A text before October 2025, a number since. */
static double read_best_difficulty(const struct json *json, struct reply_faults *faults)
{
    const char *text = json_string(json_get(json, "bestDiff"));
    if (text == NULL) {
        return reply_number_if_any(json, "bestDiff", 0, 1e300, faults);
    }
    const double difficulty = axeos_difficulty(text);
    if (isnan(difficulty)) {
        reply_fault(faults, REPLY_TYPE, "bestDiff: expected a difficulty, got \"%.20s\"", text);
    }
    return difficulty;
}

static double read_percent(const struct json *json, const char *name, struct reply_faults *faults)
{
    return reply_number_if_any(json, name, 0, 100, faults) / 100;
}

/* A chip without power answers -1, which is no temperature. */
static double read_temperature(const struct json *json, const char *name,
                               struct reply_faults *faults)
{
    const double celsius = reply_number_if_any(json, name, -40, 200, faults);
    return celsius > 0 ? celsius : NAN;
}

static void read_counters(const struct json *json, struct axeos_info *info,
                          struct reply_faults *faults)
{
    info->counted = reply_count(json, "sharesAccepted", &info->accepted, faults) &&
                    reply_count(json, "sharesRejected", &info->rejected, faults);
}

/* The URL may come with its scheme; the port is a number of its own. */
static void read_pool(const struct json *json, struct axeos_info *info, struct reply_faults *faults)
{
    const bool fallback = reply_bool_if_any(json, "isUsingFallbackStratum", faults) == 1 ||
                          reply_bool_if_any(json, "stratum.usingFallback", faults) == 1;
    char host[NAME_MAX_B];
    reply_text_if_any(json, fallback ? "fallbackStratumURL" : "stratumURL", host, sizeof host,
                      faults);
    const double port = reply_number_if_any(json, fallback ? "fallbackStratumPort" : "stratumPort",
                                            0, 65535, faults);
    reply_text_if_any(json, fallback ? "fallbackStratumUser" : "stratumUser", info->pool_user,
                      sizeof info->pool_user, faults);
    const char *scheme_end = strstr(host, "://");
    const char *name = scheme_end != NULL ? scheme_end + 3 : host;
    if (name[0] != '\0' && port > 0) {
        (void)snprintf(info->pool, sizeof info->pool, "%.58s:%.0f", name, port);
    }
    char link[NAME_MAX_B];
    reply_text_if_any(json, "poolConnectionInfo", link, sizeof link, faults);
    info->pool_connected = reply_bool_if_any(json, "stratum.pools[0].connected", faults);
    if (strcmp(link, "Not Connected") == 0 || strstr(link, "unreachable") != NULL) {
        info->pool_connected = 0;
    }
    if (info->pool_connected == 0 &&
        reply_bool_if_any(json, "stratum.pools[1].connected", faults) == 1) {
        info->pool_connected = 1;
    }
}

static void read_identity(const struct json *json, struct axeos_info *info,
                          struct reply_faults *faults)
{
    char mac[NAME_MAX_B];
    reply_text(json, "macAddr", mac, sizeof mac, faults);
    if (!reply_mac(mac, info->mac) && mac[0] != '\0') {
        reply_fault(faults, REPLY_TYPE, "macAddr: expected a MAC address, got \"%.20s\"", mac);
    }
    reply_text(json, "ASICModel", info->asic, sizeof info->asic, faults);
    reply_text_if_any(json, "boardVersion", info->board, sizeof info->board, faults);
    reply_text_if_any(json, "deviceModel", info->model, sizeof info->model, faults);
    reply_text(json, "version", info->firmware, sizeof info->firmware, faults);
}

static void read_fault(const struct json *json, struct axeos_info *info,
                       struct reply_faults *faults)
{
    reply_text_if_any(json, "hardware_fault", info->fault, sizeof info->fault, faults);
    if (info->fault[0] == '\0') {
        reply_text_if_any(json, "power_fault", info->fault, sizeof info->fault, faults);
    }
}

static void read_settings(const struct json *json, struct axeos_info *info,
                          struct reply_faults *faults)
{
    info->kind = kind_of(json, info->model);
    info->paused = reply_bool_if_any(json, "miningPaused", faults);
    info->shut_down = reply_bool_if_any(json, "shutdown", faults);
    info->overheated = reply_bool_if_any(json, "overheat_mode", faults);
    info->otp = reply_bool_if_any(json, "otp", faults);
    info->overclock = reply_bool_if_any(json, "overclockEnabled", faults);
    /* The Nerd family says 2 for its own controller. */
    const double auto_fan = reply_number_if_any(json, "autofanspeed", 0, 2, faults);
    info->auto_fan = isnan(auto_fan) ? -1 : auto_fan > 0;
    info->manual_fan_ratio = read_percent(json, "manualFanSpeed", faults);
    info->frequency_mhz = reply_number(json, "frequency", 0, 5000, faults);
    info->voltage_mv = reply_number(json, "coreVoltage", 0, 20000, faults);
}

static void read_measured(const struct json *json, struct axeos_info *info,
                          struct reply_faults *faults)
{
    info->actual_mhz = reply_number_if_any(json, "actualFrequency", 0, 5000, faults);
    info->power_w = reply_number(json, "power", 0, 2000, faults);
    info->max_power_w = reply_number_if_any(json, "maxPower", 1, 2000, faults);
    info->hashrate_hs = 1e9 * reply_number(json, "hashRate", 0, 1e7, faults);
    info->chip_c = read_temperature(json, "temp", faults);
    info->regulator_c = read_temperature(json, "vrTemp", faults);
    info->fan_ratio = read_percent(json, "fanspeed", faults);
    info->uptime_s = reply_number(json, "uptimeSeconds", 0, 1e10, faults);
    info->best_difficulty = read_best_difficulty(json, faults);
    info->asic_count = reply_number_if_any(json, "asicCount", 1, 1000, faults);
    /* MHz times cores is MH/s; older and Nerd firmware leave that to the reader. */
    info->expected_hs = 1e9 * reply_number_if_any(json, "expectedHashrate", 0, 1e7, faults);
    const double cores = reply_number_if_any(json, "smallCoreCount", 1, 1e6, faults);
    if (isnan(info->expected_hs)) {
        info->expected_hs = 1e6 * info->frequency_mhz * cores * info->asic_count;
    }
}

bool axeos_read_info(const char *body, size_t len, struct axeos_info *info,
                     struct reply_faults *faults)
{
    *info = (struct axeos_info){0};
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    const bool ours = json_get(json, "ASICModel") != NULL || json_get(json, "frequency") != NULL;
    if (ours) {
        read_identity(json, info, faults);
        read_settings(json, info, faults);
        read_measured(json, info, faults);
        read_counters(json, info, faults);
        read_pool(json, info, faults);
        read_fault(json, info, faults);
    } else {
        reply_fault(faults, REPLY_UNREADABLE, "expected what AxeOS says about itself");
    }
    json_free(json);
    return ours;
}

/* --- reading the settings that there are
 * --------------------------------------------------------*/

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Ascending, without doubles and without what cannot be. */
static size_t read_options(const struct json *json, const char *name, double min, double max,
                           double options[AXEOS_OPTIONS], struct reply_faults *faults)
{
    size_t count = 0, kept = 0;
    const struct json *list = json_get(json, name);
    for (const struct json *item = json_first(list); item != NULL && count < AXEOS_OPTIONS;
         item = json_next(item)) {
        double value = NAN;
        if (json_number(item, &value) && value >= min && value <= max) {
            options[count++] = value;
        } else {
            reply_fault(faults, REPLY_RANGE, "%s: expected %g to %g", name, min, max);
        }
    }
    qsort(options, count, sizeof options[0], by_size);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || options[i] > options[kept - 1]) {
            options[kept++] = options[i];
        }
    }
    return kept;
}

bool axeos_read_asic(const char *body, size_t len, struct axeos_asic *asic,
                     struct reply_faults *faults)
{
    *asic = (struct axeos_asic){0};
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    asic->default_mhz = reply_number(json, "defaultFrequency", 50, 5000, faults);
    asic->default_mv = reply_number(json, "defaultVoltage", 100, 20000, faults);
    asic->eco_mhz = reply_number_if_any(json, "ecoFrequency", 0, 5000, faults);
    asic->eco_mv = reply_number_if_any(json, "ecoVoltage", 0, 20000, faults);
    asic->asic_count = reply_number_if_any(json, "asicCount", 1, 1000, faults);
    asic->mhz_count = read_options(json, "frequencyOptions", 50, 5000, asic->mhz, faults);
    asic->mv_count = read_options(json, "voltageOptions", 100, 20000, asic->mv, faults);
    reply_text_if_any(json, "deviceModel", asic->model, sizeof asic->model, faults);
    json_free(json);
    return asic->mhz_count > 0 && asic->mv_count > 0 && isfinite(asic->default_mhz) &&
           isfinite(asic->default_mv);
}

bool axeos_read_session(const char *body, size_t len, char token[AXEOS_TOKEN],
                        struct reply_faults *faults)
{
    token[0] = '\0';
    struct json *json = reply_parse(body, len, faults);
    const char *text = json_string(json_get(json, "token"));
    /* It becomes a header: nothing but its own alphabet, base32 and a dot. */
    const bool good =
        text != NULL && text[0] != '\0' &&
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_=") ==
            strlen(text) &&
        text_copy(token, AXEOS_TOKEN, text);
    if (!good) {
        token[0] = '\0';
        reply_fault(faults, REPLY_TYPE, "token: expected the token of a session");
    }
    json_free(json);
    return good;
}

/* --- writing
 * ------------------------------------------------------------------------------------*/

void axeos_write_setting(char *body, size_t size, enum axeos_key key, double value)
{
    static const char *const names[] = {
        [AXEOS_FREQUENCY] = "frequency", [AXEOS_VOLTAGE] = "coreVoltage"};
    (void)snprintf(body, size, "{\"%s\":%.0f}", names[key], value);
}

void axeos_write_overheat_over(char *body, size_t size, bool fan, bool mark)
{
    (void)snprintf(body, size, "{%s%s%s}", fan ? "\"autofanspeed\":1" : "", fan && mark ? "," : "",
                   mark ? "\"overheat_mode\":0" : "");
}
