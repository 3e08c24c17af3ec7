#include "miner/power.h"

#include <glob.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground/text.h"
#include "miner/meter.h"

enum { PACKAGES_MAX = 8, PATH_SIZE = 512 };

struct package {
    char energy_path[PATH_SIZE];
    double range_uj; /* the counter wraps here */
    double last_uj;  /* NaN before the first reading */
};

struct power_meter {
    struct package packages[PACKAGES_MAX];
    size_t package_count;
    double energy_j; /* of all packages since the start */
    bool readable;
    struct meter rate;
    char temperature_path[PATH_SIZE];
    double cpu_c;
};

static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    const bool good = fgets(line, (int)size, file) != NULL;
    (void)fclose(file);
    if (good) {
        line[strcspn(line, "\n")] = '\0';
    }
    return good;
}

static double read_number(const char *path)
{
    char line[64];
    double number = NAN;
    if (!read_line(path, line, sizeof line) || !text_to_number(line, strlen(line), &number)) {
        return NAN;
    }
    return number;
}

/* Calls `visit` with each path that matches <root>/<pattern>, until it returns true. */
static bool each_path(const char *root, const char *pattern,
                      bool (*visit)(struct power_meter *meter, const char *path),
                      struct power_meter *meter)
{
    char full[PATH_SIZE];
    glob_t found = {0};
    bool done = false;
    (void)snprintf(full, sizeof full, "%s/%s", root, pattern);
    if (glob(full, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && !done; i++) {
            done = visit(meter, found.gl_pathv[i]);
        }
    }
    globfree(&found);
    return done;
}

/* "intel-rapl:0" is a package, "intel-rapl:0:0" a part of one that its package already counts. */
static bool add_package(struct power_meter *meter, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    char range_path[PATH_SIZE];
    if (strchr(strchr(name, ':') + 1, ':') != NULL) {
        return false;
    }
    struct package *package = &meter->packages[meter->package_count];
    (void)snprintf(range_path, sizeof range_path, "%.480s/max_energy_range_uj", path);
    (void)snprintf(package->energy_path, sizeof package->energy_path, "%.480s/energy_uj", path);
    package->range_uj = read_number(range_path);
    package->last_uj = NAN;
    meter->package_count++;
    return meter->package_count == PACKAGES_MAX;
}

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

/* `path` names the sensor's kind; its temperature is in `file` of the same folder. */
static bool take_sensor(struct power_meter *meter, const char *path, const char *file)
{
    char name[64];
    if (!read_line(path, name, sizeof name) || !is_cpu_sensor(name)) {
        return false;
    }
    const int folder = (int)(strrchr(path, '/') - path);
    (void)snprintf(meter->temperature_path, sizeof meter->temperature_path, "%.*s/%s", folder, path,
                   file);
    return isfinite(read_number(meter->temperature_path));
}

static bool take_hwmon(struct power_meter *meter, const char *path)
{
    return take_sensor(meter, path, "temp1_input");
}

static bool take_zone(struct power_meter *meter, const char *path)
{
    return take_sensor(meter, path, "temp");
}

struct power_meter *power_create(const char *sysfs_root)
{
    struct power_meter *meter = calloc(1, sizeof *meter);
    if (meter == NULL) {
        return NULL;
    }
    meter->cpu_c = NAN;
    (void)each_path(sysfs_root, "class/powercap/intel-rapl:*", add_package, meter);
    if (!each_path(sysfs_root, "class/hwmon/hwmon*/name", take_hwmon, meter) &&
        !each_path(sysfs_root, "class/thermal/thermal_zone*/type", take_zone, meter)) {
        meter->temperature_path[0] = '\0';
    }
    return meter;
}

void power_destroy(struct power_meter *meter)
{
    free(meter);
}

/* Microjoules since the last reading; NaN if there is none. */
static double package_step_uj(struct package *package)
{
    const double now_uj = read_number(package->energy_path);
    double step_uj = now_uj - package->last_uj;
    if (step_uj < 0) {
        step_uj += package->range_uj;
    }
    package->last_uj = now_uj;
    return step_uj >= 0 ? step_uj : NAN;
}

void power_read(struct power_meter *meter, hb_mono now)
{
    double step_uj = 0;
    for (size_t i = 0; i < meter->package_count; i++) {
        step_uj += package_step_uj(&meter->packages[i]);
    }
    meter->readable = meter->package_count > 0 && isfinite(step_uj);
    if (meter->readable) {
        meter->energy_j += step_uj * 1e-6;
        meter_note(&meter->rate, now, meter->energy_j);
    }
    if (meter->temperature_path[0] != '\0') {
        meter->cpu_c = read_number(meter->temperature_path) / 1000.0;
    }
}

double power_package_w(const struct power_meter *meter)
{
    return meter->readable ? meter_per_s(&meter->rate) : NAN;
}

double power_cpu_c(const struct power_meter *meter)
{
    return meter->cpu_c;
}
