/* What survives a restart, and what a broken database does (nothing). */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/energy/store.h"
#include "tests/support/test.h"

static char folder[64];
static unsigned errors;

static void count_error(void *ctx, enum log_level level, const char *part, const char *text)
{
    (void)ctx;
    (void)part;
    (void)text;
    errors += level == LOG_LEVEL_ERROR ? 1 : 0;
}

static const struct hb_log log_sink = {.write = count_error, .level = LOG_LEVEL_INFO};

static int make_folder(void **state)
{
    (void)state;
    errors = 0;
    (void)snprintf(folder, sizeof folder, "/tmp/hb-store.XXXXXX");
    return mkdtemp(folder) == NULL ? 1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static struct store *open_store(void)
{
    char dir[96];
    struct hb_err err = {0};
    (void)snprintf(dir, sizeof dir, "%s/state", folder);
    struct store *store = store_open(dir, &log_sink, &err);
    if (store == NULL) {
        fail_msg("%s", err.msg);
    }
    return store;
}

static const struct store_room hallway = {
    .id = "hallway",
    .preset = "eco",
    .settings = {.mode = ROOM_AUTO,
                 .last_on_mode = ROOM_HEAT,
                 .target_c = 21.5,
                 .power_limit_w = 900,
                 .override_until = {1234567890123}},
};

static const struct store_heater miner = {
    .id = "miner",
    .totals = {.energy_wh = 1234.5,
               .hashes = 9e18,
               .best_difficulty = 669.8682919563083,
               .shares_accepted = 77,
               .shares_rejected = 3,
               .blocks_found = 2},
};

static const struct store_record known = {
    .id = "miner",
    .record = {.driver = "axeos",
               .identity = "aa:bb:cc:dd:ee:ff",
               .model = "Gamma",
               .firmware = "v2.14",
               .pool = "pool.example:3333",
               .pool_user = "somebody.hallway",
               .caps_known = true,
               .caps = {.min_w = 10,
                        .max_w = 19.5,
                        .step_w = 0.25,
                        .standby_w = 1,
                        .tier_w = {10, 1.0 / 3 + 12, 19.5},
                        .tier_count = 3,
                        .settle_ms = 30000,
                        .min_on_ms = 1,
                        .min_off_ms = 2,
                        .min_write_ms = 3,
                        .max_writes_per_day = 6,
                        .restarts_on_change = true,
                        .has_fan = true},
               .day = 20783,
               .writes_today = 9,
               .wearing_today = 4,
               .writes = 1234,
               .flash_writes = 321,
               .recovered = 1U << HEATER_STALLED,
               .calibration = 1.0625,
               .calibration_count = 77},
};

static const struct store_memory latched = {.id = "miner", .text = "flow: 0, expected at least 1"};
static const struct store_memory unlatched = {.id = "ofen", .text = ""};

static void assert_latches(struct store *store)
{
    struct store_memory latch = {.id = "miner"};
    assert_true(store_load_latch(store, &latch));
    assert_string_equal(latch.text, latched.text);
    latch = (struct store_memory){.id = "ofen", .text = "x"};
    assert_true(store_load_latch(store, &latch));
    assert_string_equal(latch.text, "");
    latch = (struct store_memory){.id = "spare"};
    assert_false(store_load_latch(store, &latch));
    assert_false(store_load_memory(store, &(struct store_memory){.id = "miner"}));
}

static const struct miner_calibration learnt = {
    .kernel = "avx512",
    .threads = 4,
    .source = MINER_POWER_REPORTED,
    .reference_hs = 1.2e8,
    .w = {12.5, 48.25, 1.5},
    .sd_w = {0.5, 0.25, 0.125},
    .full_hs = 1.3e8,
    .known_at = 0.9,
};

static void assert_learnt(struct store *store)
{
    struct miner_calibration c = {0};
    assert_true(store_load_calibration(store, &c));
    assert_string_equal(c.kernel, "avx512");
    assert_int_equal(c.threads, 4);
    assert_int_equal(c.source, MINER_POWER_REPORTED);
    assert_near(c.reference_hs, 1.2e8, 0);
    for (int i = 0; i < 3; i++) {
        assert_near(c.w[i], learnt.w[i], 0);
        assert_near(c.sd_w[i], learnt.sd_w[i], 0);
    }
    assert_near(c.full_hs, 1.3e8, 0);
    assert_near(c.known_at, 0.9, 0);
}

static void assert_hallway(struct store *store)
{
    struct store_room room = {.id = "hallway"};
    assert_true(store_load_room(store, &room));
    assert_int_equal(room.settings.mode, ROOM_AUTO);
    assert_int_equal(room.settings.last_on_mode, ROOM_HEAT);
    assert_near(room.settings.target_c, 21.5, 0);
    assert_near(room.settings.power_limit_w, 900, 0);
    assert_string_equal(room.preset, "eco");
    assert_int_equal(room.settings.override_until.ms, 1234567890123);
}

static void settings_and_totals_survive(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct store_room nothing = {.id = "hallway"};
    assert_false(store_load_room(store, &nothing));
    store_save_room(store, &hallway);
    store_save_heater(store, &miner);
    store_close(store);

    store = open_store();
    assert_hallway(store);
    struct store_heater heater = {.id = "miner"};
    assert_true(store_load_heater(store, &heater));
    assert_memory_equal(&heater.totals, &miner.totals, sizeof miner.totals);
    struct store_heater unknown = {.id = "attic"};
    assert_false(store_load_heater(store, &unknown));
    store_close(store);
    assert_int_equal(errors, 0);
}

/* A database as versions before the count of blocks left it. */
static void totals_of_an_older_version_are_kept(void **state)
{
    (void)state;
    char path[128];
    store_close(open_store());
    (void)snprintf(path, sizeof path, "%s/state/heatbridge.db", folder);
    assert_int_equal(unlink(path), 0);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(
            db,
            "CREATE TABLE room(id TEXT PRIMARY KEY, mode TEXT, last_on_mode TEXT, target_c REAL,"
            " preset TEXT, power_limit_w REAL, override_until_ms INTEGER) STRICT;"
            "CREATE TABLE heater(id TEXT PRIMARY KEY, energy_wh REAL, hashes REAL,"
            " best_difficulty REAL, shares_accepted INTEGER, shares_rejected INTEGER) STRICT;"
            "INSERT INTO heater VALUES('miner', 1234.5, 9e18, 669.8682919563083, 77, 3);"
            "PRAGMA user_version=1;",
            NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    struct store_heater expected = miner;
    expected.totals.blocks_found = 0;
    for (int i = 0; i < 2; i++) {
        struct store *store = open_store();
        struct store_heater heater = {.id = "miner"};
        assert_true(store_load_heater(store, &heater));
        assert_memory_equal(&heater.totals, &expected.totals, sizeof heater.totals);
        expected.totals.blocks_found++;
        store_save_heater(store, &expected);
        store_close(store);
    }
    assert_int_equal(errors, 0);
}

static void what_the_engine_learnt_survives(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct miner_calibration nothing;
    assert_false(store_load_calibration(store, &nothing));
    store_save_calibration(store, &learnt);
    store_close(store);
    store = open_store();
    assert_learnt(store);
    store_close(store);
    assert_int_equal(errors, 0);
}

static void what_a_driver_remembers_survives(void **state)
{
    (void)state;
    struct store_memory memory = {.id = "plug", .text = "12 1790000000000 -5"};
    struct store *store = open_store();
    struct store_memory nothing = {.id = "plug"};
    assert_false(store_load_memory(store, &nothing));
    store_save_memory(store, &memory);
    memory.text[1] = '3';
    store_save_memory(store, &memory);
    store_close(store);
    store = open_store();
    assert_true(store_load_memory(store, &nothing));
    assert_string_equal(nothing.text, "13 1790000000000 -5");
    store_close(store);
    assert_int_equal(errors, 0);
}

static void files_are_private(void **state)
{
    (void)state;
    store_close(open_store());
    char path[128];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/state", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    (void)snprintf(path, sizeof path, "%s/state/heatbridge.db", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0077, 0);
}

static void a_broken_database_is_set_aside(void **state)
{
    (void)state;
    char path[128];
    store_close(open_store());
    (void)snprintf(path, sizeof path, "%s/state/heatbridge.db", folder);
    FILE *file = fopen(path, "w");
    (void)fputs("this is not a database, and it is long enough to be looked at as one", file);
    (void)fclose(file);
    struct store *store = open_store();
    assert_int_equal(errors, 1);
    store_save_room(store, &hallway);
    store_close(store);
    (void)snprintf(path, sizeof path, "%s/state/heatbridge.db.bad-1", folder);
    assert_int_equal(access(path, R_OK), 0);
    store = open_store();
    assert_hallway(store);
    store_close(store);
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    (void)state;
    struct hb_err err = {0};
    assert_null(store_open("/proc/nowhere", &log_sink, &err));
    assert_non_null(strstr(err.msg, "state_dir: cannot create '/proc/nowhere'"));
}

static void latches_survive(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct store_memory latch = {.id = "miner"};
    assert_false(store_load_latch(store, &latch));
    store_save_latch(store, &latched);
    store_save_latch(store, &(struct store_memory){.id = "ofen", .text = "outlet: 61"});
    store_save_latch(store, &unlatched);
    store_close(store);
    store = open_store();
    assert_latches(store);
    store_close(store);
    assert_int_equal(errors, 0);
}

static void what_is_known_of_a_heater_survives(void **state)
{
    (void)state;
    struct store *store = open_store();
    struct store_record loaded = {.id = "miner"};
    assert_false(store_load_record(store, &loaded));
    store_save_record(store, &known);
    store_close(store);
    store = open_store();
    assert_true(store_load_record(store, &loaded));
    const struct heater_record *a = &loaded.record;
    const struct heater_record *b = &known.record;
    assert_string_equal(a->driver, b->driver);
    assert_string_equal(a->identity, b->identity);
    assert_string_equal(a->model, b->model);
    assert_string_equal(a->firmware, b->firmware);
    assert_string_equal(a->pool, b->pool);
    assert_string_equal(a->pool_user, b->pool_user);
    assert_true(a->caps_known);
    assert_memory_equal(a->caps.tier_w, b->caps.tier_w, sizeof a->caps.tier_w);
    assert_int_equal(a->caps.tier_count, 3);
    assert_near(a->caps.min_w, 10, 0);
    assert_near(a->caps.max_w, 19.5, 0);
    assert_near(a->caps.step_w, 0.25, 0);
    assert_near(a->caps.standby_w, 1, 0);
    assert_int_equal(a->caps.settle_ms, 30000);
    assert_int_equal(a->caps.min_on_ms, 1);
    assert_int_equal(a->caps.min_off_ms, 2);
    assert_int_equal(a->caps.min_write_ms, 3);
    assert_int_equal(a->caps.max_writes_per_day, 6);
    assert_true(a->caps.restarts_on_change && a->caps.has_fan);
    assert_false(a->caps.self_reverting || a->caps.sees_work || a->caps.observe_only);
    assert_int_equal(a->day, 20783);
    assert_int_equal(a->writes_today, 9);
    assert_int_equal(a->wearing_today, 4);
    assert_int_equal(a->writes, 1234);
    assert_int_equal(a->flash_writes, 321);
    assert_int_equal(a->recovered, 1U << HEATER_STALLED);
    assert_near(a->calibration, 1.0625, 0);
    assert_int_equal(a->calibration_count, 77);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(latches_survive, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_is_known_of_a_heater_survives, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(settings_and_totals_survive, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(totals_of_an_older_version_are_kept, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_the_engine_learnt_survives, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_a_driver_remembers_survives, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(files_are_private, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_broken_database_is_set_aside, make_folder, remove_folder),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
