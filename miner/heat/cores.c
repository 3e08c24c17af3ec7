#define _GNU_SOURCE /* sched_getaffinity */
#include "miner/heat/cores.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "miner/heat/sysfs.h"

size_t cores_allowed(int cpus[CORES_MAX])
{
    cpu_set_t set;
    size_t count = 0;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        for (int cpu = 0; cpu < CPU_SETSIZE && count < CORES_MAX; cpu++) {
            if (CPU_ISSET((size_t)cpu, &set)) {
                cpus[count++] = cpu;
            }
        }
    }
    if (count == 0) {
        cpus[count++] = 0;
    }
    return count;
}

/* The list of siblings ("0-1", "0,64") begins with the lowest number. */
static int first_sibling(const char *folder, int cpu)
{
    char line[SYSFS_LINE_B];
    if (!sysfs_line(folder, "topology/core_cpus_list", line) &&
        !sysfs_line(folder, "topology/thread_siblings_list", line)) {
        return cpu;
    }
    char *end = line;
    const long first = strtol(line, &end, 10);
    return end != line && first >= 0 && first <= cpu ? (int)first : cpu;
}

static double speed_of(const char *folder)
{
    const double capacity = sysfs_number(folder, "cpu_capacity");
    const double speed =
        isfinite(capacity) ? capacity : sysfs_number(folder, "cpufreq/cpuinfo_max_freq");
    return speed > 0 ? speed : 0;
}

void cores_read(const char *sysfs_root, const int *cpus, size_t count, struct core *cores)
{
    for (size_t i = 0; i < count; i++) {
        char folder[SYSFS_PATH_B];
        (void)snprintf(folder, sizeof folder, "%s/devices/system/cpu/cpu%d", sysfs_root, cpus[i]);
        cores[i] = (struct core){
            .cpu = cpus[i], .core = first_sibling(folder, cpus[i]), .speed = speed_of(folder)};
    }
}

/* --- choosing -----------------------------------------------------------------------------------
 */

static int by_core(const void *left, const void *right)
{
    const struct core *a = left;
    const struct core *b = right;
    return a->core != b->core ? (a->core > b->core) - (a->core < b->core)
                              : (a->cpu > b->cpu) - (a->cpu < b->cpu);
}

static int by_speed(const struct core *a, const struct core *b)
{
    return (a->speed < b->speed) - (a->speed > b->speed);
}

/* The first thread of each physical core is `rank` 0, the next 1. */
struct place {
    struct core core;
    int rank;
};

static int best_first(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;
    if (a->rank != b->rank) {
        return a->rank - b->rank;
    }
    const int speed = by_speed(&a->core, &b->core);
    return speed != 0 ? speed : by_core(&a->core, &b->core);
}

/* The slowest core, of equals the one with the lowest number, where interrupts tend to be served.
 * -1 if only one is left. `cores` is sorted by core. */
static int core_to_spare(const struct core *cores, size_t count)
{
    const struct core *slowest = &cores[0];
    for (size_t i = 1; i < count; i++) {
        slowest = by_speed(&cores[i], slowest) > 0 ? &cores[i] : slowest;
    }
    return cores[0].core == cores[count - 1].core ? -1 : slowest->core;
}

static size_t without(struct core *cores, size_t count, int core)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (cores[i].core != core) {
            cores[kept++] = cores[i];
        }
    }
    return kept;
}

size_t cores_choose(struct core *cores, size_t count, size_t threads, size_t spare, int *cpus)
{
    struct place places[CORES_MAX];
    qsort(cores, count, sizeof cores[0], by_core);
    for (size_t i = 0; i < spare && count > 0; i++) {
        const int core = core_to_spare(cores, count);
        count = core < 0 ? count : without(cores, count, core);
    }
    for (size_t i = 0; i < count; i++) {
        const bool sibling = i > 0 && cores[i].core == cores[i - 1].core;
        places[i] = (struct place){cores[i], sibling ? places[i - 1].rank + 1 : 0};
    }
    qsort(places, count, sizeof places[0], best_first);
    const size_t chosen = threads > 0 && threads < count ? threads : count;
    for (size_t i = 0; i < chosen; i++) {
        cpus[i] = places[i].core.cpu;
    }
    return chosen;
}
