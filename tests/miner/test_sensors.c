/* What the engine reads below a sysfs root of our own making. */
#define _GNU_SOURCE /* mkdtemp */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miner/power.h"
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

static void new_root(void)
{
    (void)snprintf(root, sizeof root, "/tmp/hb-sysfs-XXXXXX");
    assert_non_null(mkdtemp(root));
}

#define RAPL "class/powercap/intel-rapl:"

static void package_power_survives_the_wrap(void **state)
{
    (void)state;
    new_root();
    put(RAPL "0/energy_uj", "90000000\n");
    put(RAPL "0/max_energy_range_uj", "100000000\n");
    put(RAPL "0:0/energy_uj", "5\n"); /* a core domain: part of the package */
    put(RAPL "1/energy_uj", "1000000\n");
    put(RAPL "1/max_energy_range_uj", "100000000\n");
    struct power_meter *meter = power_create(root);
    assert_non_null(meter);
    power_read(meter, (hb_mono){1000});
    assert_true(isnan(power_package_w(meter)));
    power_read(meter, (hb_mono){2000});
    put(RAPL "0/energy_uj", "10000000\n"); /* 20 J across the wrap */
    put(RAPL "1/energy_uj", "5000000\n");  /* 4 J */
    power_read(meter, (hb_mono){4000});
    assert_near(power_package_w(meter), 24 / 2.0, 1e-9);
    power_destroy(meter);
}

static void the_processor_sensor_is_found(void **state)
{
    (void)state;
    new_root();
    put("class/hwmon/hwmon0/name", "nvme\n");
    put("class/hwmon/hwmon0/temp1_input", "70000\n");
    put("class/hwmon/hwmon1/name", "k10temp\n");
    put("class/hwmon/hwmon1/temp1_input", "51250\n");
    struct power_meter *meter = power_create(root);
    power_read(meter, (hb_mono){1000});
    assert_near(power_cpu_c(meter), 51.25, 1e-9);
    power_destroy(meter);
    new_root();
    put("class/thermal/thermal_zone0/type", "cpu-thermal\n");
    put("class/thermal/thermal_zone0/temp", "43000\n");
    meter = power_create(root);
    power_read(meter, (hb_mono){1000});
    assert_near(power_cpu_c(meter), 43, 1e-9);
    power_destroy(meter);
}

static void unknown_is_never_zero(void **state)
{
    (void)state;
    new_root();
    put(RAPL "0/energy_uj", "garbage\n");
    struct power_meter *meter = power_create(root);
    power_read(meter, (hb_mono){1000});
    power_read(meter, (hb_mono){2000});
    assert_true(isnan(power_package_w(meter)));
    assert_true(isnan(power_cpu_c(meter)));
    power_destroy(meter);
    meter = power_create("/nonexistent");
    power_read(meter, (hb_mono){1000});
    assert_true(isnan(power_package_w(meter)));
    power_destroy(meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(package_power_survives_the_wrap),
        cmocka_unit_test(the_processor_sensor_is_found),
        cmocka_unit_test(unknown_is_never_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
