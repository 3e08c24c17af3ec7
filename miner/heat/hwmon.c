#include "miner/heat/hwmon.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/heat/sysfs.h"

enum { SENSORS_MAX = 16, LOOK_AGAIN_MS = 5000, FILE_B = 32 };
/* Outside of these a sensor tells nonsense. */
#define LEAST_C          (-40.0)
#define MOST_C           150.0
#define LEAST_CRITICAL_C 50.0

struct sensor {
    char folder[SYSFS_PATH_B];
    char file[FILE_B];
};

struct hwmon {
    char root[SYSFS_PATH_B];
    struct sensor sensors[SENSORS_MAX];
    size_t count;
    double cpu_c, critical_c;
    hb_mono looked;
};

static bool is_cpu_sensor(const char *name)
{
    static const char *const names[] = {"coretemp",    "k10temp",      "zenpower",
                                        "cpu_thermal", "x86_pkg_temp", "cpu-thermal"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static double read_c(const char *folder, const char *file)
{
    const double value_c = sysfs_number(folder, file) / 1000;
    return value_c >= LEAST_C && value_c <= MOST_C ? value_c : NAN;
}

static bool add_sensor(struct hwmon *hwmon, const char *folder, const char *file)
{
    if (!isfinite(read_c(folder, file))) {
        return true;
    }
    struct sensor *sensor = &hwmon->sensors[hwmon->count++];
    (void)snprintf(sensor->folder, sizeof sensor->folder, "%s", folder);
    (void)snprintf(sensor->file, sizeof sensor->file, "%s", file);
    return hwmon->count < SENSORS_MAX;
}

static void note_critical(struct hwmon *hwmon, double critical_c)
{
    if (critical_c >= LEAST_CRITICAL_C) {
        hwmon->critical_c = fmin(hwmon->critical_c, critical_c); /* fmin passes over NaN */
    }
}

/* On some processors of AMD's the first temperature (Tctl) is raised by up to 27 K to make fans run
 * faster; the true one (Tdie) is the second, where the label says so. */
static int true_input(const char *folder)
{
    char label[SYSFS_LINE_B];
    return sysfs_line(folder, "temp2_label", label) && strcmp(label, "Tdie") == 0 ? 2 : 1;
}

static bool take_hwmon(void *ctx, const char *folder)
{
    struct hwmon *hwmon = ctx;
    char name[SYSFS_LINE_B];
    char file[FILE_B];
    if (!sysfs_line(folder, "name", name) || !is_cpu_sensor(name)) {
        return true;
    }
    const int input = true_input(folder);
    (void)snprintf(file, sizeof file, "temp%d_crit", input);
    note_critical(hwmon, read_c(folder, file));
    (void)snprintf(file, sizeof file, "temp%d_input", input);
    return add_sensor(hwmon, folder, file);
}

static bool take_zone(void *ctx, const char *folder)
{
    struct hwmon *hwmon = ctx;
    char name[SYSFS_LINE_B];
    char kind[SYSFS_LINE_B];
    if (!sysfs_line(folder, "type", name) || !is_cpu_sensor(name)) {
        return true;
    }
    for (int trip = 0; trip < 10; trip++) {
        char file[FILE_B];
        (void)snprintf(file, sizeof file, "trip_point_%d_type", trip);
        if (sysfs_line(folder, file, kind) && strcmp(kind, "critical") == 0) {
            (void)snprintf(file, sizeof file, "trip_point_%d_temp", trip);
            note_critical(hwmon, read_c(folder, file));
        }
    }
    return add_sensor(hwmon, folder, "temp");
}

static void look(struct hwmon *hwmon, hb_mono now)
{
    hwmon->looked = now;
    hwmon->count = 0;
    hwmon->critical_c = NAN;
    sysfs_each(hwmon->root, "class/hwmon/hwmon*", take_hwmon, hwmon);
    if (hwmon->count == 0) {
        sysfs_each(hwmon->root, "class/thermal/thermal_zone*", take_zone, hwmon);
    }
}

struct hwmon *hwmon_create(const char *sysfs_root)
{
    struct hwmon *hwmon = calloc(1, sizeof *hwmon);
    if (hwmon != NULL) {
        (void)snprintf(hwmon->root, sizeof hwmon->root, "%s", sysfs_root);
        hwmon->cpu_c = NAN;
        look(hwmon, (hb_mono){0});
    }
    return hwmon;
}

void hwmon_destroy(struct hwmon *hwmon)
{
    free(hwmon);
}

/* One that cannot be read may have been the warmest, so then nothing is known. */
static double warmest_c(const struct hwmon *hwmon)
{
    double warmest = hwmon->count > 0 ? -INFINITY : NAN;
    for (size_t i = 0; i < hwmon->count; i++) {
        const double value_c = read_c(hwmon->sensors[i].folder, hwmon->sensors[i].file);
        warmest = value_c > warmest || isnan(value_c) ? value_c : warmest;
    }
    return warmest;
}

void hwmon_read(struct hwmon *hwmon, hb_mono now)
{
    hwmon->cpu_c = warmest_c(hwmon);
    if (isnan(hwmon->cpu_c) && mono_age_ms(now, hwmon->looked) >= LOOK_AGAIN_MS) {
        look(hwmon, now);
        hwmon->cpu_c = warmest_c(hwmon);
    }
}

double hwmon_cpu_c(const struct hwmon *hwmon)
{
    return hwmon->cpu_c;
}

double hwmon_critical_c(const struct hwmon *hwmon)
{
    return hwmon->critical_c;
}
