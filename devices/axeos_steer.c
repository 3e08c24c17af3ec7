#include "devices/axeos_steer.h"

#include <math.h>

#define DAY_MS        86400000
#define FLASH_REST_MS 1800000 /* within which a small step down is no reason to write again */
#define SMALL_STEP    0.8     /* of the power */
#define PAUSE_S       45.0    /* of a pause, at least */
#define RUN_S         180.0   /* between two, at least */
#define TICK_MAX_S    60.0

static struct axeos_step step(enum axeos_act act, double value)
{
    return (struct axeos_step){act, value};
}

/* --- settings
 * -----------------------------------------------------------------------------------*/

static bool differs(double now, double wanted)
{
    return !(fabs(now - wanted) < 1); /* unknown differs too */
}

static bool has_ramped(const struct axeos_info *info, bool ramped)
{
    /* A paused device says 50 MHz, or what it was. */
    return isfinite(info->actual_mhz) ? info->actual_mhz < info->frequency_mhz + 7 : ramped;
}

static struct axeos_step setting_step(const struct axeos_info *info, struct axeos_goal *goal,
                                      bool ramped)
{
    if (isnan(info->frequency_mhz) || isnan(info->voltage_mv)) {
        return step(AXEOS_WAIT, 0); /* what is not known is not overwritten */
    }
    if (differs(info->frequency_mhz, goal->mhz)) {
        const bool raise = goal->mhz > info->frequency_mhz;
        if (raise && info->voltage_mv < goal->mv - 0.5) {
            return step(AXEOS_SET_VOLTAGE, goal->mv);
        }
        goal->lowering = !raise;
        return step(AXEOS_SET_FREQUENCY, goal->mhz);
    }
    if (goal->lowering && info->voltage_mv > goal->mv + 0.5) {
        return has_ramped(info, ramped) ? step(AXEOS_SET_VOLTAGE, goal->mv) : step(AXEOS_WAIT, 0);
    }
    return step(AXEOS_REACHED, 0);
}

static struct axeos_step off_step(const struct axeos_info *info, struct axeos_goal *goal,
                                  bool ramped)
{
    switch (info->kind) {
    case AXEOS_PAUSES:
        return step(info->paused == 1 ? AXEOS_REACHED : AXEOS_PAUSE, 0);
    case AXEOS_NERD:
        return step(info->shut_down == 1 ? AXEOS_REACHED : AXEOS_SHUT_DOWN, 0);
    case AXEOS_PLAIN:
        break;
    }
    return setting_step(info, goal, ramped);
}

struct axeos_step axeos_next_step(const struct axeos_info *info, struct axeos_goal *goal,
                                  bool ramped)
{
    if (!goal->on) {
        return off_step(info, goal, ramped);
    }
    const struct axeos_step setting = setting_step(info, goal, ramped);
    if (setting.act != AXEOS_REACHED) {
        return setting;
    }
    if (info->paused == 1) {
        return step(AXEOS_RESUME, 0);
    }
    return step(info->shut_down == 1 ? AXEOS_RESTART : AXEOS_REACHED, 0);
}

/* --- flash memory
 * -------------------------------------------------------------------------------*/

void axeos_flash_wrote(struct axeos_flash *flash, hb_mono now)
{
    flash->at[flash->next] = now;
    flash->next = (flash->next + 1) % AXEOS_FLASH_A_DAY;
}

bool axeos_flash_allows(const struct axeos_flash *flash, unsigned writes, hb_mono now)
{
    unsigned free = 0;
    for (size_t i = 0; i < AXEOS_FLASH_A_DAY; i++) {
        free += !mono_is_set(flash->at[i]) || mono_age_ms(now, flash->at[i]) >= DAY_MS;
    }
    return free >= writes;
}

int64_t axeos_flash_rest_ms(const struct axeos_flash *flash, hb_mono now)
{
    const hb_mono last = flash->at[(flash->next + AXEOS_FLASH_A_DAY - 1) % AXEOS_FLASH_A_DAY];
    return mono_is_set(last) ? mono_age_ms(now, last) : INT64_MAX;
}

struct axeos_plan axeos_choose(const struct axeos_points *points, enum axeos_kind kind, int current,
                               size_t wanted, const struct axeos_flash *flash, hb_mono now)
{
    struct axeos_plan plan = {.index = wanted, .duty = 1};
    if (current < 0 || (size_t)current == wanted) {
        return plan; /* settings that are none of its own points are left at any price */
    }
    const bool both = fabs(points->at[current].mv - points->at[wanted].mv) > 0.5;
    const bool can_write = axeos_flash_allows(flash, both ? 2 : 1, now);
    const double ratio = points->at[wanted].watts / points->at[current].watts;
    const bool down = kind == AXEOS_PAUSES && ratio < 1;
    const bool small = ratio >= SMALL_STEP && axeos_flash_rest_ms(flash, now) < FLASH_REST_MS;
    if (down && (small || !can_write)) {
        plan.index = (size_t)current;
        plan.duty = ratio;
    } else if (!can_write) {
        plan.index = (size_t)current;
        plan.starved = true;
    }
    return plan;
}

bool axeos_duty_pauses(struct axeos_duty *duty, double ratio, bool paused, hb_mono now)
{
    if (mono_is_set(duty->at)) {
        const double passed_s = fmin((double)mono_age_ms(now, duty->at) / 1000, TICK_MAX_S);
        duty->excess_s += passed_s * ((paused ? 0 : 1) - ratio);
    }
    duty->at = now;
    const double most_s = fmax(PAUSE_S * ratio, RUN_S * (1 - ratio));
    return paused ? duty->excess_s > 0 : duty->excess_s >= most_s;
}
