/* Any text as a trace: it is refused or read, and what was read can never make the core command a
 * heater beyond its abilities. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/core.h"
#include "bridge/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void step(struct core *core, const struct event *event, struct effects *effects)
{
    effects->count = 0;
    core_step(core, event, effects);
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->item[i];
        const double power_w = effect->command.power_w;
        if (effects->lost > 0 ||
            (effect->kind == EFFECT_HEATER_COMMAND && !(power_w >= 0 && power_w <= 1500))) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_room room = {.preset_count = 1,
                               .min_target_c = 5,
                               .max_target_c = 30,
                               .step_c = 0.5,
                               .initial_target_c = 21,
                               .frost_c = 5,
                               .too_hot_c = 35,
                               .temperature.stale_after_ms = 900000,
                               .schedule = {{0, 0}},
                               .schedule_count = 1,
                               .heater_count = 1};
    room.presets[0].target_c = 21;
    struct config_heater heater = {.too_hot_c = 90, .lease_ms = 30000};
    const struct heater_caps caps = {.min_w = 100, .max_w = 1500};
    const struct config config = {
        .rooms = &room, .room_count = 1, .heaters = &heater, .heater_count = 1};
    struct effect list[32];
    struct effects effects = {.item = list, .capacity = 32};
    struct core *core = core_create(&config, &caps);
    hb_mono last = {0};
    const char *text = (const char *)data;
    for (size_t at = 0; core != NULL && at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        const size_t len = end != NULL ? (size_t)(end - text) - at : size - at;
        struct event event;
        char line[TRACE_LINE_MAX];
        if (trace_parse(text + at, len, &event, NULL)) {
            if (trace_format(&event, line) == 0) {
                abort();
            }
            if (event.at.ms > last.ms && event.at.ms < INT64_C(1) << 50 && event.wall.ms > 0 &&
                event.wall.ms < INT64_C(1) << 50) {
                last = event.at;
                step(core, &event, &effects);
            }
        }
        at += len + 1;
    }
    core_destroy(core);
    return 0;
}
