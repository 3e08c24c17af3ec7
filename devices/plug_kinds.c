#include "devices/plug_kinds.h"

#include <stdio.h>

const char *const plug_kind_names[] = {"zigbee2mqtt", "tasmota", "shelly_gen2",
                                       "shelly_gen1", "custom",  NULL};

const struct plug_kind plug_kinds[] = {
    /* zigbee2mqtt.io, "MQTT Topics and Messages" and "Device-Availability": the state of all that a
     * device exposes comes as one object; what the exposes of metering plugs call `state` and
     * `power` can be read by /get. {topic} is zigbee2mqtt/FRIENDLY_NAME. */
    {.name = "zigbee2mqtt",
     .first_channel = "",
     .next_channels = "_l",
     .state = {{"{topic}", "state{channel}"}},
     .closed = "ON",
     .open = "OFF",
     .meter = {{"{topic}", "power{channel}"}},
     .command_topic = "{topic}/set",
     .close = "{\"state{channel}\":\"ON\"}",
     .open_it = "{\"state{channel}\":\"OFF\"}",
     .ask = {{"{topic}/get", "{\"state{channel}\":\"\",\"power{channel}\":\"\"}"}},
     .availability = {"{topic}/availability", "state"},
     .available = "online",
     .unavailable = "offline",
     .hint = "expected the friendly name of the plug after Zigbee2MQTT's base topic"},
    /* tasmota.github.io/docs, "MQTT" and "Commands" (Power, State, Status 10): with the default
     * FullTopic; telemetry comes every TelePeriod, 300 s by default, so that it is asked. */
    {.name = "tasmota",
     .first_channel = "",
     .next_channels = "",
     .state = {{"stat/{topic}/POWER{channel}", ""}, {"stat/{topic}/RESULT", "POWER{channel}"}},
     .closed = "ON",
     .open = "OFF",
     .meter = {{"stat/{topic}/STATUS10", "StatusSNS.ENERGY.Power"},
               {"tele/{topic}/SENSOR", "ENERGY.Power"}},
     .command_topic = "cmnd/{topic}/POWER{channel}",
     .close = "ON",
     .open_it = "OFF",
     .ask = {{"cmnd/{topic}/STATE", ""}, {"cmnd/{topic}/STATUS", "10"}},
     .availability = {"tele/{topic}/LWT", ""},
     .available = "Online",
     .unavailable = "Offline",
     .hint = "expected the plug's Topic, and the default FullTopic"},
    /* shelly-api-docs.shelly.cloud/gen2, "Mqtt" (status_ntf, MQTT control) and "Switch" (status).
     * Both "Enable MQTT control" and "Generic status update over MQTT" must be on. {topic} is the
     * MQTT prefix. */
    {.name = "shelly_gen2",
     .first_channel = "0",
     .next_channels = "",
     .state = {{"{topic}/status/switch:{channel}", "output"}},
     .closed = "true",
     .open = "false",
     .meter = {{"{topic}/status/switch:{channel}", "apower"}},
     .command_topic = "{topic}/command/switch:{channel}",
     .close = "on",
     .open_it = "off",
     .ask = {{"{topic}/command", "status_update"}},
     .availability = {"{topic}/online", ""},
     .available = "true",
     .unavailable = "false",
     .hint = "enable MQTT control and generic status update over MQTT on the plug"},
    /* shelly-api-docs.shelly.cloud/gen1, "MQTT" and "Shelly Plug/PlugS: MQTT": {topic} is
     * shellies/<model>-<deviceid>; payloads are kept by the broker, and sent again every 30 s. */
    {.name = "shelly_gen1",
     .first_channel = "0",
     .next_channels = "",
     .state = {{"{topic}/relay/{channel}", ""}},
     .closed = "on",
     .open = "off",
     .meter = {{"{topic}/relay/{channel}/power", ""}},
     .command_topic = "{topic}/relay/{channel}/command",
     .close = "on",
     .open_it = "off",
     .ask = {{"{topic}/command", "update"}},
     .availability = {"{topic}/online", ""},
     .available = "true",
     .unavailable = "false",
     .hint = "expected shellies/<model>-<id>, with MQTT enabled on the plug"},
    {.name = "custom", .first_channel = "", .hint = "expected the plug to tell its state there"},
};

bool plug_kinds_fill(struct plug_topics *topics, const struct plug_kind *kind, const char *topic,
                     int channel, struct hb_err *err)
{
    char number[16] = "";
    if (channel == 0) {
        (void)snprintf(number, sizeof number, "%s", kind->first_channel);
    } else if (kind->next_channels != NULL) {
        (void)snprintf(number, sizeof number, "%s%d", kind->next_channels, channel);
    } else {
        return hb_fail(err, HB_ERR_USAGE, "channel: expected 0 for this kind, got %d", channel);
    }
    const char *const tokens[] = {"topic", topic, "channel", number, NULL};
    struct plug_kind *k = &topics->kind;
    *k = *kind;
    const char **const texts[PLUG_TEXTS] = {
        &k->state[0].topic, &k->state[0].path,  &k->state[1].topic, &k->state[1].path,
        &k->meter[0].topic, &k->meter[0].path,  &k->meter[1].topic, &k->meter[1].path,
        &k->command_topic,  &k->close,          &k->open_it,        &k->availability.topic,
        &k->ask[0].topic,   &k->ask[0].payload, &k->ask[1].topic,   &k->ask[1].payload};
    for (size_t i = 0; i < PLUG_TEXTS; i++) {
        if (*texts[i] == NULL) {
            topics->text[i][0] = '\0';
        } else if (!mqtt_talk_fill(topics->text[i], TOPIC_MAX, *texts[i], tokens)) {
            return hb_fail(err, HB_ERR_USAGE, "topic: expected a shorter one, got '%s'", topic);
        }
        *texts[i] = topics->text[i];
    }
    return true;
}
