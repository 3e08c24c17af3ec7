/* What the engine reads below a sysfs root of our own making: energy, temperature, topology. */
#define _GNU_SOURCE /* mkdtemp, nftw, seteuid */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miner/heat/cores.h"
#include "miner/heat/hwmon.h"
#include "miner/heat/rapl.h"
#include "tests/support/test.h"

static char root[64];

static void put(const char *path, const char *text)
{
    char full[300];
    (void)snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void take_away(const char *path)
{
    char full[300];
    (void)snprintf(full, sizeof full, "%s/%s", root, path);
    assert_int_equal(unlink(full), 0);
}

static int new_root(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof root, "/tmp/hb-sysfs-XXXXXX");
    return mkdtemp(root) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static int remove_root(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- energy -------------------------------------------------------------------------------------
 */

#define RAPL "class/powercap/intel-rapl:"

static void put_package(int number, const char *name, const char *energy_uj)
{
    char path[100];
    (void)snprintf(path, sizeof path, RAPL "%d/name", number);
    put(path, name);
    (void)snprintf(path, sizeof path, RAPL "%d/energy_uj", number);
    put(path, energy_uj);
    (void)snprintf(path, sizeof path, RAPL "%d/max_energy_range_uj", number);
    put(path, "100000000\n");
}

static void power_is_that_of_all_packages_and_survives_the_wrap(void **state)
{
    (void)state;
    put_package(0, "package-0\n", "90000000\n");
    put_package(1, "package-1\n", "1000000\n");
    put(RAPL "0:0/name", "core\n"); /* a part of the package */
    put(RAPL "0:0/energy_uj", "5\n");
    put_package(2, "psys\n", "7\n"); /* contains the packages */
    struct rapl *rapl = rapl_create(root);
    assert_non_null(rapl);
    rapl_read(rapl, (hb_mono){1000});
    assert_true(isnan(rapl_power_w(rapl)));
    rapl_read(rapl, (hb_mono){2000});
    put(RAPL "0/energy_uj", "10000000\n"); /* 20 J across the wrap */
    put(RAPL "1/energy_uj", "5000000\n");  /* 4 J */
    put(RAPL "2/energy_uj", "50000000\n");
    put(RAPL "0:0/energy_uj", "15000000\n");
    rapl_read(rapl, (hb_mono){4000});
    assert_near(rapl_energy_j(rapl), 24, 1e-9);
    assert_near(rapl_power_w(rapl), 12, 1e-9); /* over the last two seconds */
    assert_int_equal(rapl_access(rapl), RAPL_OK);
    rapl_destroy(rapl);
}

static void a_counter_that_begins_anew_is_no_burst_of_power(void **state)
{
    (void)state;
    put_package(0, "package-0\n", "1000000\n");
    struct rapl *rapl = rapl_create(root);
    rapl_read(rapl, (hb_mono){1000});
    put(RAPL "0/energy_uj", "11000000\n");
    rapl_read(rapl, (hb_mono){2000});
    assert_near(rapl_power_w(rapl), 10, 1e-9);
    put(RAPL "0/max_energy_range_uj", "262143328850\n");
    rapl_destroy(rapl);
    rapl = rapl_create(root);
    rapl_read(rapl, (hb_mono){1000});
    put(RAPL "0/energy_uj", "5\n"); /* as after a suspend: a wrap would be 262 kJ in a second */
    rapl_read(rapl, (hb_mono){2000});
    assert_near(rapl_energy_j(rapl), 0, 0);
    put(RAPL "0/energy_uj", "12000005\n");
    rapl_read(rapl, (hb_mono){3000});
    assert_near(rapl_energy_j(rapl), 12, 1e-9);
    assert_near(rapl_power_w(rapl), 12, 1e-9);
    rapl_destroy(rapl);
}

static void counters_that_vanish_are_missed_and_found_again(void **state)
{
    (void)state;
    put_package(0, "package-0\n", "1000000\n");
    struct rapl *rapl = rapl_create(root);
    rapl_read(rapl, (hb_mono){1000});
    put(RAPL "0/energy_uj", "2000000\n");
    rapl_read(rapl, (hb_mono){2000});
    assert_near(rapl_power_w(rapl), 1, 1e-9);
    take_away(RAPL "0/energy_uj");
    rapl_read(rapl, (hb_mono){3000});
    assert_int_equal(rapl_access(rapl), RAPL_LOST);
    assert_true(isnan(rapl_power_w(rapl)));
    assert_true(isnan(rapl_energy_j(rapl)));
    put(RAPL "0/energy_uj", "60000000\n");
    for (int64_t ms = 3250; ms <= 15000; ms += 250) {
        rapl_read(rapl, (hb_mono){ms});
    }
    assert_int_equal(rapl_access(rapl), RAPL_OK);
    assert_near(rapl_energy_j(rapl), 1, 1e-9); /* nobody knows what was used meanwhile */
    assert_near(rapl_power_w(rapl), 0, 1e-9);
    rapl_destroy(rapl);
}

static void packages_that_come_later_are_found(void **state)
{
    (void)state;
    struct rapl *rapl = rapl_create(root);
    rapl_read(rapl, (hb_mono){1000});
    assert_int_equal(rapl_access(rapl), RAPL_NONE);
    assert_true(isnan(rapl_limit_w(rapl)));
    put_package(0, "package-0\n", "1000000\n");
    put(RAPL "0/constraint_0_power_limit_uw", "65000000\n");
    for (int64_t ms = 1250; ms <= 12000; ms += 250) {
        rapl_read(rapl, (hb_mono){ms});
    }
    assert_int_equal(rapl_access(rapl), RAPL_OK);
    assert_near(rapl_limit_w(rapl), 65, 1e-9);
    rapl_destroy(rapl);
}

static void refused_counters_are_told_from_none(void **state)
{
    (void)state;
    char path[300];
    put_package(0, "package-0\n", "1000000\n");
    put(RAPL "0/constraint_0_power_limit_uw", "125000000\n");
    (void)snprintf(path, sizeof path, "%s/" RAPL "0/energy_uj", root);
    assert_int_equal(chmod(path, 0), 0);
    char *const folders[] = {"", "class", "class/powercap", RAPL "0"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", root, folders[i]);
        (void)chmod(path, 0755);
    }
    const bool is_root = geteuid() == 0;
    assert_true(!is_root || seteuid(65534) == 0); /* root may read everything */
    struct rapl *rapl = rapl_create(root);
    rapl_read(rapl, (hb_mono){1000});
    rapl_read(rapl, (hb_mono){2000});
    const enum rapl_access access = rapl_access(rapl);
    const double limit_w = rapl_limit_w(rapl);
    rapl_destroy(rapl);
    assert_true(!is_root || seteuid(0) == 0);
    assert_int_equal(access, RAPL_DENIED);
    assert_near(limit_w, 125, 1e-9);
}

static void unknown_is_never_zero(void **state)
{
    (void)state;
    put_package(0, "package-0\n", "garbage\n");
    put(RAPL "0/constraint_0_power_limit_uw", "0\n");
    struct rapl *rapl = rapl_create(root);
    rapl_read(rapl, (hb_mono){1000});
    rapl_read(rapl, (hb_mono){2000});
    assert_true(isnan(rapl_power_w(rapl)));
    assert_true(isnan(rapl_limit_w(rapl)));
    rapl_destroy(rapl);
    rapl = rapl_create("/nonexistent");
    rapl_read(rapl, (hb_mono){1000});
    assert_true(isnan(rapl_power_w(rapl)));
    rapl_destroy(rapl);
}

/* --- temperature --------------------------------------------------------------------------------
 */

static double cpu_c_at(struct hwmon *hwmon, int64_t ms)
{
    hwmon_read(hwmon, (hb_mono){ms});
    return hwmon_cpu_c(hwmon);
}

static void the_warmest_processor_counts(void **state)
{
    (void)state;
    put("class/hwmon/hwmon0/name", "nvme\n");
    put("class/hwmon/hwmon0/temp1_input", "99000\n");
    put("class/hwmon/hwmon1/name", "coretemp\n");
    put("class/hwmon/hwmon1/temp1_input", "51250\n");
    put("class/hwmon/hwmon1/temp1_crit", "100000\n");
    put("class/hwmon/hwmon2/name", "coretemp\n");
    put("class/hwmon/hwmon2/temp1_input", "63000\n");
    put("class/hwmon/hwmon2/temp1_crit", "95000\n");
    struct hwmon *hwmon = hwmon_create(root);
    assert_near(cpu_c_at(hwmon, 1000), 63, 1e-9);
    assert_near(hwmon_critical_c(hwmon), 95, 1e-9);
    take_away("class/hwmon/hwmon2/temp1_input");
    assert_true(isnan(cpu_c_at(hwmon, 1250))); /* it may have been the warmest */
    put("class/hwmon/hwmon2/temp1_input", "64000\n");
    assert_near(cpu_c_at(hwmon, 1500), 64, 1e-9);
    put("class/hwmon/hwmon2/temp1_input", "255000\n");
    assert_true(isnan(cpu_c_at(hwmon, 1750)));
    hwmon_destroy(hwmon);
}

static void a_raised_temperature_is_passed_over(void **state)
{
    (void)state;
    put("class/hwmon/hwmon0/name", "k10temp\n");
    put("class/hwmon/hwmon0/temp1_label", "Tctl\n");
    put("class/hwmon/hwmon0/temp1_input", "95000\n");
    put("class/hwmon/hwmon0/temp2_label", "Tdie\n");
    put("class/hwmon/hwmon0/temp2_input", "68000\n");
    struct hwmon *hwmon = hwmon_create(root);
    assert_near(cpu_c_at(hwmon, 1000), 68, 1e-9);
    assert_true(isnan(hwmon_critical_c(hwmon)));
    hwmon_destroy(hwmon);
}

static void thermal_zones_serve_where_there_is_no_hwmon(void **state)
{
    (void)state;
    put("class/thermal/thermal_zone0/type", "gpu-thermal\n");
    put("class/thermal/thermal_zone0/temp", "77000\n");
    put("class/thermal/thermal_zone1/type", "cpu-thermal\n");
    put("class/thermal/thermal_zone1/temp", "43000\n");
    put("class/thermal/thermal_zone1/trip_point_0_type", "passive\n");
    put("class/thermal/thermal_zone1/trip_point_0_temp", "80000\n");
    put("class/thermal/thermal_zone1/trip_point_1_type", "critical\n");
    put("class/thermal/thermal_zone1/trip_point_1_temp", "110000\n");
    struct hwmon *hwmon = hwmon_create(root);
    assert_near(cpu_c_at(hwmon, 1000), 43, 1e-9);
    assert_near(hwmon_critical_c(hwmon), 110, 1e-9);
    hwmon_destroy(hwmon);
}

/* A driver that was loaded again has another number. */
static void a_sensor_that_moved_is_found(void **state)
{
    (void)state;
    put("class/hwmon/hwmon3/name", "coretemp\n");
    put("class/hwmon/hwmon3/temp1_input", "51000\n");
    struct hwmon *hwmon = hwmon_create(root);
    assert_near(cpu_c_at(hwmon, 1000), 51, 1e-9);
    take_away("class/hwmon/hwmon3/temp1_input");
    take_away("class/hwmon/hwmon3/name");
    assert_true(isnan(cpu_c_at(hwmon, 6000)));
    put("class/hwmon/hwmon5/name", "coretemp\n");
    put("class/hwmon/hwmon5/temp1_input", "52000\n");
    assert_true(isnan(cpu_c_at(hwmon, 6250)));
    assert_near(cpu_c_at(hwmon, 11000), 52, 1e-9);
    hwmon_destroy(hwmon);
}

/* --- topology -----------------------------------------------------------------------------------
 */

static void put_cpu(int cpu, const char *siblings, const char *speed_file, const char *speed)
{
    char path[120];
    (void)snprintf(path, sizeof path, "devices/system/cpu/cpu%d/topology/core_cpus_list", cpu);
    put(path, siblings);
    if (speed_file != NULL) {
        (void)snprintf(path, sizeof path, "devices/system/cpu/cpu%d/%s", cpu, speed_file);
        put(path, speed);
    }
}

static void assert_chosen(const int *allowed, size_t count, size_t threads, size_t spare,
                          const int *expected, size_t expected_count)
{
    struct core cores[32];
    int cpus[32];
    cores_read(root, allowed, count, cores);
    assert_int_equal(cores_choose(cores, count, threads, spare, cpus), expected_count);
    for (size_t i = 0; i < expected_count; i++) {
        assert_int_equal(cpus[i], expected[i]);
    }
}

#define ASSERT_CHOSEN(threads, spare, ...)                                                         \
    assert_chosen(all, sizeof all / sizeof all[0], (threads), (spare), (const int[]){__VA_ARGS__}, \
                  sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void physical_cores_come_before_their_second_threads(void **state)
{
    (void)state;
    static const int all[] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const char *const siblings[] = {"0,4\n", "1,5\n", "2,6\n", "3,7\n"};
    for (int cpu = 0; cpu < 8; cpu++) {
        put_cpu(cpu, siblings[cpu % 4], "cpufreq/cpuinfo_max_freq", "4000000\n");
    }
    ASSERT_CHOSEN(0, 0, 0, 1, 2, 3, 4, 5, 6, 7);
    ASSERT_CHOSEN(4, 0, 0, 1, 2, 3);
    ASSERT_CHOSEN(5, 0, 0, 1, 2, 3, 4);
    ASSERT_CHOSEN(99, 0, 0, 1, 2, 3, 4, 5, 6, 7);
    ASSERT_CHOSEN(0, 1, 1, 2, 3, 5, 6, 7); /* the spared core is spared whole */
    ASSERT_CHOSEN(2, 2, 2, 3);
    ASSERT_CHOSEN(0, 99, 3, 7);          /* the last is never spared */
    static const int some[] = {2, 3, 6}; /* what a cpuset leaves */
    assert_chosen(some, 3, 2, 0, (const int[]){2, 3}, 2);
}

static void fast_cores_come_before_slow_ones_and_slow_ones_are_spared(void **state)
{
    (void)state;
    static const int all[] = {0, 1, 2, 3, 4, 5};
    for (int cpu = 0; cpu < 4; cpu++) { /* two fast cores with two threads each */
        put_cpu(cpu, cpu < 2 ? "0-1\n" : "2-3\n", "cpufreq/cpuinfo_max_freq", "5200000\n");
    }
    put_cpu(4, "4\n", "cpufreq/cpuinfo_max_freq", "3900000\n");
    put_cpu(5, "5\n", "cpufreq/cpuinfo_max_freq", "3900000\n");
    ASSERT_CHOSEN(3, 0, 0, 2, 4);
    ASSERT_CHOSEN(0, 0, 0, 2, 4, 5, 1, 3);
    ASSERT_CHOSEN(0, 1, 0, 2, 5, 1, 3);
}

static void arm_tells_capacities(void **state)
{
    (void)state;
    static const int all[] = {0, 1, 2, 3};
    put_cpu(0, "0\n", "cpu_capacity", "446\n");
    put_cpu(1, "1\n", "cpu_capacity", "446\n");
    put_cpu(2, "2\n", "cpu_capacity", "1024\n");
    put_cpu(3, "3\n", "cpu_capacity", "1024\n");
    ASSERT_CHOSEN(3, 0, 2, 3, 0);
    ASSERT_CHOSEN(0, 1, 2, 3, 1);
}

static void without_any_topology_each_processor_is_a_core(void **state)
{
    (void)state;
    static const int all[] = {0, 1, 2};
    ASSERT_CHOSEN(0, 0, 0, 1, 2);
    ASSERT_CHOSEN(2, 1, 1, 2);
}

static void this_process_may_use_some_processor(void **state)
{
    (void)state;
    static int cpus[CORES_MAX];
    const size_t count = cores_allowed(cpus);
    assert_in_range(count, 1, CORES_MAX);
    for (size_t i = 1; i < count; i++) {
        assert_true(cpus[i] > cpus[i - 1]);
    }
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, new_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROOT(power_is_that_of_all_packages_and_survives_the_wrap),
        WITH_ROOT(a_counter_that_begins_anew_is_no_burst_of_power),
        WITH_ROOT(counters_that_vanish_are_missed_and_found_again),
        WITH_ROOT(packages_that_come_later_are_found),
        WITH_ROOT(refused_counters_are_told_from_none),
        WITH_ROOT(unknown_is_never_zero),
        WITH_ROOT(the_warmest_processor_counts),
        WITH_ROOT(a_raised_temperature_is_passed_over),
        WITH_ROOT(thermal_zones_serve_where_there_is_no_hwmon),
        WITH_ROOT(a_sensor_that_moved_is_found),
        WITH_ROOT(physical_cores_come_before_their_second_threads),
        WITH_ROOT(fast_cores_come_before_slow_ones_and_slow_ones_are_spared),
        WITH_ROOT(arm_tells_capacities),
        WITH_ROOT(without_any_topology_each_processor_is_a_core),
        cmocka_unit_test(this_process_may_use_some_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
