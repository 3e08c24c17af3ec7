/* What plugs and heaters say over MQTT: the first byte chooses the plug and the kind of message,
 * the rest is the payload. Whatever it is, the state stays possible, and a memory that is read is
 * one that can be written. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/mqtt_heater_codec.h"
#include "devices/plug.h"
#include "devices/plug_kinds.h"
#include "devices/plug_relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KINDS = 4, RATED_W = 400 };

static void check(void *ctx, const struct heater_state *state)
{
    (void)ctx;
    if (!isnan(state->applied_w) && state->applied_w != 0 && state->applied_w != RATED_W) {
        abort();
    }
    if (mono_is_set(state->power_w.at) && !(state->power_w.value >= 0)) {
        abort();
    }
}

static void hear(const struct plug_kind *kind, const char *topic, const char *payload, size_t len)
{
    static struct plug_options options = {.power = RATED_W, .safe_power = 30, .stale_after = 60000};
    const struct heater_env env = {.id = "fuzz", .options = &options, .report = check};
    void *plug = calloc(1, plug_heater.instance_size);
    struct heater_caps caps;
    struct hb_err err;
    options.kind = (int)(kind - plug_kinds);
    (void)snprintf(options.topic, sizeof options.topic, "x");
    if (plug == NULL || !plug_heater.init(plug, &env, &caps, &err)) {
        abort();
    }
    plug_heater.message(plug, topic, payload, len, false, (hb_mono){1000});
    plug_heater.message(plug, topic, payload, len, true, (hb_mono){2000});
    plug_heater.poll(plug, (hb_mono){3000});
    plug_heater.fini(plug);
    free(plug);
}

static void understand(const char *payload, size_t len)
{
    static const struct mqtt_heater_options options = {
        .tiers = {.w = {300, 600}, .count = 2}, .levels = "eco, normal", .switch_on = "ON"};
    struct mqtt_heater_options mine = options;
    struct mqtt_talk_message message = {.topic = "t", .payload = payload, .len = len};
    struct reply_faults faults = {{0}, ""};
    for (mine.applied_unit = 0; mine.applied_unit <= MQTT_UNIT_LEVEL; mine.applied_unit++) {
        const struct mqtt_talk_found found = mqtt_talk_read(&message, "a[0].b", &faults);
        const double applied_w = mqtt_heater_applied_w(&mine, &found, &faults);
        if (!isnan(applied_w) && !(applied_w >= 0 && isfinite(applied_w))) {
            abort();
        }
        (void)mqtt_heater_switched(&mine, &found, &faults);
    }
    mqtt_talk_close(&message);
}

static void recall(const char *payload, size_t len)
{
    char text[HEATER_MEMORY_MAX] = "";
    struct relay relay = {.rules = {.cycles_day = 24}};
    memcpy(text, payload, len < sizeof text ? len : sizeof text - 1);
    if (relay_parse(&relay, text, (hb_mono){5000}, (hb_wall){1790000000000})) {
        relay_print(&relay, (hb_mono){5000}, (hb_wall){1790000000000}, text);
        if (!relay_parse(&relay, text, (hb_mono){5000}, (hb_wall){1790000000000})) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plug_topics topics;
    struct hb_err err;
    if (size == 0) {
        return 0;
    }
    const char *payload = (const char *)data + 1;
    const struct plug_kind *kind = &plug_kinds[data[0] % KINDS];
    if (!plug_kinds_fill(&topics, kind, "x", 0, &err)) {
        abort();
    }
    const char *const where[] = {topics.kind.state[0].topic, topics.kind.state[1].topic,
                                 topics.kind.meter[0].topic, topics.kind.meter[1].topic,
                                 topics.kind.availability.topic};
    hear(kind, where[data[0] / KINDS % 5], payload, size - 1);
    understand(payload, size - 1);
    recall(payload, size - 1);
    return 0;
}
