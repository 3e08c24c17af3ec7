/* Answers of Antminers, whatever firmware they have: the first byte chooses the reader, the rest is
 * the answer. What is told must be a number or unknown, and a configuration must come out of its
 * patch as it went in. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/antminer_codec.h"
#include "devices/epic_codec.h"
#include "devices/luxos_codec.h"
#include "devices/vnish_codec.h"

static void check_reading(const struct reading *reading)
{
    if (mono_is_set(reading->at) ? !isfinite(reading->value) : !isnan(reading->value)) {
        abort();
    }
}

static void check_state(const struct heater_state *state)
{
    check_reading(&state->power_w);
    check_reading(&state->hashrate_hs);
    check_reading(&state->chip_c);
    check_reading(&state->board_c);
    check_reading(&state->fan_ratio);
    check_reading(&state->uptime_s);
    if (state->problem && state->problem_text[0] == '\0') {
        abort();
    }
}

static void read_luxos(const struct json *json, struct heater_state *s, struct reply_faults *faults)
{
    struct luxos_settings settings;
    struct luxos_profiles profiles;
    char session[LUXOS_SESSION];
    luxos_config(json, s, &settings, faults);
    luxos_power(json, s, faults);
    luxos_summary(json, s, faults);
    luxos_temps(json, s, faults);
    luxos_fans(json, s, faults);
    luxos_pools(json, s, faults);
    luxos_profiles(json, &profiles, faults);
    (void)luxos_verdict(json, faults);
    (void)luxos_session(json, session, faults);
    const struct luxos_profile *profile = luxos_profile_for(&profiles, 1000);
    if (profile != NULL && luxos_profile_named(&profiles, profile->name) == NULL) {
        abort();
    }
}

static void read_vnish(const struct json *json, struct heater_state *s, struct reply_faults *faults)
{
    struct vnish_settings settings;
    struct vnish_presets presets;
    struct vnish_preset usable[VNISH_PRESETS];
    char token[VNISH_TOKEN];
    double unit = 0;
    vnish_info(json, s, &unit, faults);
    vnish_summary(json, unit, s, &settings, faults);
    vnish_perf_summary(json, &settings, faults);
    vnish_presets(json, &presets, faults);
    (void)vnish_token(json, token, faults);
    if (vnish_usable(&presets, true, usable) != presets.count) {
        abort();
    }
}

static void read_epic(const struct json *json, struct heater_state *s, struct reply_faults *faults)
{
    struct epic_settings settings;
    struct epic_abilities abilities;
    char algorithm[EPIC_NAME];
    char error[NAME_MAX_B];
    char body[EPIC_BODY];
    epic_network(json, s, faults);
    epic_summary(json, s, &settings, faults);
    epic_capabilities(json, s->model, &abilities, faults);
    (void)epic_taken(json, error, faults);
    (void)epic_applied_w(&abilities, &settings);
    const double target = epic_target(&abilities, &settings, 1000, algorithm);
    if (isfinite(target)) {
        (void)epic_body_algorithm(body, algorithm, target, &settings, "password");
    }
}

static void read_antminer(const struct json *json, struct heater_state *s,
                          struct reply_faults *faults)
{
    char code[NAME_MAX_B];
    antminer_system(json, s, faults);
    antminer_stats(json, s, faults);
    antminer_summary(json, s, faults);
    antminer_pools(json, s, faults);
    (void)antminer_taken(json, code, faults);
}

/* Names given twice cannot be told apart, so such a document is only read. */
static void patch_conf(const char *bytes, size_t len, struct reply_faults *faults)
{
    char path[NAME_MAX_B];
    struct hb_err err = {0};
    struct json *conf = antminer_conf_parse(bytes, len, faults);
    if (conf != NULL && antminer_conf_writable(conf, &err)) {
        char *body = antminer_conf_with(conf, ANTMINER_SLEEP, false);
        struct json *sent = antminer_conf_parse(body, strlen(body), faults);
        if (sent != NULL && antminer_conf_mode(sent) != ANTMINER_SLEEP) {
            abort();
        }
        if (sent != NULL && antminer_conf_same(conf, conf, path) &&
            !antminer_conf_same(conf, sent, path)) {
            abort();
        }
        json_free(sent);
        free(body);
    }
    json_free(conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const struct json *, struct heater_state *,
                                   struct reply_faults *) = {read_luxos, read_vnish, read_epic,
                                                             read_antminer};
    struct reply_faults faults = {0};
    if (size == 0) {
        return 0;
    }
    const char *bytes = (const char *)data + 1;
    if (data[0] % 5 == 4) {
        patch_conf(bytes, size - 1, &faults);
        return 0;
    }
    struct json *json = reply_parse(bytes, size - 1, &faults);
    struct heater_state state = reply_unknown_state((hb_mono){5000});
    readers[data[0] % 5](json, &state, &faults);
    check_state(&state);
    json_free(json);
    return 0;
}
