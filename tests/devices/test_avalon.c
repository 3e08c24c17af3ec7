/* Canaan's answers as recorded, what is made of them, and what is written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/avalon_codec.h"
#include "tests/support/test.h"

#define RECORDINGS "tests/data/devices/avalon/"

static struct avalon_stats read_stats(const char *name, struct reply_faults *faults)
{
    char path[128];
    struct avalon_stats stats;
    (void)snprintf(path, sizeof path, RECORDINGS "%s", name);
    char *text = test_read_file(path, NULL);
    *faults = (struct reply_faults){0};
    assert_true(avalon_read_stats(text, &stats, faults));
    free(text);
    return stats;
}

static uint64_t all(const struct reply_faults *faults)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < REPLY_FAULT_COUNT; i++) {
        sum += faults->count[i];
    }
    return sum;
}

static const struct avalon_model *model(const char *key)
{
    for (const struct avalon_model *m = avalon_models; m->key != NULL; m++) {
        if (strcmp(m->key, key) == 0) {
            return m;
        }
    }
    fail_msg("no model %s", key);
    return NULL;
}

/* As it tells them itself; NaN if they have to be computed. */
static double watts(const struct avalon_model *m, const struct avalon_stats *s)
{
    const struct avalon_power power = avalon_power(m, s);
    return power.computed ? (double)NAN : power.w;
}

/* --- recordings ------------------------------------------------------------------------------- */

static void a_nano_3s_at_full_power(void **state)
{
    (void)state;
    struct reply_faults faults;
    const struct avalon_stats s = read_stats("nano3s_estats.txt", &faults);
    assert_int_equal(s.work, AVALON_IN_WORK);
    assert_false(avalon_is_off(&s));
    assert_near(watts(model("nano3s"), &s), 133, 0);
    assert_near(s.hashrate_ghs, 6598.84, 1e-9);
    assert_near(s.chip_c, 95, 0);
    assert_true(isnan(s.board_c)); /* OTemp is that of the air that leaves it */
    assert_true(isnan(s.inlet_c)); /* ITemp[-273]: no sensor, which is no fault either */
    assert_near(s.fan_percent, 33, 0);
    assert_near(s.uptime_s, 10027, 0);
    assert_near(s.limit_w, 133, 0);
    assert_near(s.mode_limit_w[2], 133, 0);
    assert_true(isnan(s.mode_limit_w[0]));
    assert_int_equal(avalon_level_find(model("nano3s"), s.mode, s.level), 2);
    assert_int_equal(s.calibrated, 1);
    assert_int_equal(all(&faults), 0);
}

static void a_nano_3_tells_its_power_elsewhere(void **state)
{
    (void)state;
    struct reply_faults faults;
    const struct avalon_stats s = read_stats("nano3_estats.txt", &faults);
    assert_int_equal(s.work, AVALON_WORK_UNKNOWN);
    assert_false(avalon_is_off(&s));
    assert_near(watts(model("nano3"), &s), 89, 0); /* not 324, its voltage */
    assert_int_equal(avalon_level_find(model("nano3"), s.mode, s.level), 1);
    assert_near(s.mode_limit_w[0], 60, 0);
    assert_near(s.mode_limit_w[1], 90, 0);
    assert_near(s.mode_limit_w[2], 125, 0);
    assert_near(s.inlet_c, 38, 0);
    assert_int_equal(all(&faults), 0);
}

static void a_mini_3_whose_recording_is_cut(void **state)
{
    (void)state;
    struct reply_faults faults;
    const struct avalon_stats s = read_stats("mini3_estats.txt", &faults);
    assert_near(watts(model("mini3"), &s), 824, 0);
    assert_near(s.inlet_c, 39, 0);
    assert_near(s.board_c, 75, 0);
    assert_near(s.fan_percent, 100, 0);
    assert_true(isnan(s.hashrate_ghs)); /* it stands in the part that is missing */
    assert_int_equal(faults.count[REPLY_MISSING], 1);
    assert_int_equal(s.mode, AVALON_NONE);
    assert_int_equal(avalon_level_find(model("mini3"), s.mode, s.level), -1);
}

static void an_idle_q_draws_nothing_whatever_it_says(void **state)
{
    (void)state;
    struct reply_faults faults;
    const struct avalon_stats s = read_stats("q_litestats.json", &faults);
    assert_int_equal(s.work, AVALON_IN_IDLE);
    assert_int_equal(s.soft_off, 4);
    assert_true(avalon_is_off(&s));
    assert_near(s.ps[6], 146, 0);
    assert_true(isnan(watts(model("q"), &s)));
    assert_near(s.hashrate_ghs, 0, 0);
    assert_near(s.inlet_c, 26, 0);
    assert_near(s.limit_w, 800, 0);
    assert_int_equal(avalon_level_find(model("q"), s.mode, s.level), 0);
    assert_int_equal(all(&faults), 0);
}

static void hall_machines(void **state)
{
    (void)state;
    struct reply_faults faults;
    const struct avalon_stats a1566 = read_stats("composed_a1566_estats.txt", &faults);
    assert_near(a1566.wall_w, 3731, 0);
    assert_near(watts(model("a15"), &a1566), 3731, 0);
    assert_near(a1566.limit_w, 3515, 0);
    assert_near(a1566.hashrate_ghs, 198000, 1e-9);
    assert_near(a1566.inlet_c, 30, 0);
    assert_int_equal(avalon_level_find(model("a15"), a1566.mode, a1566.level), 1);
    assert_int_equal(all(&faults), 0);
}

/* It tells neither its mode, nor power at the wall, nor that it is off, nor the hash rate of now.
 */
static void an_a10_with_the_first_firmware(void **state)
{
    (void)state;
    struct reply_faults faults;
    struct avalon_stats s = read_stats("composed_a1066_estats.txt", &faults);
    assert_int_equal(s.mode, AVALON_NONE);
    assert_int_equal(s.soft_off, -1);
    assert_int_equal(s.calibrated, -1);
    assert_false(avalon_is_off(&s));
    assert_near(s.hashrate_ghs, 50000, 0);
    const struct avalon_power power = avalon_power(model("a10"), &s);
    assert_true(power.computed);
    assert_near(power.w, 2842 / 0.92 + 30, 1e-6);
    assert_int_equal(all(&faults), 0);
    struct avalon_head head = avalon_read_head(
        "STATUS=I,When=19313,Code=118,Msg=ASC 0 set info: WORKMODE[1],Description=cgminer 4.11.1|");
    assert_true(avalon_read_mode(&head, &s.mode));
    assert_int_equal(avalon_level_find(model("a10"), s.mode, s.level), 1);
    head = avalon_read_head("STATUS=E,When=1,Code=120,Msg=ASC 0 set failed: WORKMODE[1]|");
    assert_false(avalon_read_mode(&head, &s.mode));
    s.ps[AVALON_PS_BOARDS_A] = s.ps[AVALON_PS_BOARDS_W] = 0;
    assert_true(avalon_is_off(&s));
    s.soft_off = 0; /* firmware that tells when it is off is believed */
    assert_false(avalon_is_off(&s));
    s.soft_off = -1;
    s.work = AVALON_IN_INIT;
    assert_false(avalon_is_off(&s));
}

static void a_version_names_the_model_and_the_one_device(void **state)
{
    (void)state;
    struct reply_faults faults = {0};
    struct avalon_version version;
    char *text = test_read_file(RECORDINGS "mini3_version.txt", NULL);
    assert_true(avalon_read_version(text, &version, &faults));
    assert_string_equal(version.product, "Avalon Mini3");
    assert_string_equal(version.identity, "e0:e1:a9:3e:2c:7d");
    assert_string_equal(version.firmware, "25011701_3f53b19");
    assert_ptr_equal(avalon_model_find(version.product, version.model), model("mini3"));
    assert_int_equal(all(&faults), 0);
    const struct avalon_head head = avalon_read_head(text);
    assert_int_equal(head.when_s, 1742265580);
    assert_int_equal(head.code, 22);
    free(text);
    text = test_read_file(RECORDINGS "composed_q_version.txt", NULL);
    assert_true(avalon_read_version(text, &version, &faults));
    assert_string_equal(version.identity, "aa:bb:cc:dd:ee:ff");
    assert_ptr_equal(avalon_model_find(version.product, version.model), model("q"));
    free(text);
}

static void models_are_told_apart(void **state)
{
    (void)state;
    assert_ptr_equal(avalon_model_find("Avalonnano", "nano3"), model("nano3"));
    assert_ptr_equal(avalon_model_find("Avalon Nano3s", "nano3s"), model("nano3s"));
    assert_ptr_equal(avalon_model_find("Avalon0O", "nano3s"), model("nano3s"));
    assert_ptr_equal(avalon_model_find("AvalonMiner 1346-116", "1346-116"), model("a13"));
    assert_ptr_equal(avalon_model_find("AvalonMiner 15-194", "15-194"), model("a15"));
    assert_ptr_equal(avalon_model_find("AvalonMiner 1066", "1066"), model("a10"));
    assert_null(avalon_model_find("AvalonMiner 921", "921"));
    assert_null(avalon_model_find("", ""));
    for (const struct avalon_model *m = avalon_models; m->key != NULL; m++) {
        assert_true(m->level_count >= 1 && m->level_count <= AVALON_LEVELS);
        assert_true(m->power_at < AVALON_PS);
        for (size_t i = 1; i < m->level_count; i++) {
            assert_true(m->level[i].power_w > m->level[i - 1].power_w);
        }
        for (size_t i = 0; i < m->level_count; i++) {
            assert_int_equal(avalon_level_find(m, m->level[i].mode, m->level[i].level), i);
        }
    }
}

static void pools_are_read_and_counted(void **state)
{
    (void)state;
    struct reply_faults faults = {0};
    struct avalon_pools pools;
    char *text = test_read_file(RECORDINGS "composed_q_pools.txt", NULL);
    assert_true(avalon_read_pools(text, &pools, &faults));
    free(text);
    assert_string_equal(pools.pool, "pool.example.com:4444");
    assert_string_equal(pools.user, "worker1");
    assert_int_equal(pools.link, POOL_OK);
    assert_near(pools.accepted, 890, 0);
    assert_near(pools.rejected, 2, 0);
    assert_near(pools.best_share, 354914572, 0);
    assert_int_equal(all(&faults), 0);
    /* Several, with doubled bars, the second in use: as an A1346 writes them. */
    assert_true(avalon_read_pools(
        "STATUS=S,When=5,Code=7,Msg=2 Pool(s),Description=cgminer 4.11.1"
        "|POOL=0,URL=stratum+tcp://one.example:1,Status=Dead,Accepted=3,User=a,Stratum "
        "Active=false|"
        "|POOL=1,URL=stratum+tcp://two.example:2,Status=Alive,Accepted=4,User=b,Stratum "
        "Active=true|",
        &pools, &faults));
    assert_string_equal(pools.pool, "two.example:2");
    assert_string_equal(pools.user, "b");
    assert_near(pools.accepted, 7, 0);
    assert_true(avalon_read_pools("STATUS=S,When=5,Code=7,Msg=x|POOL=0,URL=a:1,Status=Dead|",
                                  &pools, &faults));
    assert_int_equal(pools.link, POOL_LOST);
    assert_true(isnan(pools.accepted)); /* not none at all */
}

/* --- bad answers ------------------------------------------------------------------------------ */

static void bad_fields_become_unknown_and_are_counted(void **state)
{
    (void)state;
    struct reply_faults faults = {0};
    struct avalon_stats s;
    assert_true(avalon_read_stats("STATUS=S,When=9,Code=70|STATS=0,MM ID0=SYSTEMSTATU[Work: In "
                                  "Heaven] TMax[9999] FanR[nan%] GHSspd[x] PS[0 1 2 -5 3 4 1e9] "
                                  "MPO[inf] WORKMODE[",
                                  &s, &faults));
    assert_int_equal(s.work, AVALON_WORK_UNKNOWN);
    assert_true(isnan(s.chip_c) && isnan(s.fan_percent) && isnan(s.hashrate_ghs));
    assert_true(isnan(s.ps[3]) && isnan(s.ps[6]) && isnan(s.limit_w));
    assert_near(s.ps[5], 4, 0);
    assert_true(isnan(avalon_power(model("q"), &s).w));
    assert_int_equal(s.mode, AVALON_NONE);
    assert_true(all(&faults) >= 6);
    assert_false(avalon_read_stats("STATUS=E,When=9,Code=14,Msg=Invalid command|", &s, &faults));
    assert_false(avalon_read_stats("", &s, &faults));
    struct avalon_version version;
    assert_false(avalon_read_version("{\"STATUS\":[{\"STATUS\":\"S\"}]}", &version, &faults));
    assert_int_equal(avalon_read_head("HTTP/1.1 400 Bad Request").status, 0);
    assert_int_equal(avalon_read_head("STATUS=Sure,When=1|").status, 0);
}

static void of_several_boards_the_one_with_an_error_counts(void **state)
{
    (void)state;
    struct reply_faults faults = {0};
    struct avalon_stats s;
    assert_true(avalon_read_stats("MM ID0=ECHU[0 512 0] ECMM[0] PS[0] GHSspd[1]", &s, &faults));
    assert_near(s.faults_board, 512, 0);
    assert_near(s.faults_control, 0, 0);
    assert_int_equal(all(&faults), 0);
}

static void escapes_are_taken_away(void **state)
{
    (void)state;
    struct reply_faults faults = {0};
    struct avalon_pools pools;
    assert_true(avalon_read_pools(
        "STATUS=S,When=5,Code=7,Msg=a\\,b\\=c|POOL=0,URL=tcp://x:1/,Status=Alive,User=a\\,b\\|c|",
        &pools, &faults));
    assert_string_equal(pools.pool, "x:1");
    assert_string_equal(avalon_read_head("STATUS=S,When=5,Msg=a\\,b\\=c|").message, "a,b=c");
}

/* --- commands --------------------------------------------------------------------------------- */

static void answers_to_commands(void **state)
{
    (void)state;
    char *text = test_read_file(RECORDINGS "composed_q_softoff.txt", NULL);
    struct avalon_head head = avalon_read_head(text);
    free(text);
    assert_true(avalon_accepted(&head)); /* information, which is how it says yes */
    assert_int_equal(head.status, 'I');
    assert_int_equal(head.when_s, 1753434816);
    head = avalon_read_head("STATUS=E,When=1,Code=120,Msg=ASC 0 set failed: current mode 2 is "
                            "caling Don't permit switch mode,Description=cgminer 4.11.1|");
    assert_false(avalon_accepted(&head));
    assert_true(avalon_calibrates(&head));
    head = avalon_read_head("STATUS=E,When=1,Code=14,Msg=Invalid command,Description=x|");
    assert_false(avalon_accepted(&head) || avalon_calibrates(&head));
}

/* Plays the steps against an ideal device and joins their commands. */
static void play(const char *key, struct avalon_stats *s, int level, char *joined, size_t size)
{
    const struct avalon_model *m = model(key);
    joined[0] = '\0';
    for (int i = 0; i < 5; i++) {
        char command[AVALON_COMMAND_MAX];
        const struct avalon_step next = avalon_next(m, s, level);
        avalon_print(m, next, 1000, command);
        if (next.write == AVALON_WRITE_NONE) {
            return;
        }
        (void)snprintf(joined + strlen(joined), size - strlen(joined), "%s;", command);
        s->mode = next.write == AVALON_WRITE_MODE ? next.value : s->mode;
        s->level = next.write == AVALON_WRITE_LEVEL ? next.value : s->level;
        if (next.write == AVALON_WRITE_OFF || next.write == AVALON_WRITE_CUT) {
            s->work = AVALON_IN_IDLE;
        } else if (next.write == AVALON_WRITE_ON || next.write == AVALON_WRITE_REBOOT) {
            s->work = AVALON_IN_INIT;
        }
    }
    fail_msg("no end: %s", joined);
}

static void only_what_differs_is_written(void **state)
{
    (void)state;
    char text[256];
    struct avalon_stats s = {.work = AVALON_IN_WORK, .mode = 0, .level = 0};
    play("q", &s, 2, text, sizeof text);
    assert_string_equal(text, "ascset|0,workmode,set,2;");
    play("q", &s, 2, text, sizeof text);
    assert_string_equal(text, "");
    play("q", &s, -1, text, sizeof text);
    assert_string_equal(text, "ascset|0,softoff,1:1005;");
    play("q", &s, -1, text, sizeof text);
    assert_string_equal(text, "");
    play("q", &s, 0, text, sizeof text); /* the mode first, so that it wakes at the right one */
    assert_string_equal(text, "ascset|0,workmode,set,0;ascset|0,softon,1:1005;");
    play("mini3", &s, 0, text, sizeof text); /* out of Heating mode */
    assert_string_equal(text, "ascset|0,workmode,set,1;ascset|0,worklevel,set,-1;");
    play("mini3", &s, 1, text, sizeof text);
    assert_string_equal(text, "ascset|0,worklevel,set,0;");
    s = (struct avalon_stats){.work = AVALON_WORK_UNKNOWN, .mode = AVALON_NONE, .level = 1};
    play("nano3", &s, 0, text, sizeof text);
    assert_string_equal(text, "ascset|0,worklevel,set,0;");
    play("nano3", &s, -1, text, sizeof text); /* it cannot */
    assert_string_equal(text, "");
    s = (struct avalon_stats){.work = AVALON_IN_WORK, .mode = 1, .level = AVALON_NONE};
    play("a13", &s, 0, text, sizeof text);
    assert_string_equal(text, "ascset|0,workmode,0;");
    play("a13", &s, -1, text, sizeof text);
    assert_string_equal(text, "ascset|0,softoff;");
    play("a13", &s, 0, text, sizeof text);
    assert_string_equal(text, "ascset|0,reboot,1;");
    s = (struct avalon_stats){.work = AVALON_IN_WORK, .soft_off = -1, .ps = {0, 0, 0, 200, 2500}};
    play("a10", &s, -1, text, sizeof text);
    assert_string_equal(text, "ascset|0,hashpower,0;");
}

static void power_supply_faults_have_words(void **state)
{
    (void)state;
    bool hot = false;
    struct avalon_stats s = {0};
    assert_null(avalon_supply_fault(&s, &hot));
    s.ps[0] = 4;
    assert_non_null(strstr(avalon_supply_fault(&s, &hot), "hot"));
    assert_true(hot);
    s.ps[0] = 2048;
    assert_non_null(strstr(avalon_supply_fault(&s, &hot), "fan"));
    assert_false(hot);
    s.ps[0] = NAN;
    assert_null(avalon_supply_fault(&s, &hot));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nano_3s_at_full_power),
        cmocka_unit_test(a_nano_3_tells_its_power_elsewhere),
        cmocka_unit_test(a_mini_3_whose_recording_is_cut),
        cmocka_unit_test(an_idle_q_draws_nothing_whatever_it_says),
        cmocka_unit_test(hall_machines),
        cmocka_unit_test(an_a10_with_the_first_firmware),
        cmocka_unit_test(a_version_names_the_model_and_the_one_device),
        cmocka_unit_test(models_are_told_apart),
        cmocka_unit_test(pools_are_read_and_counted),
        cmocka_unit_test(bad_fields_become_unknown_and_are_counted),
        cmocka_unit_test(of_several_boards_the_one_with_an_error_counts),
        cmocka_unit_test(escapes_are_taken_away),
        cmocka_unit_test(answers_to_commands),
        cmocka_unit_test(only_what_differs_is_written),
        cmocka_unit_test(power_supply_faults_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
