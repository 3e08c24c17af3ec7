#include "devices/mujina_codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ground/text.h"

static double larger(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

static bool is_called(const struct json *item, const char *name)
{
    const char *text = json_string(json_get(item, "name"));
    return text != NULL && strcmp(text, name) == 0;
}

/* Sensors are null where the hardware was not read. Those of regulators may be hot by design. */
static double read_chips(const struct json *board, struct reply_faults *faults)
{
    const struct json *list = json_get(board, "temperatures");
    double chip_c = NAN;
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        if (!is_called(item, "vr")) {
            chip_c = larger(chip_c, reply_number_if_any(item, "temperature_c", -40, 200, faults));
        }
    }
    return chip_c;
}

/* The input of a board holds all the rest of its measuring points. */
static double read_power(const struct json *board, struct reply_faults *faults)
{
    const struct json *list = json_get(board, "powers");
    double input_w = NAN, sum_w = NAN;
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        const double power_w = reply_number_if_any(item, "power_w", 0, 10000, faults);
        if (is_called(item, "input")) {
            input_w = power_w;
        } else if (isfinite(power_w)) {
            sum_w = isnan(sum_w) ? power_w : sum_w + power_w;
        }
    }
    return isfinite(input_w) ? input_w : sum_w;
}

static double read_fans(const struct json *board, struct reply_faults *faults)
{
    const struct json *list = json_get(board, "fans");
    double ratio = NAN;
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        ratio = larger(ratio, reply_number_if_any(item, "percent", 0, 100, faults) / 100);
    }
    return ratio;
}

static void read_boards(const struct json *json, struct mujina_info *info,
                        struct reply_faults *faults)
{
    const struct json *list = json_get(json, "boards");
    if (!json_is_array(list)) {
        reply_fault(faults, list == NULL ? REPLY_MISSING : REPLY_TYPE, "boards: expected a list");
        return;
    }
    bool all_tell = true;
    double power_w = 0;
    for (const struct json *board = json_first(list); board != NULL; board = json_next(board)) {
        const double board_w = read_power(board, faults);
        all_tell = all_tell && isfinite(board_w);
        power_w += board_w;
        info->chip_c = larger(info->chip_c, read_chips(board, faults));
        info->fan_ratio = larger(info->fan_ratio, read_fans(board, faults));
        info->boards++;
    }
    /* The watts of some boards are not those of all. */
    info->power_w = all_tell && info->boards > 0 ? power_w : NAN;
}

static void read_model(const struct json *json, struct mujina_info *info,
                       struct reply_faults *faults)
{
    char model[NAME_MAX_B];
    reply_text_if_any(json, "boards[0].model", model, sizeof model, faults);
    if (info->boards > 1) {
        (void)snprintf(info->model, sizeof info->model, "mujina: %.30s and %zu more", model,
                       info->boards - 1);
    } else {
        (void)snprintf(info->model, sizeof info->model, "mujina%s%.48s",
                       model[0] != '\0' ? ": " : "", model);
    }
}

static void read_pool(const struct json *json, struct mujina_info *info,
                      struct reply_faults *faults)
{
    char url[URL_MAX];
    reply_text_if_any(json, "sources[0].url", url, sizeof url, faults);
    const char *scheme_end = strstr(url, "://");
    (void)text_copy(info->pool, sizeof info->pool, scheme_end != NULL ? scheme_end + 3 : url);
}

bool mujina_read(const char *body, size_t len, struct mujina_info *info,
                 struct reply_faults *faults)
{
    *info = (struct mujina_info){.paused = -1, .power_w = NAN, .chip_c = NAN, .fan_ratio = NAN};
    struct json *json = reply_parse(body, len, faults);
    if (json == NULL) {
        return false;
    }
    const bool ours = json_get(json, "paused") != NULL && json_get(json, "boards") != NULL;
    if (ours) {
        info->paused = reply_bool(json, "paused", faults);
        info->uptime_s = reply_number(json, "uptime_secs", 0, 1e10, faults);
        info->hashrate_hs = reply_number(json, "hashrate", 0, 1e18, faults);
        read_boards(json, info, faults);
        read_model(json, info, faults);
        read_pool(json, info, faults);
    } else {
        reply_fault(faults, REPLY_UNREADABLE, "expected the state of mujina");
    }
    json_free(json);
    return ours;
}

const char *mujina_pause_body(bool paused)
{
    return paused ? "{\"paused\":true}" : "{\"paused\":false}";
}
