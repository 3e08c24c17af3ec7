#include "miner/heat/regulator.h"

#include <stdlib.h>

#include "miner/heat/heat.h"
#include "miner/heat/hwmon.h"
#include "miner/heat/rapl.h"

struct regulator {
    const struct hb_log *log;
    struct rapl *rapl;
    struct hwmon *hwmon;
    struct heat heat;
    enum rapl_access told_access;
    enum guard_state told_guard;
    bool has_kept;
    struct miner_calibration kept; /* waits for the scale that it belongs to */
};

struct regulator *regulator_create(const char *sysfs_root, double max_cpu_c,
                                   const struct hb_log *log)
{
    struct regulator *regulator = calloc(1, sizeof *regulator);
    if (regulator == NULL) {
        return NULL;
    }
    regulator->log = log;
    regulator->rapl = rapl_create(sysfs_root);
    regulator->hwmon = hwmon_create(sysfs_root);
    if (regulator->rapl == NULL || regulator->hwmon == NULL) {
        regulator_destroy(regulator);
        return NULL;
    }
    heat_init(&regulator->heat, max_cpu_c, hwmon_critical_c(regulator->hwmon));
    return regulator;
}

void regulator_destroy(struct regulator *regulator)
{
    if (regulator != NULL) {
        rapl_destroy(regulator->rapl);
        hwmon_destroy(regulator->hwmon);
        free(regulator);
    }
}

/* --- what is known about watts ------------------------------------------------------------------
 */

void regulator_remember(struct regulator *regulator, const struct miner_calibration *kept)
{
    regulator->kept = *kept;
    regulator->has_kept = true;
}

void regulator_set_scale(struct regulator *regulator, const struct miner_scale *scale)
{
    heat_set_scale(&regulator->heat, scale);
    if (!regulator->has_kept) {
        return;
    }
    if (heat_restore(&regulator->heat, &regulator->kept)) {
        struct miner_stats stats = {0};
        heat_get_stats(&regulator->heat, &stats);
        hb_log(regulator->log, LOG_LEVEL_INFO, "mining",
               "learnt before: %.1f W without hashing, %.1f W at full hashing", stats.idle_w,
               stats.full_w);
    } else {
        hb_log(regulator->log, LOG_LEVEL_INFO, "mining",
               "what was learnt about watts does not fit the configuration any more");
    }
}

bool regulator_keep(const struct regulator *regulator, struct miner_calibration *kept)
{
    return heat_keep(&regulator->heat, kept);
}

double regulator_rated_w(const struct regulator *regulator)
{
    return rapl_limit_w(regulator->rapl);
}

void regulator_note_meter(struct regulator *regulator, double power_w, hb_mono now)
{
    heat_note_meter(&regulator->heat, power_w, now);
}

/* --- what is told to people ---------------------------------------------------------------------
 */

static void tell_access(struct regulator *regulator)
{
    const enum rapl_access access = rapl_access(regulator->rapl);
    if (access == regulator->told_access) {
        return;
    }
    regulator->told_access = access;
    if (access == RAPL_DENIED) {
        hb_log(regulator->log, LOG_LEVEL_INFO, "mining",
               "the processor's energy counters may not be read, so power is computed; "
               "docs/engine.md says how to allow it");
    } else if (access == RAPL_LOST) {
        hb_log(regulator->log, LOG_LEVEL_WARN, "mining",
               "the processor's energy counters cannot be read any more; power is computed");
    } else if (access == RAPL_OK) {
        hb_log(regulator->log, LOG_LEVEL_INFO, "mining",
               "the processor's energy counters are read");
    }
}

static void tell_guard(struct regulator *regulator)
{
    const enum guard_state state = regulator->heat.guard.state;
    if (state == regulator->told_guard) {
        return;
    }
    regulator->told_guard = state;
    switch (state) {
    case GUARD_OPEN:
        hb_log(regulator->log, LOG_LEVEL_INFO, "mining", "the processor is cool enough again");
        break;
    case GUARD_WARM:
        hb_log(regulator->log, LOG_LEVEL_WARN, "mining",
               "the processor is at %.0f °C; it is kept below %.0f °C with less heat",
               regulator->heat.last.cpu_c, regulator->heat.guard.limit_c);
        break;
    case GUARD_CRITICAL:
        hb_log(regulator->log, LOG_LEVEL_ERROR, "mining",
               "the processor is at %.0f °C; hashing pauses until it is cool",
               regulator->heat.last.cpu_c);
        break;
    case GUARD_BLIND:
        hb_log(regulator->log, LOG_LEVEL_WARN, "mining",
               "the processor's temperature cannot be read any more; heat is limited to %.0f %%",
               100 * GUARD_BLIND_RATIO);
        break;
    }
}

/* --- the duty -----------------------------------------------------------------------------------
 */

double regulator_want_duty(struct regulator *regulator, double duty_ratio)
{
    heat_want_duty(&regulator->heat, duty_ratio);
    return heat_decide(&regulator->heat);
}

double regulator_want_power(struct regulator *regulator, double power_w)
{
    heat_want_power(&regulator->heat, power_w);
    return heat_decide(&regulator->heat);
}

double regulator_step(struct regulator *regulator, const struct workers_stats *workers,
                      double hashrate_hs, hb_mono now)
{
    rapl_read(regulator->rapl, now);
    hwmon_read(regulator->hwmon, now);
    const struct heat_sample sample = {
        .now = now,
        .hashes = (double)workers->hashes,
        .hashrate_hs = hashrate_hs,
        .full_hs = workers->full_hashrate_hs,
        .package_j = rapl_energy_j(regulator->rapl),
        .package_w = rapl_power_w(regulator->rapl),
        .cpu_c = hwmon_cpu_c(regulator->hwmon),
        .hashing = workers->hashing,
    };
    const double duty_ratio = heat_step(&regulator->heat, &sample);
    tell_access(regulator);
    tell_guard(regulator);
    return duty_ratio;
}

void regulator_get_stats(const struct regulator *regulator, struct miner_stats *stats)
{
    heat_get_stats(&regulator->heat, stats);
}
