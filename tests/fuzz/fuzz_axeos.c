/* What AxeOS says: the first line is its state, the second its settings, the third a session.
 * Whatever they are, readings are possible ones, and abilities made of them sane. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "devices/axeos_device.h"
#include "devices/caps.h"

static void check(bool good)
{
    if (!good) {
        abort();
    }
}

/* The next line, without its end. */
static const char *take_line(const char **rest, size_t *left, size_t *len)
{
    const char *line = *rest;
    const char *end = memchr(line, '\n', *left);
    *len = end != NULL ? (size_t)(end - line) : *left;
    *rest = line + *len + (end != NULL);
    *left -= *len + (end != NULL);
    return line;
}

static void check_caps(struct axeos_device *d, const struct axeos_asic *asic, hb_mono now)
{
    struct heater_caps caps = {.settle_ms = 1};
    axeos_points_make(&d->points, asic, &d->info);
    check(d->points.count > 0 && d->points.count <= HEATER_TIERS);
    axeos_make_caps(d, now, &caps);
    check(caps_check(&caps, NULL));
    for (size_t i = 0; i < d->points.count; i++) {
        struct axeos_goal goal = {.on = true, .mhz = d->points.at[i].mhz, .mv = d->points.at[i].mv};
        const struct axeos_step step = axeos_next_step(&d->info, &goal, true);
        check(isfinite(step.value));
        check(step.act != AXEOS_SET_FREQUENCY || step.value <= asic->mhz[asic->mhz_count - 1]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const hb_mono now = {5000000};
    const char *rest = (const char *)data;
    struct reply_faults faults = {0};
    struct axeos_device device = {0};
    struct axeos_info info;
    struct axeos_asic asic;
    struct heater_state state;
    char token[AXEOS_TOKEN];
    size_t len = 0;
    const char *line = take_line(&rest, &size, &len);
    if (!axeos_read_info(line, len, &info, &faults)) {
        return 0;
    }
    axeos_take_info(&device, &info, now);
    line = take_line(&rest, &size, &len);
    if (axeos_read_asic(line, len, &asic, &faults) || axeos_chip_settings(info.asic, &asic)) {
        check_caps(&device, &asic, now);
    }
    axeos_take_info(&device, &info, mono_add_ms(now, 400000));
    axeos_make_state(&device, &faults, false, now, &state);
    check(isnan(state.applied_w) || state.applied_w >= 0);
    check(!mono_is_set(state.power_w.at) || state.power_w.value >= 0);
    line = take_line(&rest, &size, &len);
    check(axeos_read_session(line, len, token, &faults) == (token[0] != '\0'));
    check(strpbrk(token, "\r\n:") == NULL);
    return 0;
}
