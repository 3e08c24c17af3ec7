#include "devices/plug.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "devices/mqtt_talk.h"
#include "devices/plug_kinds.h"
#include "devices/plug_relay.h"
#include "ground/text.h"
#include "plumbing/clock.h"

#define METER_MOST_W 20000.0

struct plug {
    struct heater_env env;
    struct heater_caps caps;
    struct plug_topics topics;
    struct mqtt_talk talk;
    struct relay relay;
    struct reply_faults faults;
    struct heater_command order; /* the one in force; seq 0: none yet */
    uint64_t writes;
    char part[ID_MAX + 8];          /* who speaks in the log */
    char memory[HEATER_MEMORY_MAX]; /* recalled, and not read yet; "": nothing */
};

/* --- options ------------------------------------------------------------------------------------
 */

#define FIELD(name) offsetof(struct plug_options, name), sizeof(((struct plug_options *)NULL)->name)

static const struct config_item options[] = {
    {"kind", CONFIG_ENUM, FIELD(kind), 0, 0, NULL, plug_kind_names, NULL,
     "what speaks for the plug; `custom` takes everything from the keys below"},
    {"topic", CONFIG_TOPIC, FIELD(topic), 0, 0, NULL, NULL, "",
     "the plug's own topic: zigbee2mqtt/<friendly name>, Tasmota's Topic, the MQTT prefix of a "
     "Shelly, shellies/<model>-<id> of an old one"},
    {"channel", CONFIG_INT, FIELD(channel), 0, 16, NULL, NULL, "0", "which relay of the plug"},
    {"power", CONFIG_POWER, FIELD(power), 1, 20000, "W", NULL, NULL,
     "what the heater draws while it is on"},
    {"standby_power", CONFIG_POWER, FIELD(standby_power), 0, 100, "W", NULL, "2 W",
     "what is drawn while the relay is open, by the plug itself"},
    {"safe_power", CONFIG_POWER, FIELD(safe_power), 0, 1000, "W", NULL, "30 W",
     "at or below it the heater counts as stopped, and the relay may open"},
    {"soft_stop_topic", CONFIG_TOPIC, FIELD(soft_stop_topic), 0, 0, NULL, NULL, "",
     "MQTT topic on which the heater itself can be told to stop, before its relay opens"},
    {"soft_stop", CONFIG_TEXT, FIELD(soft_stop), 0, 0, NULL, NULL, "",
     "what is published there to stop it"},
    {"soft_start", CONFIG_TEXT, FIELD(soft_start), 0, 0, NULL, NULL, "",
     "what is published there to start it; left out, it starts by itself with its power"},
    {"soft_wait", CONFIG_DURATION, FIELD(soft_wait), 1000, 36e5, NULL, NULL, "3 min",
     "the relay opens after so long though the heater did not stop"},
    {"soft_least", CONFIG_DURATION, FIELD(soft_least), 0, 36e5, NULL, NULL, "0 s",
     "the relay opens no sooner after the heater was told to stop, though it draws nothing any "
     "more: a pump or fan behind it goes on cooling"},
    {"rest", CONFIG_DURATION, FIELD(rest), 0, 864e5, NULL, NULL, "5 min",
     "a relay that was opened is not closed again before, nor opened so soon after it was closed "
     "unless for safety"},
    {"max_cycles_per_day", CONFIG_INT, FIELD(max_cycles_per_day), 1, RELAY_CYCLES_DAY, NULL, NULL,
     "24", "the relay is not closed more often within 24 hours"},
    {"settle", CONFIG_DURATION, FIELD(settle), 0, 36e5, NULL, NULL, "2 min",
     "time until the heater draws its power after it was switched on"},
    {"ask_every", CONFIG_DURATION, FIELD(ask_every), 1000, 36e5, NULL, NULL, "15 s",
     "the plug is asked for its state and power so often, where it can be asked"},
    {"stale_after", CONFIG_DURATION, FIELD(stale_after), 1000, 864e5, NULL, NULL, "60 s",
     "a plug that says nothing for longer is lost"},
    {"command_topic", CONFIG_TOPIC, FIELD(command_topic), 0, 0, NULL, NULL, "",
     "MQTT topic that switches the relay"},
    {"on", CONFIG_TEXT, FIELD(on), 0, 0, NULL, NULL, "", "what closes it"},
    {"off", CONFIG_TEXT, FIELD(off), 0, 0, NULL, NULL, "", "what opens it"},
    {"state_topic", CONFIG_TOPIC, FIELD(state_topic), 0, 0, NULL, NULL, "",
     "MQTT topic on which the relay's state arrives"},
    {"state_value", CONFIG_TEXT, FIELD(state_value), 0, 0, NULL, NULL, "",
     "path to the state in a JSON payload"},
    {"state_on", CONFIG_TEXT, FIELD(state_on), 0, 0, NULL, NULL, "",
     "the state's word for closed; left out, ON"},
    {"state_off", CONFIG_TEXT, FIELD(state_off), 0, 0, NULL, NULL, "",
     "the state's word for open; left out, OFF"},
    {"power_topic", CONFIG_TOPIC, FIELD(power_topic), 0, 0, NULL, NULL, "",
     "MQTT topic on which the power in watts arrives"},
    {"power_value", CONFIG_TEXT, FIELD(power_value), 0, 0, NULL, NULL, "",
     "path to the power in a JSON payload"},
    {"availability_topic", CONFIG_TOPIC, FIELD(availability_topic), 0, 0, NULL, NULL, "",
     "MQTT topic on which it is told whether the plug is there"},
    {"availability_value", CONFIG_TEXT, FIELD(availability_value), 0, 0, NULL, NULL, "",
     "path to that in a JSON payload"},
    {"available", CONFIG_TEXT, FIELD(available), 0, 0, NULL, NULL, "",
     "the word for being there; left out, online"},
    {"unavailable", CONFIG_TEXT, FIELD(unavailable), 0, 0, NULL, NULL, "",
     "the word for being gone; left out, offline"},
    {"ask_topic", CONFIG_TOPIC, FIELD(ask_topic), 0, 0, NULL, NULL, "",
     "MQTT topic on which the plug can be asked for its state and power"},
    {"ask", CONFIG_TEXT, FIELD(ask), 0, 0, NULL, NULL, "", "what is published there to ask"},
    {0},
};

static const struct plug_options *options_of(const struct plug *plug)
{
    return plug->env.options;
}

/* What must be given, and is not. */
static bool plug_check(const void *given, const char **key, struct hb_err *err)
{
    const struct plug_options *o = given;
    const bool custom = plug_kind_names[o->kind + 1] == NULL;
    const struct {
        const char *key, *value, *expected;
        bool needed;
    } rows[] = {
        {"topic", o->topic, "the plug's own topic, such as zigbee2mqtt/heater", !custom},
        {"command_topic", o->command_topic, "a topic that switches the relay", custom},
        {"on", o->on, "what closes the relay, such as \"ON\"", custom},
        {"off", o->off, "what opens the relay, such as \"OFF\"", custom},
        {"state_topic", o->state_topic, "a topic that tells the relay's state", custom},
        {"power_topic", o->power_topic, "a topic that tells the power in watts", custom},
        {"soft_stop", o->soft_stop, "what stops the heater on soft_stop_topic",
         o->soft_stop_topic[0] != '\0'},
        {"soft_stop_topic", o->soft_stop_topic, "a topic for soft_stop and soft_start",
         o->soft_stop[0] != '\0' || o->soft_start[0] != '\0'},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].needed && rows[i].value[0] == '\0') {
            *key = rows[i].key;
            return hb_fail(err, HB_ERR_USAGE, "expected %s, got nothing", rows[i].expected);
        }
    }
    if (o->ask_topic[0] != '\0' && strcmp(o->ask_topic, o->command_topic) == 0) {
        *key = "ask_topic";
        return hb_fail(err, HB_ERR_USAGE, "expected another topic than command_topic");
    }
    *key = "safe_power";
    return o->safe_power < o->power ||
           hb_fail(err, HB_ERR_USAGE, "expected less than power, %g W, got %g W", o->power,
                   o->safe_power);
}

static void replace(const char **text, const char *given, const char *fallback)
{
    if (given[0] != '\0') {
        *text = given;
    } else if (*text == NULL) {
        *text = fallback;
    }
}

/* What the options give stands in place of what the kind knows. */
static void take_options(struct plug_kind *kind, const struct plug_options *o)
{
    if (o->power_topic[0] != '\0') {
        kind->meter[1].topic = "";
        kind->meter[0].path = o->power_value;
    }
    if (o->state_topic[0] != '\0') {
        kind->state[0].path = o->state_value;
        kind->state[1].topic = "";
    }
    if (o->ask_topic[0] != '\0') {
        kind->ask[1].topic = "";
        kind->ask[0].payload = o->ask;
    }
    if (o->availability_topic[0] != '\0') {
        kind->availability.path = o->availability_value;
    }
    replace(&kind->command_topic, o->command_topic, "");
    replace(&kind->close, o->on, "");
    replace(&kind->open_it, o->off, "");
    replace(&kind->state[0].topic, o->state_topic, "");
    replace(&kind->closed, o->state_on, "ON");
    replace(&kind->open, o->state_off, "OFF");
    replace(&kind->meter[0].topic, o->power_topic, "");
    replace(&kind->availability.topic, o->availability_topic, "");
    replace(&kind->available, o->available, "online");
    replace(&kind->unavailable, o->unavailable, "offline");
    replace(&kind->ask[0].topic, o->ask_topic, "");
}

/* --- life ---------------------------------------------------------------------------------------
 */

static int32_t in_ms(int64_t ms)
{
    return ms > INT32_MAX ? INT32_MAX : (int32_t)ms;
}

static void fill_caps(const struct plug_options *o, struct heater_caps *caps)
{
    const int64_t longest_ms = o->soft_wait > o->soft_least ? o->soft_wait : o->soft_least;
    const int64_t stop_ms = o->soft_stop_topic[0] != '\0' ? longest_ms : 0;
    *caps = (struct heater_caps){.min_w = o->power,
                                 .max_w = o->power,
                                 .tier_w = {o->power},
                                 .tier_count = 1,
                                 .standby_w = o->standby_power,
                                 .settle_ms = in_ms(o->settle + stop_ms),
                                 .min_on_ms = in_ms(o->rest),
                                 .min_off_ms = in_ms(o->rest),
                                 .switches_relay = true};
}

static void listen(struct plug *plug)
{
    const struct plug_options *o = options_of(plug);
    const struct plug_kind *kind = &plug->topics.kind;
    struct mqtt_talk_options talk = {.availability = kind->availability,
                                     .available = kind->available,
                                     .unavailable = kind->unavailable,
                                     .ask_ms = o->ask_every,
                                     .stale_ms = o->stale_after};
    for (size_t i = 0; i < MQTT_TALK_ASKS; i++) {
        talk.ask[i].topic = kind->ask[i].topic;
        talk.ask[i].payload = kind->ask[i].payload;
    }
    mqtt_talk_init(&plug->talk, &plug->env, &talk);
    for (size_t i = 0; i < PLUG_SOURCES; i++) {
        mqtt_talk_listen(&plug->talk, kind->state[i].topic);
        mqtt_talk_listen(&plug->talk, kind->meter[i].topic);
    }
}

static bool plug_init(void *self, const struct heater_env *env, struct heater_caps *caps,
                      struct hb_err *err)
{
    struct plug *plug = self;
    const struct plug_options *o = env->options;
    plug->env = *env;
    (void)snprintf(plug->part, sizeof plug->part, "heater %s", env->id);
    if (!plug_kinds_fill(&plug->topics, &plug_kinds[o->kind], o->topic, o->channel, err)) {
        return false;
    }
    take_options(&plug->topics.kind, o);
    fill_caps(o, &plug->caps);
    plug->relay = (struct relay){.rules = {.soft_stop = o->soft_stop_topic[0] != '\0',
                                           .soft_start = o->soft_start[0] != '\0',
                                           .soft_wait_ms = o->soft_wait,
                                           .soft_least_ms = o->soft_least,
                                           .rest_ms = o->rest,
                                           .safe_w = o->safe_power,
                                           .running_w = o->power / 2,
                                           .cycles_day = o->max_cycles_per_day},
                                 .power_w = reading_none()};
    listen(plug);
    if (env->recall == NULL || !env->recall(env->report_ctx, plug->memory)) {
        plug->memory[0] = '\0';
    }
    *caps = plug->caps;
    return true;
}

static void plug_fini(void *self)
{
    (void)self; /* nothing was opened */
}

/* The memory is in the time of people, for a computer's own clock ends with it. */
static void recall_cycles(struct plug *plug, hb_mono now)
{
    if (plug->memory[0] != '\0' && !relay_parse(&plug->relay, plug->memory, now, clock_wall())) {
        hb_log(plug->env.log, LOG_LEVEL_WARN, plug->part,
               "what was kept of its relay cannot be read; it is counted from zero");
    }
    plug->memory[0] = '\0';
}

static void remember_cycles(struct plug *plug, hb_mono now)
{
    if (plug->relay.changed && plug->env.remember != NULL) {
        char text[HEATER_MEMORY_MAX];
        relay_print(&plug->relay, now, clock_wall(), text);
        plug->env.remember(plug->env.report_ctx, text);
    }
}

/* --- traffic ------------------------------------------------------------------------------------
 */

/* A plug that tells its values only when they change says by its silence that they did not. */
static void report(struct plug *plug, hb_mono now)
{
    struct heater_state state = reply_unknown_state(now);
    const struct reading *power_w = &plug->relay.power_w;
    state.link = HEATER_LINK_OK;
    if (mono_is_set(power_w->at) &&
        mono_age_ms(now, power_w->at) <= options_of(plug)->stale_after) {
        state.power_w = reading_make(power_w->value, now, PROVENANCE_METERED);
    }
    if (plug->relay.contact != RELAY_UNKNOWN) {
        state.applied_w = plug->relay.contact == RELAY_CLOSED ? plug->caps.max_w : 0;
    }
    state.writes = plug->writes;
    state.relay = (struct heater_relay){.known = true,
                                        .cycles = plug->relay.cycles,
                                        .cycles_day = relay_cycles_day(&plug->relay, now)};
    memcpy(state.faults, plug->faults.count, sizeof state.faults);
    plug->env.report(plug->env.report_ctx, &state);
}

static void write_to(struct plug *plug, const char *topic, const char *payload)
{
    if (mqtt_talk_say(&plug->talk, topic, payload)) {
        plug->writes++;
        if (plug->env.wrote != NULL) {
            plug->env.wrote(plug->env.report_ctx, WRITE_VOLATILE);
        }
    }
}

static void refuse(struct plug *plug)
{
    struct hb_err why = {0};
    (void)hb_fail(&why, HB_ERR_STATE,
                  "the relay was closed %" PRId32
                  " times within a day and is spared; raise max_cycles_per_day if it must be",
                  plug->relay.rules.cycles_day);
    if (plug->env.refused != NULL) {
        plug->env.refused(plug->env.report_ctx, plug->order.seq, why.msg);
    }
}

static void carry_out(struct plug *plug, unsigned todo, hb_mono now)
{
    const struct plug_options *o = options_of(plug);
    const struct plug_kind *kind = &plug->topics.kind;
    if ((todo & RELAY_DO_SOFT_STOP) != 0) {
        write_to(plug, o->soft_stop_topic, o->soft_stop);
    }
    if ((todo & RELAY_UNDER_LOAD) != 0) {
        hb_log(plug->env.log, LOG_LEVEL_WARN, plug->part,
               "did not stop within %" PRId64 " s; its relay opens all the same",
               o->soft_wait / 1000);
    }
    if ((todo & RELAY_DO_OPEN) != 0) {
        write_to(plug, kind->command_topic, kind->open_it);
    }
    if ((todo & RELAY_DO_CLOSE) != 0) {
        write_to(plug, kind->command_topic, kind->close);
    }
    if ((todo & RELAY_DO_SOFT_START) != 0) {
        write_to(plug, o->soft_stop_topic, o->soft_start);
    }
    if ((todo & (RELAY_DO_OPEN | RELAY_DO_CLOSE | RELAY_DO_SOFT_STOP)) != 0) {
        mqtt_talk_ask(&plug->talk, now);
    }
    if ((todo & RELAY_REFUSE) != 0) {
        refuse(plug);
    }
}

static void plug_poll(void *self, hb_mono now)
{
    struct plug *plug = self;
    recall_cycles(plug, now);
    mqtt_talk_ask_if_due(&plug->talk, now);
    carry_out(plug, relay_step(&plug->relay, now), now);
    char why[TEXT_MAX];
    if (mqtt_talk_is_fresh(&plug->talk, now)) {
        report(plug, now);
    } else if (plug->env.trouble != NULL &&
               mqtt_talk_explain(&plug->talk, plug->topics.kind.state[0].topic,
                                 plug->topics.kind.hint, now, why)) {
        plug->env.trouble(plug->env.report_ctx, why);
    }
}

static void plug_commit(void *self, const struct heater_command *command, hb_mono now)
{
    struct plug *plug = self;
    recall_cycles(plug, now);
    plug->order = *command;
    carry_out(plug, relay_order(&plug->relay, command->power_w > 0, now), now);
}

/* --- what the plug says -------------------------------------------------------------------------
 */

static bool take_power(struct plug *plug, struct mqtt_talk_message *message, enum provenance from,
                       hb_mono now)
{
    bool any = false;
    for (size_t i = 0; i < PLUG_SOURCES; i++) {
        struct mqtt_talk_found found;
        if (mqtt_talk_find(&plug->topics.kind.meter[i], message, &plug->faults, &found)) {
            const double power_w =
                mqtt_talk_number(&found, 0, METER_MOST_W, "power", &plug->faults);
            if (isfinite(power_w)) {
                plug->relay.power_w = reading_make(power_w, now, from);
                any = true;
            }
        }
    }
    return any;
}

static bool take_contact(struct plug *plug, struct mqtt_talk_message *message,
                         enum relay_contact *contact)
{
    const struct plug_kind *kind = &plug->topics.kind;
    struct mqtt_talk_found found;
    if (!mqtt_talk_find(&kind->state[0], message, &plug->faults, &found) &&
        !mqtt_talk_find(&kind->state[1], message, &plug->faults, &found)) {
        return false;
    }
    if (strcasecmp(found.text, kind->closed) == 0) {
        *contact = RELAY_CLOSED;
    } else if (strcasecmp(found.text, kind->open) == 0) {
        *contact = RELAY_OPEN;
    } else {
        reply_fault(&plug->faults, REPLY_RANGE, "state: expected %s or %s, got %s", kind->closed,
                    kind->open, found.text);
        return false;
    }
    return true;
}

/* An order that waited for the first word of the relay, or of one that started anew, goes out with
 * it. */
static void read_contact(struct plug *plug, enum relay_contact contact, hb_mono now)
{
    struct relay *relay = &plug->relay;
    const bool was_known = relay->contact != RELAY_UNKNOWN;
    const bool closed_now = contact == RELAY_CLOSED && relay->contact == RELAY_OPEN;
    relay_read(relay, contact, now);
    if (relay->ordered && !was_known && (contact == RELAY_CLOSED) != relay->want_closed) {
        carry_out(plug, relay_order(relay, relay->want_closed, now), now);
    } else if (closed_now && relay->want_closed && relay->rules.soft_start) {
        carry_out(plug, RELAY_DO_SOFT_START, now);
    }
}

static void plug_message(void *self, const char *topic, const char *payload, size_t len,
                         bool retained, hb_mono now)
{
    struct plug *plug = self;
    enum relay_contact contact = RELAY_UNKNOWN;
    recall_cycles(plug, now);
    if (mqtt_talk_presence(&plug->talk, topic, payload, len, now) ||
        (retained && plug->talk.presence != MQTT_TALK_PRESENT)) {
        return;
    }
    struct mqtt_talk_message message = {.topic = topic, .payload = payload, .len = len};
    /* What the broker had kept is of some age, and no proof that nothing is drawn now. */
    const enum provenance from = retained ? PROVENANCE_REPORTED : PROVENANCE_METERED;
    const bool has_power = take_power(plug, &message, from, now);
    const bool has_contact = take_contact(plug, &message, &contact);
    mqtt_talk_close(&message);
    if (!has_power && !has_contact) {
        return;
    }
    mqtt_talk_heard(&plug->talk, retained, now);
    if (has_contact) {
        read_contact(plug, contact, now);
    }
    carry_out(plug, relay_step(&plug->relay, now), now);
    remember_cycles(plug, now);
    if (mqtt_talk_is_fresh(&plug->talk, now)) {
        report(plug, now);
    }
}

const struct heater_driver plug_heater = {
    .name = "plug",
    .summary = "any heater behind a metering plug that speaks MQTT: Shelly, Tasmota, Zigbee2MQTT",
    .instance_size = sizeof(struct plug),
    .options_size = sizeof(struct plug_options),
    .options = options,
    .poll_ms = 5000,
    .check = plug_check,
    .init = plug_init,
    .fini = plug_fini,
    .poll = plug_poll,
    .commit = plug_commit,
    .message = plug_message,
};
