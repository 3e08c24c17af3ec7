#define _GNU_SOURCE /* mkdtemp */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "miner/difficulty.h"
#include "miner/meter.h"
#include "miner/pacer.h"
#include "miner/power.h"
#include "miner/verify.h"
#include "miner/workers.h"
#include "tests/support/test.h"

#define S_NS INT64_C(1000000000)

static struct job job; /* too large for a stack */

/* --- the pacer in virtual time ------------------------------------------------------------------
 */

/* A worker of `rate_hs` hashes for `seconds`; every `steal`-th step takes twice as long because
 * another process is served in between. Returns the hashes delivered per second. */
static double delivered_hs(double duty_ratio, double rate_hs, double seconds, int steal)
{
    struct pacer pacer = {0};
    int64_t now_ns = S_NS;
    double hashes = 0;
    int step = 0;
    pacer_set_duty(&pacer, duty_ratio, now_ns);
    while (now_ns < S_NS + (int64_t)(seconds * 1e9)) {
        const uint32_t count = pacer_take(&pacer, now_ns);
        if (count == 0) {
            now_ns = pacer_next_period(now_ns, 0);
            continue;
        }
        const int64_t cpu_ns = (int64_t)(count * 1e9 / rate_hs);
        now_ns += cpu_ns * (steal > 0 && ++step % steal == 0 ? 2 : 1);
        hashes += count;
        pacer_pay(&pacer, count, cpu_ns);
    }
    return hashes / seconds;
}

static void the_asked_fraction_is_delivered(void **state)
{
    (void)state;
    const double rates_hs[] = {2e5, 5e6, 3e7};
    const double duties[] = {0.001, 0.01, 0.1, 0.33, 0.5, 0.75, 0.9};
    for (size_t r = 0; r < 3; r++) {
        for (size_t d = 0; d < sizeof duties / sizeof duties[0]; d++) {
            const double share = delivered_hs(duties[d], rates_hs[r], 60, 0) / rates_hs[r];
            assert_near(share, duties[d], 0.002 + 0.01 * duties[d]);
            if (duties[d] < 0.7) { /* what others took is caught up with */
                const double busy = delivered_hs(duties[d], rates_hs[r], 60, 4) / rates_hs[r];
                assert_near(busy, duties[d], 0.002 + 0.01 * duties[d]);
            }
        }
    }
}

static void full_duty_never_rests_and_none_never_works(void **state)
{
    (void)state;
    assert_near(delivered_hs(1, 5e6, 5, 0), 5e6, 5e4);
    assert_near(delivered_hs(0.98, 5e6, 5, 0), 5e6, 5e4);
    assert_near(delivered_hs(0, 5e6, 5, 0), 0, 0);
}

static void more_duty_is_never_less_heat(void **state)
{
    (void)state;
    double last = -1;
    for (int percent = 0; percent <= 100; percent++) {
        const double share = delivered_hs(percent / 100.0, 5e6, 20, 0) / 5e6;
        assert_true(share >= last - 1e-3);
        last = share;
    }
}

static void a_long_stall_is_not_made_up_for(void **state)
{
    (void)state;
    struct pacer pacer = {.rate_hs = 1e6};
    pacer_set_duty(&pacer, 0.5, S_NS);
    assert_true(pacer_take(&pacer, 3601 * S_NS) > 0);
    assert_true(pacer.credit <= 0.2 * 1e6);
    assert_near(pacer.credit + pacer.forfeited, 0.5 * 1e6 * 3600, 1);
}

static void workers_are_shifted_against_each_other(void **state)
{
    (void)state;
    const int64_t now_ns = 10 * S_NS;
    assert_int_equal(pacer_next_period(now_ns, 0), now_ns + PACER_PERIOD_NS);
    assert_int_equal(pacer_next_period(now_ns, 0.5), now_ns + PACER_PERIOD_NS / 2);
}

/* --- real threads -------------------------------------------------------------------------------
 */

static double now_s(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static struct workers *start_workers(int threads)
{
    struct hb_err err = {0};
    const struct workers_options options = {.threads = threads, .kernel = kernel_choose(&err)};
    struct workers *workers = workers_create(&options, &err);
    if (workers == NULL) {
        fail_msg("%s", err.msg);
    }
    return workers;
}

static uint64_t hashes_of(const struct workers *workers)
{
    struct workers_stats stats;
    workers_get_stats(workers, &stats);
    return stats.hashes;
}

/* Waits until `hashes` more were computed; fails after 20 s. */
static void await_hashes(const struct workers *workers, uint64_t hashes)
{
    const uint64_t goal = hashes_of(workers) + hashes;
    const double deadline_s = now_s() + 20;
    while (hashes_of(workers) < goal) {
        assert_true(now_s() < deadline_s);
        (void)sched_yield();
    }
}

/* Delivered plus forfeited is what was granted, however busy the machine is. */
static void expect_delivery(struct workers *workers, double duty_ratio)
{
    struct workers_stats before;
    struct workers_stats after;
    workers_set_duty(workers, 1);
    await_hashes(workers, 1000000); /* the rate is known now */
    workers_set_duty(workers, duty_ratio);
    await_hashes(workers, 10000);
    workers_get_stats(workers, &before);
    const double start_s = now_s();
    await_hashes(workers, (uint64_t)(before.full_hashrate_hs * duty_ratio));
    workers_get_stats(workers, &after);
    const double spent_s = now_s() - start_s;
    const double granted =
        (double)(after.hashes - before.hashes) + after.forfeited - before.forfeited;
    const double full_hs = (before.full_hashrate_hs + after.full_hashrate_hs) / 2;
    /* what may be saved up at either end, and how far the measured rate wanders meanwhile */
    const double slack = 0.25 / spent_s + 0.2;
    assert_near(granted / (spent_s * full_hs) / duty_ratio, 1, slack);
}

static void threads_deliver_what_was_granted(void **state)
{
    (void)state;
    struct workers *workers = start_workers(1);
    memset(&job, 0, sizeof job);
    job_make_own(&job, 1, 0);
    workers_set_job(workers, &job);
    expect_delivery(workers, 0.1);
    expect_delivery(workers, 0.5);
    expect_delivery(workers, 0.9);
    workers_destroy(workers);
}

/* No hash is computed once the threads have noticed, and they notice within 100 ms of their own
 * time: a thousand hashes is the most that can be under way. */
static void duty_zero_stops_all_threads(void **state)
{
    (void)state;
    struct workers *workers = start_workers(2);
    job_make_own(&job, 1, 0);
    workers_set_job(workers, &job);
    workers_set_duty(workers, 1);
    await_hashes(workers, 200000);
    const uint64_t before = hashes_of(workers);
    struct workers_stats stats;
    workers_get_stats(workers, &stats);
    const double full_hs = stats.full_hashrate_hs > 0 ? stats.full_hashrate_hs : 1e8;
    workers_set_duty(workers, 0);
    workers_get_stats(workers, &stats);
    assert_false(stats.hashing);
    uint64_t last = hashes_of(workers);
    double quiet_since_s = now_s();
    const double deadline_s = quiet_since_s + 10;
    while (now_s() - quiet_since_s < 0.2) {
        const uint64_t hashes = hashes_of(workers);
        if (hashes != last) {
            last = hashes;
            quiet_since_s = now_s();
        }
        assert_true(now_s() < deadline_s);
        (void)sched_yield();
    }
    assert_true((double)(last - before) <= 0.1 * full_hs);
    workers_destroy(workers);
}

static void wake_counter(void *ctx)
{
    (void)atomic_fetch_add((atomic_uint *)ctx, 1);
}

/* Every candidate is a true hit of its job, and none is told twice. */
static void candidates_are_true_and_unique(void **state)
{
    (void)state;
    enum { WANTED = 200 };
    static struct candidate found[WANTED];
    struct hb_err err = {0};
    atomic_uint wakes = 0;
    const struct workers_options options = {
        .threads = 4, .kernel = kernel_choose(&err), .wake = wake_counter, .wake_ctx = &wakes};
    struct workers *workers = workers_create(&options, &err);
    assert_non_null(workers);
    job_make_own(&job, 7, 1000);
    job.own = false;
    difficulty_to_target(1e-5, job.target);
    workers_set_job(workers, &job);
    workers_set_duty(workers, 0.7);
    const double deadline_s = now_s() + 30;
    size_t count = 0;
    while (count < WANTED) {
        if (!workers_pop(workers, &found[count])) {
            assert_true(now_s() < deadline_s);
            (void)sched_yield();
            continue;
        }
        const struct candidate *c = &found[count];
        uint8_t hash[32];
        uint8_t header[80];
        assert_int_equal(c->serial, 7);
        assert_true(verify_hash(c->header, hash));
        assert_true(difficulty_top(hash) <= difficulty_top(job.target));
        job_make_header(&job, c->extranonce2, c->ntime, c->version_bits, c->nonce, header);
        assert_memory_equal(header, c->header, 80);
        for (size_t i = 0; i < count; i++) {
            assert_memory_not_equal(found[i].header, c->header, 80);
        }
        count++;
    }
    assert_true(atomic_load(&wakes) >= WANTED);
    workers_destroy(workers);
}

static void a_new_job_is_taken_at_once(void **state)
{
    (void)state;
    struct workers *workers = start_workers(2);
    struct candidate candidate;
    job_make_own(&job, 1, 0);
    job.own = false;
    difficulty_to_target(1e-6, job.target);
    workers_set_job(workers, &job);
    workers_set_duty(workers, 1);
    await_hashes(workers, 100000);
    const uint64_t before = hashes_of(workers);
    job.serial = 2;
    workers_set_job(workers, &job);
    const double deadline_s = now_s() + 20;
    do {
        assert_true(now_s() < deadline_s);
    } while (!workers_pop(workers, &candidate) || candidate.serial != 2);
    /* the ring may hold old ones, but hashing for the old job went on for milliseconds only */
    assert_true(hashes_of(workers) > before);
    workers_set_job(workers, NULL);
    workers_destroy(workers);
}

static void too_many_threads_are_refused(void **state)
{
    (void)state;
    struct hb_err err = {0};
    const struct workers_options options = {.threads = 0, .kernel = kernel_choose(&err)};
    assert_null(workers_create(&options, &err));
    assert_non_null(strstr(err.msg, "expected 1 to 1024, got 0"));
}

/* --- sensors ------------------------------------------------------------------------------------
 */

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

static void the_meter_looks_back_two_seconds(void **state)
{
    (void)state;
    struct meter meter = {0};
    assert_true(isnan(meter_per_s(&meter)));
    for (int64_t ms = 0; ms <= 12000; ms += 250) { /* 100/s, then 300/s in the last 2 s */
        const double count = ms < 10000 ? 0.1 * (double)ms : 1000 + 0.3 * (double)(ms - 10000);
        meter_note(&meter, (hb_mono){1 + ms}, count);
        if (ms == 10000) {
            assert_near(meter_per_s(&meter), 100, 1e-9);
        }
    }
    assert_near(meter_per_s(&meter), 300, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_asked_fraction_is_delivered),
        cmocka_unit_test(full_duty_never_rests_and_none_never_works),
        cmocka_unit_test(more_duty_is_never_less_heat),
        cmocka_unit_test(a_long_stall_is_not_made_up_for),
        cmocka_unit_test(workers_are_shifted_against_each_other),
        cmocka_unit_test(threads_deliver_what_was_granted),
        cmocka_unit_test(duty_zero_stops_all_threads),
        cmocka_unit_test(candidates_are_true_and_unique),
        cmocka_unit_test(a_new_job_is_taken_at_once),
        cmocka_unit_test(too_many_threads_are_refused),
        cmocka_unit_test(package_power_survives_the_wrap),
        cmocka_unit_test(the_processor_sensor_is_found),
        cmocka_unit_test(unknown_is_never_zero),
        cmocka_unit_test(the_meter_looks_back_two_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
