/* The one brain: core_step(state, event) -> effects. Pure: no clock, no I/O, no allocation after
 * core_create; the same events in the same order give the same effects to the last bit.
 *
 * Chain per room (ARCHITECTURE section 3): comfort -> thermostat -> allocator -> circuit -> safety
 * -> effect.
 */
#ifndef HB_BRIDGE_CORE_H
#define HB_BRIDGE_CORE_H

#include "bridge/config.h"
#include "bridge/effect.h"
#include "bridge/event.h"
#include "bridge/view.h"

struct core;

/* What of a room survives a restart of the program. */
struct room_settings {
    enum room_mode mode, last_on_mode;
    double target_c; /* manual target, used when preset is INDEX_NONE                          */
    uint16_t preset;
    double power_limit_w;   /* POWER_LIMIT_NONE_W: none */
    hb_wall override_until; /* in mode auto; ms 0: no override */
};

/* Lifetime totals of a heater that survive a restart. */
struct heater_totals {
    double energy_wh, hashes, best_difficulty;
    uint64_t shares_accepted, shares_rejected, blocks_found;
};

/* Creates the state of all rooms and heaters: everything off, nothing known. `config` and `caps`
 * (one per heater, in config order) are borrowed until core_destroy. NULL when memory is short. */
struct core *core_create(const struct config *config, const struct heater_caps *caps);
void core_destroy(struct core *core); /* NULL is allowed */

/* Before the first step: settings and totals of an earlier run. Values outside the room's ranges
 * are replaced by its defaults. */
void core_restore_room(struct core *core, uint16_t room, const struct room_settings *settings);
void core_restore_heater(struct core *core, uint16_t heater, const struct heater_totals *totals);

/* What tripped an interlock in an earlier run and was not acknowledged; "": nothing. */
void core_restore_latch(struct core *core, uint16_t heater, const char *why);

/* Takes one event and appends its effects. Events must come in order of `at`. */
void core_step(struct core *core, const struct event *event, struct effects *effects);

/* Snapshots as of the last step. */
void core_room_view(const struct core *core, uint16_t room, struct room_view *view);
void core_heater_view(const struct core *core, uint16_t heater, struct heater_view *view);
void core_circuit_view(const struct core *core, uint16_t circuit, struct circuit_view *view);
void core_room_settings(const struct core *core, uint16_t room, struct room_settings *settings);
void core_heater_totals(const struct core *core, uint16_t heater, struct heater_totals *totals);
/* What tripped an interlock of the heater and is not acknowledged; "": nothing. Of the core. */
const char *core_heater_latch(const struct core *core, uint16_t heater);

/* Effects that one step can produce at most: the capacity that its list needs. */
size_t core_effects_max(const struct core *core);

#endif
