/* The view of a room, a heater or a circuit as the retained JSON that Home Assistant and everybody
 * else reads. Pure.
 *
 * Every key is always present; unknown is null, never zero and never missing (Home Assistant's
 * templates warn on missing keys and take null as "unknown"). Keys are a published contract: add,
 * never rename.
 *
 * Room: mode off|heat|auto, action off|idle|preheating|heating, target_c target_low_c target_high_c
 * room_c humidity outdoor_c, preset ("none" or a name), power_w power_source requested_w
 * power_limit_w (in force) hashrate_ths energy_kwh, reason (word) reason_text (sentence),
 * window "open"|"closed"|null, available true|false.
 *
 * Heater: power_w power_source commanded_w outcome pending|confirmed|failed|expired outcome_text
 * (why not confirmed, "" if it is), model firmware identity ("" : unknown) uptime_s age_s (of this
 * state when it was sent), hashrate_ths chip_c board_c inlet_c fan (percent) shares_accepted
 * shares_rejected best_difficulty (null: none yet) session_best_difficulty (since the start), pool
 * ("" : none) pool_link none|connecting|ok|lost, pool_reason (sentence, "" : none) pool_changes,
 * pools (list of pool accepted, refused {stale duplicate low_difficulty unauthorized other},
 * answer_p50_ms answer_p95_ms), energy_kwh, problem true|false problem_text, interlock
 * true|false (one has tripped and is not acknowledged) interlock_text (what, "" : none), health
 * healthy|stalled|overheated|not_obeying|pool_lost|config_drift|wrong_device, link unknown|ok|lost,
 * reason, reason_text, writes_today flash_writes_today (those that wear it out) max_writes_per_day
 * writes_left (of flash_writes_today; both null: no limit) writes_total flash_writes (over its
 * whole life) min_write_s min_on_s min_off_s, calibration (metered over own power; null: not
 * learnt) recoveries_today, bad_fields bad_fields_by_reason {missing type range text duplicate
 * unreadable}, available true|false. Of heaters whose work we see (null for others): sat_per_hour
 * sat_per_kwh (expected) revenue_source job|subsidy|null network_difficulty, hashrate_15m_ths
 * (counted), hashrate_shares_ths hashrate_shares_low_ths hashrate_shares_high_ths (by accepted
 * shares of the last hour, with their 95 % interval) shares_check agrees|below|above|null,
 * blocks_found.
 *
 * Circuit: limit_w, allowed_w (of that, for its heaters: the rest is used by other things),
 * possible_w (the most that its heaters could be drawing now), metered_w (by its own meter),
 * over_limit true|false (more is drawn: by the meter, or without one as the heaters say).
 *
 * Event: event_type block_found, hash, height difficulty network_difficulty (null: unknown), pool,
 * blocks_found. It describes the last block; if several were found within a second or so, the count
 * tells.
 *
 * power_source is modelled|reported|metered or null.
 */
#ifndef HB_MQTT_STATE_CODEC_H
#define HB_MQTT_STATE_CODEC_H

#include "bridge/config.h"
#include "bridge/view.h"
#include "ground/time.h"

/* A heater's reading older than this is published as null. */
#define STATE_READING_MAX_AGE_MS 120000
/* Publish each state at least this often, changed or not: entities expire after three times it. */
#define STATE_HEARTBEAT_MS 60000

/* Each returns one line of JSON, owned by the caller, free with free(); never NULL. `room` gives
 * the presets' names. */
char *state_encode_room(const struct config_room *room, const struct room_view *view);
char *state_encode_heater(const struct heater_view *view, hb_mono now);
char *state_encode_circuit(const struct circuit_view *view);

/* The kinds of events, as Home Assistant must know them beforehand. */
#define STATE_EVENT_BLOCK_FOUND "block_found"
/* One line of JSON likewise: the heater has just found a block. */
char *state_encode_block_found(const struct heater_view *view, hb_mono now);

#endif
