#include "miner/heat/rapl.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "miner/figures/meter.h"
#include "miner/heat/sysfs.h"

enum { PACKAGES_MAX = 16, LOOK_AGAIN_MS = 10000 };
/* More than any package can draw: the counter was reset, as by a suspend. */
#define PACKAGE_MOST_W        3000.0
#define PACKAGE_LEAST_LIMIT_W 1.0

struct package {
    char folder[SYSFS_PATH_B];
    double range_uj; /* the counter wraps here */
    double last_uj;  /* NaN before the first reading */
};

struct rapl {
    char root[SYSFS_PATH_B];
    struct package packages[PACKAGES_MAX];
    size_t count;
    enum rapl_access access;
    double energy_j, limit_w;
    struct meter rate;
    hb_mono looked, last;
};

/* "intel-rapl:0" is named "package-0"; "intel-rapl:0:0" is a part of it. */
static bool add_package(void *ctx, const char *folder)
{
    struct rapl *rapl = ctx;
    char name[SYSFS_LINE_B];
    if (!sysfs_line(folder, "name", name) || strncmp(name, "package", strlen("package")) != 0) {
        return true;
    }
    struct package *package = &rapl->packages[rapl->count++];
    (void)snprintf(package->folder, sizeof package->folder, "%s", folder);
    package->range_uj = sysfs_number(folder, "max_energy_range_uj");
    package->last_uj = NAN;
    const double limit_w = sysfs_number(folder, "constraint_0_power_limit_uw") * 1e-6;
    rapl->limit_w += limit_w >= PACKAGE_LEAST_LIMIT_W && limit_w <= PACKAGE_MOST_W ? limit_w : NAN;
    return rapl->count < PACKAGES_MAX;
}

static void look(struct rapl *rapl, hb_mono now)
{
    rapl->looked = now;
    rapl->count = 0;
    rapl->limit_w = 0;
    sysfs_each(rapl->root, "class/powercap/intel-rapl:*", add_package, rapl);
    if (rapl->count == 0) {
        rapl->limit_w = NAN;
    }
}

struct rapl *rapl_create(const char *sysfs_root)
{
    struct rapl *rapl = calloc(1, sizeof *rapl);
    if (rapl != NULL) {
        (void)snprintf(rapl->root, sizeof rapl->root, "%s", sysfs_root);
        look(rapl, (hb_mono){0});
    }
    return rapl;
}

void rapl_destroy(struct rapl *rapl)
{
    free(rapl);
}

/* Microjoules since the last reading; NaN if there is none. */
static double step_uj(struct package *package, double elapsed_s)
{
    const double now_uj = sysfs_number(package->folder, "energy_uj");
    double step = now_uj - package->last_uj;
    if (step < 0) {
        step += package->range_uj;
    }
    package->last_uj = now_uj;
    return step >= 0 && step <= PACKAGE_MOST_W * 1e6 * elapsed_s ? step : NAN;
}

static bool all_told(const struct rapl *rapl)
{
    for (size_t i = 0; i < rapl->count; i++) {
        if (!isfinite(rapl->packages[i].last_uj)) {
            return false;
        }
    }
    return rapl->count > 0;
}

static void note_access(struct rapl *rapl, int error, hb_mono now)
{
    if (all_told(rapl)) {
        rapl->access = RAPL_OK;
        return;
    }
    if (rapl->access == RAPL_OK) {
        rapl->access = RAPL_LOST;
    } else if (rapl->access != RAPL_LOST && rapl->count > 0) {
        rapl->access = error == EACCES || error == EPERM ? RAPL_DENIED : RAPL_LOST;
    }
    rapl->rate = (struct meter){0};
    if (mono_age_ms(now, rapl->looked) >= LOOK_AGAIN_MS) {
        look(rapl, now);
    }
}

void rapl_read(struct rapl *rapl, hb_mono now)
{
    const double elapsed_s = (double)mono_age_ms(now, rapl->last) / 1000;
    double sum_uj = 0;
    errno = 0;
    for (size_t i = 0; i < rapl->count; i++) {
        sum_uj += step_uj(&rapl->packages[i], elapsed_s);
    }
    rapl->last = now;
    note_access(rapl, errno, now);
    if (rapl->access != RAPL_OK) {
        return;
    }
    if (isfinite(sum_uj)) {
        rapl->energy_j += sum_uj * 1e-6;
    } else {
        rapl->rate = (struct meter){0}; /* a first reading, or a counter that began anew */
    }
    meter_note(&rapl->rate, now, rapl->energy_j);
}

enum rapl_access rapl_access(const struct rapl *rapl)
{
    return rapl->access;
}

double rapl_energy_j(const struct rapl *rapl)
{
    return rapl->access == RAPL_OK ? rapl->energy_j : NAN;
}

double rapl_power_w(const struct rapl *rapl)
{
    return rapl->access == RAPL_OK ? meter_per_s(&rapl->rate) : NAN;
}

double rapl_limit_w(const struct rapl *rapl)
{
    return rapl->limit_w;
}
