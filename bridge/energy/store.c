#include "bridge/energy/store.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ground/text.h"
#include "plumbing/ring.h"

enum { QUEUE_SLOTS = 1024, BATCH_MAX = 256, PATH_MAX_B = TEXT_MAX + 32 };

enum save_kind {
    SAVE_ROOM,
    SAVE_HEATER,
    SAVE_RECORD,
    SAVE_MEMORY,
    SAVE_LATCH,
    SAVE_CALIBRATION,
    SAVE_STOP
};

struct save {
    enum save_kind kind;
    union {
        struct store_room room;
        struct store_heater heater;
        struct store_record record;
        struct store_memory memory;
        struct miner_calibration calibration;
    } u;
};

struct store {
    char path[PATH_MAX_B];
    const struct hb_log *log;
    sqlite3 *db;
    struct ring *queue;
    sem_t waiting;
    pthread_t thread;
    bool failing; /* the last write failed and was reported */
};

/* What makes version n + 1 of the database from version n; an empty one has version 0. */
static const char *const steps[] = {
    "CREATE TABLE IF NOT EXISTS room(id TEXT PRIMARY KEY, mode TEXT, last_on_mode TEXT,"
    " target_c REAL, preset TEXT, power_limit_w REAL, override_until_ms INTEGER) STRICT;"
    "CREATE TABLE IF NOT EXISTS heater(id TEXT PRIMARY KEY, energy_wh REAL, hashes REAL,"
    " best_difficulty REAL, shares_accepted INTEGER, shares_rejected INTEGER) STRICT;",
    "ALTER TABLE heater ADD COLUMN blocks_found INTEGER NOT NULL DEFAULT 0;",
    "CREATE TABLE calibration(id TEXT PRIMARY KEY, kernel TEXT, threads INTEGER, source INTEGER,"
    " reference_hs REAL, idle_w REAL, swing_w REAL, bulge_w REAL, idle_sd_w REAL, swing_sd_w REAL,"
    " bulge_sd_w REAL, full_hs REAL, known_at REAL) STRICT;",
    "CREATE TABLE memory(id TEXT PRIMARY KEY, text TEXT) STRICT;",
    "CREATE TABLE record(id TEXT PRIMARY KEY, driver TEXT, identity TEXT, model TEXT,"
    " firmware TEXT, pool TEXT, pool_user TEXT, day INTEGER, writes_today INTEGER,"
    " wearing_today INTEGER, writes INTEGER, flash_writes INTEGER, recovered INTEGER,"
    " calibration REAL, calibration_count INTEGER, caps_known INTEGER, min_w REAL, max_w REAL,"
    " step_w REAL, standby_w REAL, tiers TEXT, settle_ms INTEGER, min_on_ms INTEGER,"
    " min_off_ms INTEGER, min_write_ms INTEGER, max_writes_per_day INTEGER, flags INTEGER) STRICT;",
    "CREATE TABLE latch(id TEXT PRIMARY KEY, text TEXT) STRICT;",
};

enum { SCHEMA_VERSION = sizeof steps / sizeof steps[0] };

/* The one row of its table: there is one engine. */
static const char calibration_id[] = "engine";

static bool mode_from_word(const char *word, enum room_mode *mode)
{
    for (int i = 0; word != NULL && i < ROOM_MODE_COUNT; i++) {
        if (strcmp(word, room_mode_word((enum room_mode)i)) == 0) {
            *mode = (enum room_mode)i;
            return true;
        }
    }
    return false;
}

static const char *column_text(sqlite3_stmt *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row, column);
    return text == NULL ? "" : (const char *)text;
}

/* Prepares a statement and binds `id` to its first parameter; NULL if the database refuses. */
static sqlite3_stmt *prepare(struct store *store, const char *sql, const char *id)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK) {
        return NULL;
    }
    (void)sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
    return statement;
}

bool store_load_room(struct store *store, struct store_room *room)
{
    sqlite3_stmt *row = prepare(store,
                                "SELECT mode, last_on_mode, target_c, preset, power_limit_w,"
                                " override_until_ms FROM room WHERE id = ?",
                                room->id);
    bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW &&
                 mode_from_word(column_text(row, 0), &room->settings.mode) &&
                 mode_from_word(column_text(row, 1), &room->settings.last_on_mode);
    if (found) {
        room->settings.target_c = sqlite3_column_double(row, 2);
        found = text_copy(room->preset, sizeof room->preset, column_text(row, 3));
        room->settings.power_limit_w = sqlite3_column_double(row, 4);
        room->settings.override_until = (hb_wall){sqlite3_column_int64(row, 5)};
    }
    (void)sqlite3_finalize(row);
    return found;
}

bool store_load_heater(struct store *store, struct store_heater *heater)
{
    sqlite3_stmt *row = prepare(store,
                                "SELECT energy_wh, hashes, best_difficulty, shares_accepted,"
                                " shares_rejected, blocks_found FROM heater WHERE id = ?",
                                heater->id);
    const bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    if (found) {
        heater->totals = (struct heater_totals){
            .energy_wh = sqlite3_column_double(row, 0),
            .hashes = sqlite3_column_double(row, 1),
            .best_difficulty = sqlite3_column_double(row, 2),
            .shares_accepted = (uint64_t)sqlite3_column_int64(row, 3),
            .shares_rejected = (uint64_t)sqlite3_column_int64(row, 4),
            .blocks_found = (uint64_t)sqlite3_column_int64(row, 5),
        };
    }
    (void)sqlite3_finalize(row);
    return found;
}

/* --- what the supervisor knows
 * ------------------------------------------------------------------*/

enum { RECORD_COLUMNS = 27, TIERS_TEXT_MAX = HEATER_TIERS * 26 };

/* The yes-or-no abilities, one bit each, in the order of the list: append only. */
static bool *flag_of(struct heater_caps *caps, int bit)
{
    bool *const flags[] = {&caps->restarts_on_change, &caps->self_reverting, &caps->has_fan,
                           &caps->sees_work,          &caps->shares_meter,   &caps->observe_only,
                           &caps->switches_relay};
    return bit < (int)(sizeof flags / sizeof flags[0]) ? flags[bit] : NULL;
}

static void read_tiers(const char *text, struct heater_caps *caps)
{
    char *rest = NULL;
    caps->tier_count = 0;
    for (; caps->tier_count < HEATER_TIERS; text = rest) {
        const double tier_w = strtod(text, &rest);
        if (rest == text) {
            return;
        }
        caps->tier_w[caps->tier_count++] = tier_w;
    }
}

static void write_tiers(const struct heater_caps *caps, char text[TIERS_TEXT_MAX])
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < caps->tier_count && i < HEATER_TIERS; i++) {
        used += (size_t)snprintf(text + used, TIERS_TEXT_MAX - used, "%s%.17g", i > 0 ? " " : "",
                                 caps->tier_w[i]);
    }
}

/* Columns 15 and on. */
static void read_caps(sqlite3_stmt *row, struct heater_record *record)
{
    struct heater_caps *caps = &record->caps;
    double *const numbers[] = {&caps->min_w, &caps->max_w, &caps->step_w, &caps->standby_w};
    int32_t *const wholes[] = {&caps->settle_ms, &caps->min_on_ms, &caps->min_off_ms,
                               &caps->min_write_ms, &caps->max_writes_per_day};
    record->caps_known = sqlite3_column_int(row, 15) != 0;
    for (int i = 0; i < 4; i++) {
        *numbers[i] = sqlite3_column_double(row, 16 + i);
    }
    read_tiers(column_text(row, 20), caps);
    for (int i = 0; i < 5; i++) {
        *wholes[i] = sqlite3_column_int(row, 21 + i);
    }
    for (int i = 0; flag_of(caps, i) != NULL; i++) {
        *flag_of(caps, i) = (sqlite3_column_int(row, 26) >> i & 1) != 0;
    }
}

bool store_load_record(struct store *store, struct store_record *kept)
{
    struct heater_record *record = &kept->record;
    sqlite3_stmt *row = prepare(store, "SELECT * FROM record WHERE id = ?", kept->id);
    char *const texts[] = {record->driver,   record->identity, record->model,
                           record->firmware, record->pool,     record->pool_user};
    const size_t sizes[] = {sizeof record->driver, sizeof record->identity,
                            sizeof record->model,  sizeof record->firmware,
                            sizeof record->pool,   sizeof record->pool_user};
    bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW &&
                 sqlite3_column_count(row) == RECORD_COLUMNS;
    for (int i = 0; found && i < 6; i++) {
        found = text_copy(texts[i], sizes[i], column_text(row, 1 + i));
    }
    if (found) {
        record->day = sqlite3_column_int64(row, 7);
        record->writes_today = (uint32_t)sqlite3_column_int64(row, 8);
        record->wearing_today = (uint32_t)sqlite3_column_int64(row, 9);
        record->writes = (uint64_t)sqlite3_column_int64(row, 10);
        record->flash_writes = (uint64_t)sqlite3_column_int64(row, 11);
        record->recovered = (uint32_t)sqlite3_column_int64(row, 12);
        record->calibration = sqlite3_column_double(row, 13);
        record->calibration_count = (uint32_t)sqlite3_column_int64(row, 14);
        read_caps(row, record);
    }
    (void)sqlite3_finalize(row);
    return found;
}

static void bind_caps(sqlite3_stmt *row, struct heater_record *record, const char *tiers)
{
    struct heater_caps *caps = &record->caps;
    const double numbers[] = {caps->min_w, caps->max_w, caps->step_w, caps->standby_w};
    const int32_t wholes[] = {caps->settle_ms, caps->min_on_ms, caps->min_off_ms,
                              caps->min_write_ms, caps->max_writes_per_day};
    int flags = 0;
    (void)sqlite3_bind_int(row, 16, record->caps_known);
    for (int i = 0; i < 4; i++) {
        (void)sqlite3_bind_double(row, 17 + i, numbers[i]);
    }
    (void)sqlite3_bind_text(row, 21, tiers, -1, SQLITE_STATIC);
    for (int i = 0; i < 5; i++) {
        (void)sqlite3_bind_int(row, 22 + i, wholes[i]);
    }
    for (int i = 0; flag_of(caps, i) != NULL; i++) {
        flags |= *flag_of(caps, i) ? 1 << i : 0;
    }
    (void)sqlite3_bind_int(row, 27, flags);
}

static bool write_record(struct store *store, struct store_record *kept)
{
    struct heater_record *record = &kept->record;
    char tiers[TIERS_TEXT_MAX];
    sqlite3_stmt *row = prepare(store,
                                "REPLACE INTO record VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
                                "?,?,?,?,?,?,?,?)",
                                kept->id);
    if (row == NULL) {
        return false;
    }
    const char *const texts[] = {record->driver,   record->identity, record->model,
                                 record->firmware, record->pool,     record->pool_user};
    const int64_t wholes[] = {record->day,
                              record->writes_today,
                              record->wearing_today,
                              (int64_t)record->writes,
                              (int64_t)record->flash_writes,
                              record->recovered};
    for (int i = 0; i < 6; i++) {
        (void)sqlite3_bind_text(row, 2 + i, texts[i], -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(row, 8 + i, wholes[i]);
    }
    (void)sqlite3_bind_double(row, 14, record->calibration);
    (void)sqlite3_bind_int64(row, 15, record->calibration_count);
    write_tiers(&record->caps, tiers);
    bind_caps(row, record, tiers);
    const bool done = sqlite3_step(row) == SQLITE_DONE;
    (void)sqlite3_finalize(row);
    return done;
}

static bool load_text(struct store *store, const char *sql, struct store_memory *memory)
{
    sqlite3_stmt *row = prepare(store, sql, memory->id);
    const bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW &&
                       text_copy(memory->text, sizeof memory->text, column_text(row, 0));
    (void)sqlite3_finalize(row);
    return found;
}

bool store_load_memory(struct store *store, struct store_memory *memory)
{
    return load_text(store, "SELECT text FROM memory WHERE id = ?", memory);
}

bool store_load_latch(struct store *store, struct store_memory *latch)
{
    return load_text(store, "SELECT text FROM latch WHERE id = ?", latch);
}

bool store_load_calibration(struct store *store, struct miner_calibration *calibration)
{
    struct miner_calibration *c = calibration;
    sqlite3_stmt *row =
        prepare(store,
                "SELECT kernel, threads, source, reference_hs, idle_w, swing_w, bulge_w, idle_sd_w,"
                " swing_sd_w, bulge_sd_w, full_hs, known_at FROM calibration WHERE id = ?",
                calibration_id);
    bool found = row != NULL && sqlite3_step(row) == SQLITE_ROW;
    if (found) {
        found = text_copy(c->kernel, sizeof c->kernel, column_text(row, 0));
        c->threads = sqlite3_column_int(row, 1);
        c->source = (enum miner_power_source)sqlite3_column_int(row, 2);
        c->reference_hs = sqlite3_column_double(row, 3);
        for (int i = 0; i < 3; i++) {
            c->w[i] = sqlite3_column_double(row, 4 + i);
            c->sd_w[i] = sqlite3_column_double(row, 7 + i);
        }
        c->full_hs = sqlite3_column_double(row, 10);
        c->known_at = sqlite3_column_double(row, 11);
    }
    (void)sqlite3_finalize(row);
    return found;
}

static bool write_room(struct store *store, const struct store_room *room)
{
    sqlite3_stmt *row = prepare(store, "REPLACE INTO room VALUES(?,?,?,?,?,?,?)", room->id);
    if (row == NULL) {
        return false;
    }
    const struct room_settings *s = &room->settings;
    (void)sqlite3_bind_text(row, 2, room_mode_word(s->mode), -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(row, 3, room_mode_word(s->last_on_mode), -1, SQLITE_STATIC);
    (void)sqlite3_bind_double(row, 4, s->target_c);
    (void)sqlite3_bind_text(row, 5, room->preset, -1, SQLITE_STATIC);
    (void)sqlite3_bind_double(row, 6, s->power_limit_w);
    (void)sqlite3_bind_int64(row, 7, s->override_until.ms);
    const bool done = sqlite3_step(row) == SQLITE_DONE;
    (void)sqlite3_finalize(row);
    return done;
}

static bool write_heater(struct store *store, const struct store_heater *heater)
{
    sqlite3_stmt *row = prepare(store, "REPLACE INTO heater VALUES(?,?,?,?,?,?,?)", heater->id);
    if (row == NULL) {
        return false;
    }
    const struct heater_totals *t = &heater->totals;
    (void)sqlite3_bind_double(row, 2, t->energy_wh);
    (void)sqlite3_bind_double(row, 3, t->hashes);
    (void)sqlite3_bind_double(row, 4, t->best_difficulty);
    (void)sqlite3_bind_int64(row, 5, (sqlite3_int64)t->shares_accepted);
    (void)sqlite3_bind_int64(row, 6, (sqlite3_int64)t->shares_rejected);
    (void)sqlite3_bind_int64(row, 7, (sqlite3_int64)t->blocks_found);
    const bool done = sqlite3_step(row) == SQLITE_DONE;
    (void)sqlite3_finalize(row);
    return done;
}

static bool write_text(struct store *store, const char *sql, const struct store_memory *memory)
{
    sqlite3_stmt *row = prepare(store, sql, memory->id);
    if (row == NULL) {
        return false;
    }
    (void)sqlite3_bind_text(row, 2, memory->text, -1, SQLITE_STATIC);
    const bool done = sqlite3_step(row) == SQLITE_DONE;
    (void)sqlite3_finalize(row);
    return done;
}

static bool write_calibration(struct store *store, const struct miner_calibration *c)
{
    sqlite3_stmt *row = prepare(store, "REPLACE INTO calibration VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
                                calibration_id);
    if (row == NULL) {
        return false;
    }
    (void)sqlite3_bind_text(row, 2, c->kernel, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int(row, 3, c->threads);
    (void)sqlite3_bind_int(row, 4, (int)c->source);
    (void)sqlite3_bind_double(row, 5, c->reference_hs);
    for (int i = 0; i < 3; i++) {
        (void)sqlite3_bind_double(row, 6 + i, c->w[i]);
        (void)sqlite3_bind_double(row, 9 + i, c->sd_w[i]);
    }
    (void)sqlite3_bind_double(row, 12, c->full_hs);
    (void)sqlite3_bind_double(row, 13, c->known_at);
    const bool done = sqlite3_step(row) == SQLITE_DONE;
    (void)sqlite3_finalize(row);
    return done;
}

static bool execute(struct store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* One transaction over everything queued. True when SAVE_STOP was among it. */
static bool write_batch(struct store *store)
{
    bool stop = false;
    bool ok = execute(store, "BEGIN");
    struct save save;
    for (int n = 0; n < BATCH_MAX && ring_pop(store->queue, &save); n++) {
        switch (save.kind) {
        case SAVE_ROOM:
            ok = write_room(store, &save.u.room) && ok;
            break;
        case SAVE_HEATER:
            ok = write_heater(store, &save.u.heater) && ok;
            break;
        case SAVE_RECORD:
            ok = write_record(store, &save.u.record) && ok;
            break;
        case SAVE_MEMORY:
            ok = write_text(store, "REPLACE INTO memory VALUES(?,?)", &save.u.memory) && ok;
            break;
        case SAVE_LATCH:
            ok = write_text(store, "REPLACE INTO latch VALUES(?,?)", &save.u.memory) && ok;
            break;
        case SAVE_CALIBRATION:
            ok = write_calibration(store, &save.u.calibration) && ok;
            break;
        case SAVE_STOP:
            stop = true;
            break;
        }
    }
    ok = execute(store, "COMMIT") && ok;
    if (!ok && !store->failing) {
        hb_log(store->log, LOG_LEVEL_ERROR, "store", "cannot write '%s': %s", store->path,
               sqlite3_errmsg(store->db));
    }
    if (ok && store->failing) {
        hb_log(store->log, LOG_LEVEL_INFO, "store", "writing '%s' works again", store->path);
    }
    if (!ok) {
        (void)execute(store, "ROLLBACK");
    }
    store->failing = !ok;
    return stop;
}

static void *run(void *arg)
{
    struct store *store = arg;
    bool stop = false;
    while (!stop) {
        while (sem_wait(&store->waiting) != 0 && errno == EINTR) {
        }
        stop = write_batch(store);
    }
    return NULL;
}

/* Each step is made whole or not at all. */
static bool bring_up(struct store *store, int version)
{
    bool ok = true;
    for (; ok && version < SCHEMA_VERSION; version++) {
        char sql[64];
        (void)snprintf(sql, sizeof sql, "PRAGMA user_version=%d", version + 1);
        ok = execute(store, "BEGIN") && execute(store, steps[version]) && execute(store, sql) &&
             execute(store, "COMMIT");
    }
    return ok;
}

static bool open_database(struct store *store)
{
    if (sqlite3_open(store->path, &store->db) != SQLITE_OK) {
        return false;
    }
    (void)sqlite3_busy_timeout(store->db, 2000);
    sqlite3_stmt *row = NULL;
    bool ok = execute(store, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL") &&
              sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &row, NULL) == SQLITE_OK &&
              sqlite3_step(row) == SQLITE_ROW;
    const int version = ok ? sqlite3_column_int(row, 0) : 0;
    (void)sqlite3_finalize(row);
    return ok && version >= 0 && version <= SCHEMA_VERSION && bring_up(store, version);
}

/* Renames an unreadable database to the first free "<name>.bad-<n>". */
static void set_aside(struct store *store)
{
    for (int n = 1; n < 100; n++) {
        char aside[PATH_MAX_B + 16];
        struct stat st;
        (void)snprintf(aside, sizeof aside, "%s.bad-%d", store->path, n);
        if (stat(aside, &st) != 0 && rename(store->path, aside) == 0) {
            hb_log(store->log, LOG_LEVEL_ERROR, "store",
                   "'%s' cannot be read (%s); kept as '%s', beginning anew", store->path,
                   sqlite3_errmsg(store->db), aside);
            return;
        }
    }
}

static void wake(void *ctx)
{
    struct store *store = ctx;
    (void)sem_post(&store->waiting);
}

static bool make_dir(const char *dir, struct hb_err *err)
{
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return hb_fail(err, HB_ERR_SYSTEM, "state_dir: cannot create '%s': %s", dir,
                       strerror(errno));
    }
    return true;
}

struct store *store_open(const char *dir, const struct hb_log *log, struct hb_err *err)
{
    if (!make_dir(dir, err)) {
        return NULL;
    }
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        hb_fail(err, HB_ERR_SYSTEM, "out of memory");
        return NULL;
    }
    store->log = log;
    (void)snprintf(store->path, sizeof store->path, "%s/heatbridge.db", dir);
    (void)sem_init(&store->waiting, 0, 0);
    const mode_t old = umask(0077);
    if (!open_database(store)) {
        set_aside(store);
        (void)sqlite3_close(store->db);
        if (!open_database(store)) {
            hb_log(log, LOG_LEVEL_ERROR, "store", "cannot use '%s': %s; nothing will be kept",
                   store->path, sqlite3_errmsg(store->db));
        }
    }
    (void)umask(old);
    store->queue = ring_create(QUEUE_SLOTS, sizeof(struct save), RING_DROP_OLDEST, wake, store);
    if (store->queue == NULL || pthread_create(&store->thread, NULL, run, store) != 0) {
        hb_fail(err, HB_ERR_SYSTEM, "cannot start the store thread");
        ring_destroy(store->queue);
        (void)sqlite3_close(store->db);
        (void)sem_destroy(&store->waiting);
        free(store);
        return NULL;
    }
    return store;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    const struct save stop = {.kind = SAVE_STOP};
    (void)ring_push(store->queue, &stop);
    (void)pthread_join(store->thread, NULL);
    (void)sqlite3_close(store->db);
    ring_destroy(store->queue);
    (void)sem_destroy(&store->waiting);
    free(store);
}

void store_save_room(struct store *store, const struct store_room *room)
{
    const struct save save = {.kind = SAVE_ROOM, .u.room = *room};
    (void)ring_push(store->queue, &save);
}

void store_save_heater(struct store *store, const struct store_heater *heater)
{
    const struct save save = {.kind = SAVE_HEATER, .u.heater = *heater};
    (void)ring_push(store->queue, &save);
}

void store_save_record(struct store *store, const struct store_record *record)
{
    const struct save save = {.kind = SAVE_RECORD, .u.record = *record};
    (void)ring_push(store->queue, &save);
}

void store_save_memory(struct store *store, const struct store_memory *memory)
{
    const struct save save = {.kind = SAVE_MEMORY, .u.memory = *memory};
    (void)ring_push(store->queue, &save);
}

void store_save_latch(struct store *store, const struct store_memory *latch)
{
    const struct save save = {.kind = SAVE_LATCH, .u.memory = *latch};
    (void)ring_push(store->queue, &save);
}

void store_save_calibration(struct store *store, const struct miner_calibration *calibration)
{
    const struct save save = {.kind = SAVE_CALIBRATION, .u.calibration = *calibration};
    (void)ring_push(store->queue, &save);
}
