/* What survives a restart: room settings, lifetime totals, and what the engine learnt about watts,
 * in SQLite on a thread of its own.
 *
 * Loading is synchronous and happens before anything runs; saving only queues. A database that
 * cannot be read is set aside and a new one begun; one that cannot be written is reported once and
 * tried again with the next save. Neither ever stops the heat control.
 */
#ifndef HB_BRIDGE_ENERGY_STORE_H
#define HB_BRIDGE_ENERGY_STORE_H

#include <stdbool.h>

#include "bridge/core.h"
#include "bridge/limits.h"
#include "ground/attr.h"
#include "ground/err.h"
#include "miner/engine.h"
#include "plumbing/log.h"

struct store;

/* A room's settings with the preset by name, because its index changes with the configuration. */
struct store_room {
    char id[ID_MAX];
    char preset[ID_MAX]; /* "" : none */
    struct room_settings settings;
};

struct store_heater {
    char id[ID_MAX];
    struct heater_totals totals;
};

/* What the supervisor of a heater knows of it. */
struct store_record {
    char id[ID_MAX];
    struct heater_record record;
};

/* What a heater's driver wants to know again. As a latch: what tripped an interlock of the heater
 * and is not acknowledged; "" for nothing. */
struct store_memory {
    char id[ID_MAX];
    char text[HEATER_MEMORY_MAX];
};

/* Opens `dir`/heatbridge.db, creating the directory (mode 0700) and the tables, and starts the
 * thread. NULL with `err` only if the directory cannot be made or the thread cannot start. */
HB_MUST_USE struct store *store_open(const char *dir, const struct hb_log *log, struct hb_err *err);
/* Writes what is queued and joins. NULL is allowed. */
void store_close(struct store *store);

/* Fill the rest of the struct for the given `id`; false if nothing is known of it. Only before the
 * first save. */
HB_MUST_USE bool store_load_room(struct store *store, struct store_room *room);
HB_MUST_USE bool store_load_heater(struct store *store, struct store_heater *heater);
HB_MUST_USE bool store_load_record(struct store *store, struct store_record *record);
HB_MUST_USE bool store_load_memory(struct store *store, struct store_memory *memory);
HB_MUST_USE bool store_load_latch(struct store *store, struct store_memory *latch);
HB_MUST_USE bool store_load_calibration(struct store *store, struct miner_calibration *calibration);

/* Queue a save; never block. A full queue drops the oldest, which a later save of the same room or
 * heater makes good. */
void store_save_room(struct store *store, const struct store_room *room);
void store_save_heater(struct store *store, const struct store_heater *heater);
void store_save_record(struct store *store, const struct store_record *record);
void store_save_memory(struct store *store, const struct store_memory *memory);
void store_save_latch(struct store *store, const struct store_memory *latch);
void store_save_calibration(struct store *store, const struct miner_calibration *calibration);

#endif
