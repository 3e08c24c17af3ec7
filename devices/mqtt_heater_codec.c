#include "devices/mqtt_heater_codec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define POWER_MOST_W   100000.0
#define POWER_UNSAID_W 1000.0 /* a configuration without its power is refused by the check */

/* --- levels -------------------------------------------------------------------------------------
 */

/* Copies the word of a level; false if there is none. */
static bool level_word(const char *levels, size_t index, char word[NAME_MAX_B])
{
    const char *at = levels;
    for (size_t i = 0; i < index; i++) {
        at = strchr(at, ',');
        if (at == NULL) {
            return false;
        }
        at++;
    }
    at += strspn(at, " ");
    size_t len = strcspn(at, ",");
    while (len > 0 && at[len - 1] == ' ') {
        len--;
    }
    if (len == 0 || len >= NAME_MAX_B) {
        return false;
    }
    memcpy(word, at, len);
    word[len] = '\0';
    return true;
}

static size_t count_levels(const char *levels)
{
    char word[NAME_MAX_B];
    size_t count = 0;
    while (level_word(levels, count, word)) {
        count++;
    }
    return count;
}

/* The tier that is nearest to a power. */
static size_t tier_of(const struct mqtt_heater_options *o, double power_w)
{
    size_t best = 0;
    for (size_t i = 1; i < o->tiers.count; i++) {
        if (fabs(o->tiers.w[i] - power_w) < fabs(o->tiers.w[best] - power_w)) {
            best = i;
        }
    }
    return best;
}

/* --- the options --------------------------------------------------------------------------------
 */

static bool has_token(const char *text)
{
    static const char *const tokens[] = {"{power}", "{kilowatt}", "{percent}", "{level}"};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        if (strstr(text, tokens[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool uses_levels(const struct mqtt_heater_options *o)
{
    return strstr(o->command, "{level}") != NULL || o->applied_unit == MQTT_UNIT_LEVEL;
}

static bool has_off(const struct mqtt_heater_options *o)
{
    return o->off[0] != '\0' || o->switch_topic[0] != '\0' ||
           (has_token(o->command) && strstr(o->command, "{level}") == NULL);
}

static bool says_something(const struct mqtt_heater_options *o)
{
    return o->power_topic[0] != '\0' || o->applied_topic[0] != '\0' ||
           o->temperature_topic[0] != '\0' || o->hashrate_topic[0] != '\0' ||
           o->switched_topic[0] != '\0' ||
           (o->state_topic[0] != '\0' &&
            (o->power_value[0] != '\0' || o->applied_value[0] != '\0' ||
             o->temperature_value[0] != '\0' || o->hashrate_value[0] != '\0'));
}

static bool tells_applied(const struct mqtt_heater_options *o)
{
    return o->applied_topic[0] != '\0' ||
           (o->state_topic[0] != '\0' && o->applied_value[0] != '\0');
}

static bool tells_switch(const struct mqtt_heater_options *o)
{
    return o->switched_topic[0] != '\0' ||
           (o->state_topic[0] != '\0' && o->switched_value[0] != '\0');
}

bool mqtt_heater_check(const struct mqtt_heater_options *o, const char **key, struct hb_err *err)
{
    const size_t levels = count_levels(o->levels);
    if (o->tiers.count == 0 && !(o->rated_power > 0)) {
        *key = "rated_power";
        return hb_fail(err, HB_ERR_USAGE,
                       "expected the heater's largest power, or tiers, got "
                       "nothing");
    }
    if (o->tiers.count == 0 && o->lowest_power > o->rated_power) {
        *key = "lowest_power";
        return hb_fail(err, HB_ERR_USAGE, "expected at most rated_power, %g W, got %g W",
                       o->rated_power, o->lowest_power);
    }
    if (levels != o->tiers.count && (levels > 0 || uses_levels(o))) {
        *key = "levels";
        return hb_fail(err, HB_ERR_USAGE,
                       "expected a word for each of the %zu tiers, separated by commas, got %zu",
                       o->tiers.count, levels);
    }
    if (!has_off(o)) {
        *key = "off";
        return hb_fail(err, HB_ERR_USAGE,
                       "expected what switches the heater off, or a switch_topic, got nothing");
    }
    if (!says_something(o)) {
        *key = "state_topic";
        return hb_fail(err, HB_ERR_USAGE,
                       "expected a topic on which the heater tells its power, set-point, "
                       "temperature or hash rate, got none; it would never be known to be there");
    }
    if (o->switch_topic[0] != '\0' && tells_applied(o) && !tells_switch(o)) {
        *key = "switched_topic";
        return hb_fail(err, HB_ERR_USAGE,
                       "expected where the switch's state is told, beside that of the set-point, "
                       "got nothing");
    }
    /* Of two messages that wait for one topic, the newer takes the place of the older. */
    *key = strcmp(o->command_topic, o->switch_topic) == 0 ? "switch_topic" : "ask_topic";
    if (strcmp(o->command_topic, o->switch_topic) == 0 ||
        strcmp(o->command_topic, o->ask_topic) == 0 ||
        (o->ask_topic[0] != '\0' && strcmp(o->ask_topic, o->switch_topic) == 0)) {
        return hb_fail(err, HB_ERR_USAGE, "expected a topic of its own, got that of another key");
    }
    return true;
}

static int32_t in_ms(int64_t ms)
{
    return ms > INT32_MAX ? INT32_MAX : ms < 0 ? 0 : (int32_t)ms;
}

static double rated_w(const struct mqtt_heater_options *o)
{
    if (o->tiers.count > 0) {
        return o->tiers.w[o->tiers.count - 1];
    }
    return o->rated_power > 0 ? o->rated_power : POWER_UNSAID_W;
}

void mqtt_heater_caps(const struct mqtt_heater_options *o, struct heater_caps *caps)
{
    *caps = (struct heater_caps){.max_w = rated_w(o),
                                 .step_w = o->step > 0 ? o->step : 0,
                                 .standby_w = o->standby_power,
                                 .settle_ms = in_ms(o->settle),
                                 .min_write_ms = in_ms(o->min_write)};
    caps->min_w = has_token(o->command) ? caps->max_w / 10 : caps->max_w;
    caps->min_w = o->lowest_power > 0 ? o->lowest_power : caps->min_w;
    for (size_t i = 0; i < o->tiers.count && i < HEATER_TIERS; i++) {
        caps->tier_w[caps->tier_count++] = o->tiers.w[i];
        caps->min_w = caps->tier_w[0];
    }
    if (caps->tier_count == 0 && !has_token(o->command)) {
        caps->tier_w[caps->tier_count++] = caps->max_w; /* on and off, nothing between */
        caps->min_w = caps->max_w;
    }
}

/* --- there and back -----------------------------------------------------------------------------
 */

bool mqtt_heater_payload(const struct mqtt_heater_options *o, double power_w,
                         char payload[MQTT_HEATER_TEXT])
{
    char power[24];
    char kilowatt[24];
    char percent[24];
    char level[NAME_MAX_B] = "";
    if (power_w <= 0 && o->off[0] != '\0') {
        (void)snprintf(payload, MQTT_HEATER_TEXT, "%s", o->off);
        return true;
    }
    (void)snprintf(power, sizeof power, "%.0f", power_w);
    (void)snprintf(kilowatt, sizeof kilowatt, "%.3f", power_w / 1000);
    (void)snprintf(percent, sizeof percent, "%.0f", 100 * power_w / rated_w(o));
    (void)level_word(o->levels, tier_of(o, power_w), level);
    const char *const tokens[] = {"power", power,   "kilowatt", kilowatt, "percent",
                                  percent, "level", level,      NULL};
    return mqtt_talk_fill(payload, MQTT_HEATER_TEXT, o->command, tokens);
}

static double level_w(const struct mqtt_heater_options *o, const struct mqtt_talk_found *found,
                      struct reply_faults *faults)
{
    char word[NAME_MAX_B];
    for (size_t i = 0; i < o->tiers.count && level_word(o->levels, i, word); i++) {
        if (strcasecmp(word, found->text) == 0) {
            return o->tiers.w[i];
        }
    }
    if (strcasecmp(found->text, o->off) == 0 || strcasecmp(found->text, "off") == 0) {
        return 0;
    }
    reply_fault(faults, REPLY_RANGE, "set-point: expected one of %s, or off, got %s", o->levels,
                found->text);
    return NAN;
}

double mqtt_heater_applied_w(const struct mqtt_heater_options *o,
                             const struct mqtt_talk_found *found, struct reply_faults *faults)
{
    switch ((enum mqtt_heater_unit)o->applied_unit) {
    case MQTT_UNIT_LEVEL:
        return level_w(o, found, faults);
    case MQTT_UNIT_PERCENT:
        return mqtt_talk_number(found, 0, 100, "set-point", faults) / 100 * rated_w(o);
    case MQTT_UNIT_KW:
        return 1000 * mqtt_talk_number(found, 0, POWER_MOST_W / 1000, "set-point", faults);
    case MQTT_UNIT_W:
        break;
    }
    return mqtt_talk_number(found, 0, POWER_MOST_W, "set-point", faults);
}

int mqtt_heater_switched(const struct mqtt_heater_options *o, const struct mqtt_talk_found *found,
                         struct reply_faults *faults)
{
    static const char *const on[] = {"on", "true", "1"};
    static const char *const off[] = {"off", "false", "0"};
    if (strcasecmp(found->text, o->switch_on) == 0) {
        return 1;
    }
    if (strcasecmp(found->text, o->switch_off) == 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof on / sizeof on[0]; i++) {
        if (strcasecmp(found->text, on[i]) == 0) {
            return 1;
        }
        if (strcasecmp(found->text, off[i]) == 0) {
            return 0;
        }
    }
    reply_fault(faults, REPLY_RANGE, "switch: expected %s or %s, got %s", o->switch_on,
                o->switch_off, found->text);
    return -1;
}
