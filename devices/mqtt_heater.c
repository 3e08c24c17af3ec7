#include "devices/mqtt_heater.h"

#include <math.h>
#include <string.h>

#include "devices/caps.h"
#include "devices/mqtt_heater_codec.h"
#include "devices/mqtt_talk.h"
#include "ground/text.h"

#define METER_MOST_W    100000.0
#define HASHRATE_MOST   1e9
#define TEMPERATURE_MAX 200.0

struct generic {
    struct heater_env env;
    struct heater_caps caps;
    struct mqtt_talk talk;
    struct reply_faults faults;
    struct reading power_w, chip_c, hashrate_hs, setpoint_w; /* with the time at which they came */
    int switched;                                            /* -1: not known */
    double sent_w; /* the order that was not read back yet, while `sent_at` is set */
    hb_mono sent_at;
    uint64_t writes;
};

/* What was read last says nothing against an order that is on its way, for so long; and so long one
 * is not given again. */
static const int64_t on_its_way_ms = 10000, repeat_ms = 3000;

/* --- options ------------------------------------------------------------------------------------
 */

#define FIELD(name)                                                                                \
    offsetof(struct mqtt_heater_options, name), sizeof(((struct mqtt_heater_options *)NULL)->name)

static const char *const power_units[] = {"W", "kW", NULL};
static const char *const applied_units[] = {"W", "kW", "%", "level", NULL};
static const char *const hashrate_units[] = {"TH/s", "GH/s", "MH/s", "kH/s", "H/s", NULL};

#define TOPIC_ROW(name, help)                                                                      \
    {                                                                                              \
#name "_topic", CONFIG_TOPIC, FIELD(name##_topic), 0, 0, NULL, NULL, "",                   \
            "MQTT topic " help                                                                     \
    }
#define VALUE_ROW(name)                                                                            \
    {                                                                                              \
#name "_value", CONFIG_TEXT, FIELD(name##_value), 0, 0, NULL, NULL, "",                    \
            "path to it in a JSON payload; left out, the payload is the value"                     \
    }

static const struct config_item options[] = {
    {"command_topic", CONFIG_TOPIC, FIELD(command_topic), 0, 0, NULL, NULL, NULL,
     "MQTT topic on which the heater is told its power"},
    {"command", CONFIG_TEXT, FIELD(command), 0, 0, NULL, NULL, "{power}",
     "what is published there, with {power} in watts, {kilowatt}, {percent} of the largest power, "
     "or {level}; without any of them the heater knows on and off only"},
    {"off", CONFIG_TEXT, FIELD(off), 0, 0, NULL, NULL, "",
     "what is published there to switch it off; left out, `command` with 0"},
    TOPIC_ROW(switch, "that switches it on and off, where that is another one"),
    {"switch_on", CONFIG_TEXT, FIELD(switch_on), 0, 0, NULL, NULL, "ON", "what switches it on"},
    {"switch_off", CONFIG_TEXT, FIELD(switch_off), 0, 0, NULL, NULL, "OFF", "what switches it off"},
    {"rated_power", CONFIG_POWER, FIELD(rated_power), 1, 100000, "W", NULL, "",
     "largest power; needed without tiers"},
    {"lowest_power", CONFIG_POWER, FIELD(lowest_power), 1, 100000, "W", NULL, "",
     "smallest power while on; left out, a tenth of the largest"},
    {"step", CONFIG_POWER, FIELD(step), 1, 10000, "W", NULL, "", "resolution of its power"},
    {"standby_power", CONFIG_POWER, FIELD(standby_power), 0, 1000, "W", NULL, "5 W",
     "power drawn while off"},
    {"tiers", CONFIG_POWERS, FIELD(tiers), 1, 100000, "W", NULL, "",
     "fixed levels, ascending; without them any power is possible"},
    {"levels", CONFIG_TEXT, FIELD(levels), 0, 0, NULL, NULL, "",
     "the heater's words for the tiers, separated by commas, such as `eco, normal, turbo`"},
    {"settle", CONFIG_DURATION, FIELD(settle), 0, 36e5, NULL, NULL, "60 s",
     "time until a new power shows in its readings"},
    {"min_write", CONFIG_DURATION, FIELD(min_write), 0, 864e5, NULL, NULL, "0 s",
     "least time between two changes of its power; off is never delayed"},
    TOPIC_ROW(state, "on which all its values arrive that have none of their own below"),
    TOPIC_ROW(power, "on which the power that it draws arrives"),
    VALUE_ROW(power),
    {"power_unit", CONFIG_ENUM, FIELD(power_unit), 0, 0, NULL, power_units, "W",
     "unit of the power"},
    TOPIC_ROW(applied, "on which the power that it is set to arrives"),
    VALUE_ROW(applied),
    {"applied_unit", CONFIG_ENUM, FIELD(applied_unit), 0, 0, NULL, applied_units, "W",
     "unit of that; \"%\" (in quotes) is of the largest power"},
    TOPIC_ROW(switched, "on which the state of its switch arrives"),
    VALUE_ROW(switched),
    TOPIC_ROW(temperature, "on which the temperature of its chip arrives, in °C"),
    VALUE_ROW(temperature),
    TOPIC_ROW(hashrate, "on which its hash rate arrives"),
    VALUE_ROW(hashrate),
    {"hashrate_unit", CONFIG_ENUM, FIELD(hashrate_unit), 0, 0, NULL, hashrate_units, "TH/s",
     "unit of the hash rate"},
    TOPIC_ROW(availability, "on which it is told whether the heater is there"),
    VALUE_ROW(availability),
    {"available", CONFIG_TEXT, FIELD(available), 0, 0, NULL, NULL, "online",
     "the word for being there"},
    {"unavailable", CONFIG_TEXT, FIELD(unavailable), 0, 0, NULL, NULL, "offline",
     "the word for being gone"},
    TOPIC_ROW(ask, "on which the heater can be asked for its values"),
    {"ask", CONFIG_TEXT, FIELD(ask), 0, 0, NULL, NULL, "", "what is published there to ask"},
    {"ask_every", CONFIG_DURATION, FIELD(ask_every), 1000, 36e5, NULL, NULL, "15 s",
     "it is asked so often, where it can be asked"},
    {"stale_after", CONFIG_DURATION, FIELD(stale_after), 1000, 6048e5, NULL, NULL, "5 min",
     "a heater that says nothing for longer is lost; one that tells only changes needs longer"},
    {0},
};

static const struct mqtt_heater_options *options_of(const struct generic *g)
{
    return g->env.options;
}

static bool generic_check(const void *given, const char **key, struct hb_err *err)
{
    return mqtt_heater_check(given, key, err);
}

/* Where a value is told: a topic of its own, or by its path on the common one. */
static struct mqtt_talk_value where(const struct generic *g, const char *topic, const char *path)
{
    const char *common = path[0] != '\0' ? options_of(g)->state_topic : "";
    return (struct mqtt_talk_value){topic[0] != '\0' ? topic : common, path};
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void listen(struct generic *g)
{
    const struct mqtt_heater_options *o = options_of(g);
    const struct mqtt_talk_options talk = {
        .availability = {o->availability_topic, o->availability_value},
        .available = o->available,
        .unavailable = o->unavailable,
        .ask = {{o->ask_topic, o->ask}},
        .ask_ms = o->ask_every,
        .stale_ms = o->stale_after,
    };
    mqtt_talk_init(&g->talk, &g->env, &talk);
    const char *const topics[] = {o->state_topic,    o->power_topic,       o->applied_topic,
                                  o->switched_topic, o->temperature_topic, o->hashrate_topic};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        mqtt_talk_listen(&g->talk, topics[i]);
    }
}

static bool generic_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                         struct hb_err *err)
{
    struct generic *g = self;
    (void)err;
    g->env = *env;
    g->switched = -1;
    g->power_w = g->chip_c = g->hashrate_hs = g->setpoint_w = reading_none();
    mqtt_heater_caps(env->options, &g->caps);
    listen(g);
    *caps = g->caps;
    return true;
}

static void generic_fini(void *self)
{
    (void)self; /* nothing was opened */
}

/* --- what the heater says -----------------------------------------------------------------------
 */

/* By its silence a heater that tells only changes says that nothing changed. */
static struct reading held(const struct generic *g, const struct reading *reading, hb_mono now)
{
    const double value = reading_or_nan(reading, now, options_of(g)->stale_after);
    return reading_make(value, now, PROVENANCE_REPORTED);
}

/* NaN while it is not known. */
static double applied_w(const struct generic *g, hb_mono now)
{
    return g->switched == 0 ? 0 : held(g, &g->setpoint_w, now).value;
}

static void report(struct generic *g, hb_mono now)
{
    struct heater_state state = reply_unknown_state(now);
    state.link = HEATER_LINK_OK;
    state.power_w = held(g, &g->power_w, now);
    state.chip_c = held(g, &g->chip_c, now);
    state.hashrate_hs = held(g, &g->hashrate_hs, now);
    state.applied_w = applied_w(g, now);
    state.writes = g->writes;
    memcpy(state.faults, g->faults.count, sizeof state.faults);
    g->env.report(g->env.report_ctx, &state);
}

static bool keep(struct reading *reading, double value, hb_mono now)
{
    if (isfinite(value)) {
        *reading = reading_make(value, now, PROVENANCE_REPORTED);
    }
    return isfinite(value);
}

static bool take_readings(struct generic *g, struct mqtt_talk_message *m, hb_mono now)
{
    const struct mqtt_heater_options *o = options_of(g);
    struct mqtt_talk_found found;
    struct mqtt_talk_value at = where(g, o->power_topic, o->power_value);
    bool any = false;
    if (mqtt_talk_find(&at, m, &g->faults, &found)) {
        const double scale = o->power_unit == MQTT_UNIT_KW ? 1000 : 1;
        const double power = mqtt_talk_number(&found, 0, METER_MOST_W / scale, "power", &g->faults);
        any |= keep(&g->power_w, power * scale, now);
    }
    at = where(g, o->temperature_topic, o->temperature_value);
    if (mqtt_talk_find(&at, m, &g->faults, &found)) {
        any |= keep(&g->chip_c,
                    mqtt_talk_number(&found, -40, TEMPERATURE_MAX, "temperature", &g->faults), now);
    }
    at = where(g, o->hashrate_topic, o->hashrate_value);
    if (mqtt_talk_find(&at, m, &g->faults, &found)) {
        static const double units[] = {1e12, 1e9, 1e6, 1e3, 1};
        const double rate = mqtt_talk_number(&found, 0, HASHRATE_MOST, "hashrate", &g->faults);
        any |= keep(&g->hashrate_hs, rate * units[o->hashrate_unit], now);
    }
    return any;
}

static bool is_set_to(const struct generic *g, double wanted_w, double is_w)
{
    return fabs(is_w - wanted_w) <= fmax(0.005 * g->caps.max_w, 0.51 * g->caps.step_w);
}

static bool take_setting(struct generic *g, struct mqtt_talk_message *m, hb_mono now)
{
    const struct mqtt_heater_options *o = options_of(g);
    struct mqtt_talk_found found;
    struct mqtt_talk_value at = where(g, o->applied_topic, o->applied_value);
    bool any = false;
    if (mqtt_talk_find(&at, m, &g->faults, &found)) {
        any |= keep(&g->setpoint_w, mqtt_heater_applied_w(o, &found, &g->faults), now);
    }
    at = where(g, o->switched_topic, o->switched_value);
    if (mqtt_talk_find(&at, m, &g->faults, &found)) {
        const int switched = mqtt_heater_switched(o, &found, &g->faults);
        g->switched = switched >= 0 ? switched : g->switched;
        any |= switched >= 0;
    }
    if (any && is_set_to(g, g->sent_w, applied_w(g, now))) {
        g->sent_at = (hb_mono){0}; /* it arrived */
    }
    return any;
}

static void generic_message(void *self, const char *topic, const char *payload, size_t len,
                            bool retained, hb_mono now)
{
    struct generic *g = self;
    struct mqtt_talk_message m = {.topic = topic, .payload = payload, .len = len};
    if (mqtt_talk_presence(&g->talk, topic, payload, len, now) ||
        (retained && g->talk.presence != MQTT_TALK_PRESENT)) {
        return;
    }
    const bool any_reading = take_readings(g, &m, now);
    const bool any_setting = take_setting(g, &m, now);
    mqtt_talk_close(&m);
    if (any_reading || any_setting) {
        mqtt_talk_heard(&g->talk, retained, now);
        if (mqtt_talk_is_fresh(&g->talk, now)) {
            report(g, now);
        }
    }
}

/* Where its values are expected, for people. */
static const char *first_topic(const struct generic *g)
{
    const struct mqtt_heater_options *o = options_of(g);
    const char *const topics[] = {o->state_topic, o->applied_topic, o->power_topic,
                                  o->switched_topic, o->temperature_topic};
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        if (topics[i][0] != '\0') {
            return topics[i];
        }
    }
    return o->hashrate_topic;
}

/* --- orders -------------------------------------------------------------------------------------
 */

static void generic_poll(void *self, hb_mono now)
{
    struct generic *g = self;
    mqtt_talk_ask_if_due(&g->talk, now);
    char why[TEXT_MAX];
    if (mqtt_talk_is_fresh(&g->talk, now)) {
        report(g, now);
    } else if (g->env.trouble != NULL &&
               mqtt_talk_explain(&g->talk, first_topic(g),
                                 "expected the heater to tell its values there", now, why)) {
        g->env.trouble(g->env.report_ctx, why);
    }
}

static bool generic_test(const void *self, const struct heater_command *command, struct hb_err *err)
{
    const struct generic *g = self;
    char payload[MQTT_HEATER_TEXT];
    if (!caps_allow(&g->caps, command->power_w, err)) {
        return false;
    }
    return mqtt_heater_payload(options_of(g), command->power_w, payload) ||
           hb_fail(err, HB_ERR_USAGE, "expected a shorter command");
}

static void write_to(struct generic *g, const char *topic, const char *payload)
{
    if (mqtt_talk_say(&g->talk, topic, payload)) {
        g->writes++;
        if (g->env.wrote != NULL) {
            g->env.wrote(g->env.report_ctx, WRITE_VOLATILE);
        }
    }
}

static bool is_on_its_way(const struct generic *g, int64_t within_ms, hb_mono now)
{
    return mono_is_set(g->sent_at) && mono_age_ms(now, g->sent_at) < within_ms;
}

/* Only what differs from what the heater said last, or all of it over an order on its way. What it
 * does not say is written each time: the host does not ask for more than is needed. */
static void write_order(struct generic *g, double power_w, const char *payload, hb_mono now)
{
    const struct mqtt_heater_options *o = options_of(g);
    const bool on = power_w > 0;
    const bool overtakes = is_on_its_way(g, on_its_way_ms, now);
    const bool has_switch = o->switch_topic[0] != '\0';
    const double setpoint_w = held(g, &g->setpoint_w, now).value;
    g->sent_w = power_w;
    g->sent_at = now;
    if (has_switch && (overtakes || g->switched != on)) {
        write_to(g, o->switch_topic, on ? o->switch_on : o->switch_off);
    }
    if (on ? overtakes || !is_set_to(g, power_w, setpoint_w) : !has_switch) {
        write_to(g, o->command_topic, payload);
    }
}

static void generic_commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct generic *g = self;
    char payload[MQTT_HEATER_TEXT];
    const bool sent = is_set_to(g, command->power_w, g->sent_w);
    const bool done = is_set_to(g, command->power_w, applied_w(g, now)) &&
                      (sent || !is_on_its_way(g, on_its_way_ms, now));
    if (done || (sent && is_on_its_way(g, repeat_ms, now)) ||
        !mqtt_heater_payload(options_of(g), command->power_w, payload)) {
        return;
    }
    write_order(g, command->power_w, payload, now);
    mqtt_talk_ask(&g->talk, now);
}

const struct heater_driver mqtt_heater = {
    .name = "mqtt",
    .summary = "any heater that is told its power over MQTT, described by topics and payloads",
    .instance_size = sizeof(struct generic),
    .options_size = sizeof(struct mqtt_heater_options),
    .options = options,
    .poll_ms = 5000,
    .check = generic_check,
    .init = generic_init,
    .fini = generic_fini,
    .poll = generic_poll,
    .test = generic_test,
    .commit = generic_commit,
    .message = generic_message,
};
