/* What the page shows, as one JSON text, from the views of the core. Pure apart from the memory of
 * the text.
 *
 * Units are in the names; null is "not known"; times are Unix milliseconds of the house (in the
 * demo the house's clock runs faster than ours).
 *   {"time_ms", "utc_offset_s", "time_scale", "note", "version",
 *    "mqtt": {"connected", "problem"} or null, "notice": {"seq", "text"} or null,
 *    "rooms": [{"id", "name", "available", "mode", "action", "preset", "presets": [{"name",
 *      "target_c"}], "has_schedule", "target_c", "target_low_c", "target_high_c", "min_target_c",
 *      "max_target_c", "step_c", "room_c", "humidity", "outdoor_c", "window": "open"|"closed"|null,
 *      "power_w", "power_from", "requested_w", "max_w", "power_limit_w", "hashrate_hs",
 *      "shares_accepted", "shares_rejected", "energy_wh", "reason", "reason_text",
 *      "heaters": [ids]}],
 *    "heaters": [{"id", "name", "room", "available", "power_w", "power_from", "commanded_w",
 * "max_w", "command", "hashrate_hs", "chip_c", "board_c", "inlet_c", "fan_ratio", "pool",
 * "pool_link", "shares_accepted", "shares_rejected", "shares_stale", "best_difficulty",
 * "energy_wh", "writes_today", "reason", "reason_text", "problem"}]}
 */
#ifndef HB_BRIDGE_WEB_SNAPSHOT_H
#define HB_BRIDGE_WEB_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/config.h"
#include "bridge/view.h"
#include "ground/attr.h"

/* Everything is borrowed for the call. */
struct snapshot_input {
    hb_mono now; /* the clock of the readings in the views */
    hb_wall wall;
    int32_t utc_offset_s;
    double time_scale; /* seconds in the house per second outside; 1 unless simulated            */
    const char *note;  /* one line in the page's header, "" or NULL: none                        */
    const char *mqtt_problem; /* NULL: MQTT not used; "": connected; else one sentence           */
    const char *notice;       /* the last request refused, one sentence; NULL: none so far       */
    uint64_t notice_seq;      /* counts notices; the page shows each number once                 */
    const struct config *config;
    const struct room_view *rooms;     /* config->room_count   */
    const struct heater_view *heaters; /* config->heater_count */
    const struct heater_caps *caps;    /* config->heater_count; NULL: not known */
};

/* The JSON text in one line, its length in `*len`. Owned by the caller, free with free(). */
HB_MUST_USE char *snapshot_print(const struct snapshot_input *input, size_t *len);

#endif
